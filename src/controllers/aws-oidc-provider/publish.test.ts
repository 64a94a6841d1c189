import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { ACCOUNT, after, CLUSTER, NOW, providerSpec, thrownBy } from '../../../test/support/builders.ts';
import { inMemoryAccount } from '../../../test/support/in-memory-iam.ts';
import { inMemoryKubernetes } from '../../../test/support/in-memory-kubernetes.ts';
import { foundObject, inMemoryBucket } from '../../../test/support/in-memory-s3.ts';
import { terminal } from '../../errors.ts';
import { IssuerUrl, Partition } from '../../iam/arn.ts';
import { publishIssuer, publishTarget, unpublish, withPublishRemedy } from './publish.ts';

const S3 = { bucket: 'my-oidc', prefix: 'a' };
const ISSUER = IssuerUrl.parse('https://my-oidc.s3.eu-west-1.amazonaws.com/a');
const JWKS = 'a/openid/v1/jwks';
const DISCOVERY = 'a/.well-known/openid-configuration';
const key = (kid: string): object => ({ kid, kty: 'RSA', alg: 'RS256', use: 'sig', n: `n-of-${kid}`, e: 'AQAB' });

function scene({ issuer = ISSUER, spec = {} }: { readonly issuer?: IssuerUrl; readonly spec?: object } = {}) {
  const kubernetes = inMemoryKubernetes();
  const serve = (...kids: readonly string[]): void =>
    void kubernetes.paths.set('/openid/v1/jwks', { keys: kids.map(key) });
  serve('one');
  const bucket = inMemoryBucket();
  const account = inMemoryAccount(undefined, undefined, bucket);
  const provider = providerSpec({ issuer: { publish: { s3: S3 } }, ...spec });
  const target = publishTarget(provider)!;
  const caller = {
    arn: 'arn:aws:iam::111122223333:user/operator',
    account: ACCOUNT,
    partition: Partition.parse('aws'),
  };
  const clock = { now: NOW };
  const order: string[] = [];
  const beforeWrite = async (): Promise<void> => {
    order.push(`finalizer after ${bucket.operations.filter((one) => one.startsWith('Put')).length} writes`);
  };
  const publishable = { spec: provider, target, issuer, caller, account, beforeWrite };
  const context = { signal: new AbortController().signal, log: pino({ level: 'silent' }) };
  const writes = (): readonly string[] => bucket.operations.filter((one) => !one.startsWith('Get'));
  return {
    kubernetes,
    bucket,
    clock,
    order,
    serve,
    writes,
    publish: () =>
      publishIssuer({ kubernetes: kubernetes.client, cluster: CLUSTER, now: () => clock.now }, publishable, context),
    remove: () => unpublish({ cluster: CLUSTER }, publishable, context),
    published: (path: string): unknown => JSON.parse(bucket.state.get(path)?.body ?? 'null'),
  };
}

