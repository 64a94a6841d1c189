import { expect, test } from 'vitest';
import { clientsOf, policyOf, startWithAdmin } from '../../dev/aws/test-clients.ts';
import { thrownBy } from '../../test/support/builders.ts';
import { Partition } from '../iam/arn.ts';
import { awsBucketObjects, type BucketAddress, type BucketObjects, type NewObject } from './bucket-objects.ts';

const ADDRESS: BucketAddress = { partition: Partition.parse('aws'), region: 'eu-west-1', bucket: 'oidc' };
const { signal } = new AbortController();
const object = (body: string): NewObject => ({
  body,
  contentType: 'application/json',
  cacheControl: 'public, max-age=300',
  metadata: { owner: 'us' },
});

type Setup = Awaited<ReturnType<typeof startWithAdmin>>;
const objectsOf = ({ s3 }: Pick<Setup, 's3'>, address: Partial<BucketAddress> = {}): BucketObjects =>
  awsBucketObjects(async () => s3, { ...ADDRESS, ...address });
/** The objects as a user with these rights reaches them. */
const objectsFor = ({ aws }: Setup, Action: readonly string[]): BucketObjects => {
  const user = aws.account().createUser('limited', policyOf({ Effect: 'Allow', Action, Resource: '*' }));
  return objectsOf(clientsOf(aws, user));
};
const etagOf = async (objects: BucketObjects, key: string): Promise<string> => {
  const seen = await objects.get(key, signal);
  if (seen.kind !== 'found') throw new Error(`${key} is ${seen.kind}`);
  return seen.etag;
};

test('an object is written where nothing is, read with all that was written, and deleted', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc');
  const objects = objectsOf(setup);
  expect(await objects.get('a/jwks', signal)).toEqual({ kind: 'absent' });
  expect(await objects.put('a/jwks', object('{}'), { kind: 'absent' }, signal)).toBe('written');
  const seen = await objects.get('a/jwks', signal);
  expect(seen).toEqual({ kind: 'found', etag: expect.stringMatching(/^"[0-9a-f]{32}"$/), ...object('{}') });
  expect(await objects.delete('a/jwks', await etagOf(objects, 'a/jwks'), signal)).toBe('deleted');
  expect(await objects.get('a/jwks', signal)).toEqual({ kind: 'absent' });
});

test('of two writers one wins, and the other one writes nothing', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc');
  const objects = objectsOf(setup);
  const put = (body: string, etag?: string) =>
    objects.put('k', object(body), etag === undefined ? { kind: 'absent' } : { kind: 'found', etag }, signal);
  expect(await put('first')).toBe('written');
  expect(await put('second')).toBe('changed');
  const etag = await etagOf(objects, 'k');
  expect(await put('third', etag)).toBe('written');
  expect(await put('fourth', etag)).toBe('changed');
  expect(await objects.delete('k', etag, signal)).toBe('changed');
  expect(setup.aws.account().getObject('oidc', 'k')?.body.toString()).toBe('third');
  await objects.delete('k', await etagOf(objects, 'k'), signal);
  expect(await put('fifth', etag)).toBe('changed');
});

test('of an object that is no document by its size, all is read but its body', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc');
  const objects = objectsOf(setup);
  await objects.put('large', object('x'.repeat(1_048_576)), { kind: 'absent' }, signal);
  await objects.put('huge', object('x'.repeat(1_048_577)), { kind: 'absent' }, signal);
  expect(await objects.get('large', signal)).toMatchObject({ body: expect.stringMatching(/^x{1000}/) });
  expect(await objects.get('huge', signal)).toMatchObject({ kind: 'found', body: '', metadata: { owner: 'us' } });
});

test('no ACL is ever sent', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc');
  const sent: string[] = [];
  setup.s3.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as { readonly request: { readonly headers: object } };
      sent.push(...Object.keys(request.headers));
      return next(args);
    },
    { step: 'finalizeRequest' },
  );
  await objectsOf(setup).put('k', object('{}'), { kind: 'absent' }, signal);
  expect(sent).toContain('if-none-match');
  expect(sent.filter((name) => /acl|grant/.test(name))).toEqual([]);
});

test('without s3:ListBucket a missing object is hidden, and can be created all the same', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc');
  const objects = objectsFor(setup, ['s3:GetObject', 's3:PutObject']);
  expect(await objects.get('k', signal)).toEqual({ kind: 'hidden' });
  expect(await objects.put('k', object('{}'), { kind: 'absent' }, signal)).toBe('written');
  expect(await objects.get('k', signal)).toMatchObject({ kind: 'found', body: '{}' });
});

test('a denied write names the action, the object and the statement to add', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc');
  const objects = objectsFor(setup, ['s3:GetObject']);
  expect(await thrownBy(() => objects.put('a/k', object('{}'), { kind: 'absent' }, signal))).toMatchObject({
    reason: 'AccessDenied',
    message: expect.stringMatching(
      /^PutObject s3:\/\/oidc\/a\/k: User: .* Add to the policies of .*\{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::oidc\/a\/k"\}/,
    ),
  });
});

test('a bucket that does not exist, or lies elsewhere, is told with the right name', async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('oidc', { region: 'eu-central-1' });
  const put = (bucket: string) => () => objectsOf(setup, { bucket }).put('k', object('{}'), { kind: 'absent' }, signal);
  expect(await thrownBy(put('none'))).toMatchObject({
    reason: 'BucketNotFound',
    message: expect.stringContaining('There is no bucket none. Create it in eu-west-1'),
  });
  expect(await thrownBy(put('oidc'))).toMatchObject({
    reason: 'BucketRegionMismatch',
    message: expect.stringContaining('The bucket oidc is not in eu-west-1, but in eu-central-1.'),
    disposition: { kind: 'terminal' },
  });
  expect(await thrownBy(() => objectsOf(setup).get('k', signal))).toMatchObject({ reason: 'BucketRegionMismatch' });
});

test('an outage is an outage', async () => {
  await using setup = await startWithAdmin();
  await setup.aws.close();
  expect(await thrownBy(() => objectsOf(setup).get('k', signal))).toMatchObject({ reason: 'AwsUnreachable' });
});