describe('publishing', () => {
  test('writes the keys, then the document, after the finalizer; and then nothing more', async () => {
    const { publish, writes, order, bucket } = scene();
    expect(await publish()).toBe('The discovery document and 1 key are in s3://my-oidc/a.');
    expect(writes()).toEqual([`PutObject ${JWKS}`, `PutObject ${DISCOVERY}`]);
    expect(order).toEqual(['finalizer after 0 writes']);
    bucket.operations.length = 0;
    await publish();
    expect(bucket.operations).toEqual([`GetObject ${JWKS}`, `GetObject ${DISCOVERY}`]);
  });

  test('adds the key of a rotation to the one before, and says so', async () => {
    const { publish, serve, published } = scene();
    await publish();
    serve('two');
    expect(await publish()).toContain('2 keys (1 of them out of use, kept for running tokens)');
    expect(published(JWKS)).toEqual({ keys: [key('one'), key('two')] });
  });

  test('removes no key because one of several API servers does not serve it', async () => {
    const { publish, serve, published, clock } = scene();
    serve('one', 'two');
    await publish();
    for (let hour = 1; hour <= 72; hour += 1) {
      clock.now = after(hour * 3_600_000);
      serve(...(hour % 2 === 0 ? ['one', 'two'] : ['one']));
      await publish();
      expect(published(JWKS)).toEqual({ keys: [key('one'), key('two')] });
    }
  });

  test('goes on where an earlier pass ended between the two writes', async () => {
    const { publish, bucket, writes } = scene();
    bucket.refusals.set(`PutObject ${DISCOVERY}`, new Error('crash'));
    await thrownBy(publish);
    bucket.operations.length = 0;
    await publish();
    expect(writes()).toEqual([`PutObject ${DISCOVERY}`]);
  });

  test('by two writers at once: the slower one writes nothing and looks again', async () => {
    const { publish, bucket, published } = scene();
    bucket.meanwhile = () => bucket.state.set(JWKS, foundObject({ body: '{"keys":[]}' }));
    expect(await thrownBy(publish)).toMatchObject({ disposition: { kind: 'retryable' } });
    expect(published(JWKS)).toEqual({ keys: [] });
    expect(await thrownBy(publish)).toMatchObject({ reason: 'PublishConflict' });
  });

  test('without the right to read what is there: names the missing s3:GetObject', async () => {
    const { publish, bucket } = scene();
    bucket.objects.get = async () => ({ kind: 'hidden' });
    bucket.state.set(JWKS, foundObject({ body: '{}' }));
    expect(await thrownBy(publish)).toMatchObject({
      reason: 'AccessDenied',
      message: expect.stringContaining(`"Action":"s3:GetObject","Resource":"arn:aws:s3:::my-oidc/${JWKS}"`),
    });
  });

  test('under Observe: shows what differs, and writes nothing', async () => {
    const { publish, writes, order } = scene({ spec: { managementPolicy: 'Observe' } });
    expect(await thrownBy(publish)).toMatchObject({
      reason: 'DriftDetected',
      message: expect.stringContaining(`s3://my-oidc/${JWKS} and s3://my-oidc/${DISCOVERY} are not`),
    });
    expect([writes(), order]).toEqual([[], []]);
  });

  test.each([
    { name: 'no keys', answer: { keys: [] } },
    { name: 'a page of a proxy', answer: 'login' },
    { name: 'keys without a name', answer: { keys: [{ kty: 'RSA' }] } },
  ])('where the API server serves $name: touches nothing', async ({ answer }) => {
    const { publish, kubernetes, bucket } = scene();
    kubernetes.paths.set('/openid/v1/jwks', answer);
    expect(await thrownBy(publish)).toMatchObject({ reason: 'KubernetesRequestFailed' });
    expect(bucket.operations).toEqual([]);
  });

  test('under an issuer of another host: says who must serve them', async () => {
    const { publish } = scene({ issuer: IssuerUrl.parse('https://oidc.example.com/x') });
    expect(await publish()).toContain('oidc.example.com must serve them under https://oidc.example.com/x');
  });

  test('under an issuer that is another place in S3: refuses, names the right issuer, and asks S3 nothing', async () => {
    const { publish, bucket } = scene({ issuer: IssuerUrl.parse('https://my-oidc.s3.eu-west-1.amazonaws.com/b') });
    expect(await thrownBy(publish)).toMatchObject({
      reason: 'IssuerMismatch',
      message: expect.stringContaining(`--service-account-issuer=${ISSUER} first`),
    });
    expect(bucket.operations).toEqual([]);
  });
});

describe('the way back', () => {
  test('removes the document, then the keys', async () => {
    const { publish, remove, writes, bucket } = scene();
    await publish();
    bucket.operations.length = 0;
    await remove();
    expect(writes()).toEqual([`DeleteObject ${DISCOVERY}`, `DeleteObject ${JWKS}`]);
    expect(bucket.state.size).toBe(0);
    await remove();
  });

  test('leaves what is not ours', async () => {
    const { remove, writes, bucket } = scene();
    bucket.state.set(JWKS, foundObject({ body: '{}', metadata: { 'federatedidentity-cluster': 'other' } }));
    bucket.state.set(DISCOVERY, foundObject({ body: '{}' }));
    await remove();
    expect(writes()).toEqual([]);
  });

  test('leaves what was written since it was looked at', async () => {
    const { publish, remove, bucket } = scene();
    await publish();
    bucket.meanwhile = () => bucket.state.set(DISCOVERY, foundObject({ body: '{}' }));
    expect(await thrownBy(remove)).toMatchObject({ disposition: { kind: 'retryable' } });
    expect(bucket.state.size).toBe(2);
  });
});

describe('an issuer that AWS cannot use', () => {
  const local = 'https://kubernetes.default.svc.cluster.local';
  const error = terminal('IssuerNotPublic', 'general advice');

  test('gets the exact flag where a bucket waits', () => {
    const spec = providerSpec({ issuer: { publish: { s3: S3 } } });
    expect(withPublishRemedy(error, spec, local)).toMatchObject({
      reason: 'IssuerNotPublic',
      message: expect.stringMatching(
        `--service-account-issuer=${ISSUER} first and --service-account-issuer=${local} second`,
      ),
      disposition: { kind: 'waiting', retryAfterMs: 60_000 },
    });
  });

  test('keeps the general advice elsewhere', () => {
    expect(withPublishRemedy(error, providerSpec(), local)).toBe(error);
    const other = terminal('IssuerMismatch', 'other');
    expect(withPublishRemedy(other, providerSpec({ issuer: { publish: { s3: S3 } } }), local)).toBe(other);
  });
});

test('the region of the bucket is the one of the provider, unless it is given', () => {
  const targetOf = (s3: object) => publishTarget(providerSpec({ issuer: { publish: { s3 } } }));
  expect(targetOf({ bucket: 'my-oidc' })).toEqual({ bucket: 'my-oidc', region: 'eu-west-1', prefix: '' });
  expect(targetOf({ bucket: 'my-oidc', region: 'us-east-1' })).toMatchObject({ region: 'us-east-1' });
  expect(publishTarget(providerSpec())).toBeUndefined();
});
