import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { clientsOf, errorOf, policyOf, startWithAdmin } from '../test-clients.ts';

test('objects are written, listed, read and deleted, with odd keys and streams', async () => {
  await using setup = await startWithAdmin();
  const { s3, aws } = setup;
  await s3.send(
    new CreateBucketCommand({ Bucket: 'data', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
  );
  const Key = "a b/ü+*'(1).json";
  await s3.send(
    new PutObjectCommand({
      Bucket: 'data',
      Key,
      Body: '{}',
      ContentType: 'application/json',
      CacheControl: 'max-age=60',
      Metadata: { x: 'y' },
    }),
  );
  await s3.send(
    new PutObjectCommand({
      Bucket: 'data',
      Key: 'stream',
      Body: Readable.from([Buffer.alloc(100_000, 'a'), Buffer.from('end')]),
      ContentLength: 100_003,
    }),
  );
  const read = await s3.send(new GetObjectCommand({ Bucket: 'data', Key }));
  expect(await read.Body?.transformToString()).toBe('{}');
  expect(read).toMatchObject({ ContentType: 'application/json', CacheControl: 'max-age=60', Metadata: { x: 'y' } });
  expect(aws.account().getObject('data', 'stream')?.body.subarray(-4).toString()).toBe('aend');
  expect((await s3.send(new HeadObjectCommand({ Bucket: 'data', Key }))).ContentLength).toBe(2);
  expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map((bucket) => bucket.Name)).toEqual(['data']);
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: 'data', Delimiter: '/', EncodingType: 'url' }));
  expect(listed.CommonPrefixes).toEqual([{ Prefix: 'a%20b/' }]);
  expect(listed.Contents?.map((object) => object.Key)).toEqual(['stream']);
  const keys: (string | undefined)[] = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket: 'data' })) {
    keys.push(...(page.Contents ?? []).map((object) => object.Key));
  }
  expect(keys).toEqual([Key, 'stream']);
  await s3.send(new DeleteObjectCommand({ Bucket: 'data', Key }));
  expect(await errorOf(s3.send(new GetObjectCommand({ Bucket: 'data', Key })))).toEqual({
    code: 'NoSuchKey',
    status: 404,
    message: 'The specified key does not exist.',
  });
});

test('missing buckets, taken names and missing permissions have their own codes', async () => {
  await using setup = await startWithAdmin({ accounts: ['111122223333', '999988887777'] });
  const { s3, aws } = setup;
  aws.account('999988887777').createBucket('taken');
  aws.account().createBucket('mine');
  expect(await errorOf(s3.send(new ListObjectsV2Command({ Bucket: 'none' })))).toMatchObject({
    code: 'NoSuchBucket',
    status: 404,
  });
  expect((await errorOf(s3.send(new HeadBucketCommand({ Bucket: 'none' })))).status).toBe(404);
  expect(await errorOf(s3.send(new CreateBucketCommand({ Bucket: 'taken' })))).toMatchObject({
    code: 'BucketAlreadyExists',
    status: 409,
  });
  expect(await errorOf(s3.send(new CreateBucketCommand({ Bucket: 'mine' })))).toMatchObject({
    code: 'BucketAlreadyOwnedByYou',
    status: 409,
  });
  expect(
    await errorOf(s3.send(new PutObjectCommand({ Bucket: 'mine', Key: 'k', Body: 'v', ACL: 'public-read' }))),
  ).toMatchObject({ code: 'AccessControlListNotSupported', status: 400 });
  expect(await errorOf(s3.send(new ListObjectsV2Command({ Bucket: 'taken' })))).toMatchObject({
    code: 'AccessDenied',
    status: 403,
  });
  const reader = aws
    .account()
    .createUser('reader', policyOf({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::mine/*' }));
  const call = clientsOf(aws, reader).s3.send(new GetObjectCommand({ Bucket: 'mine', Key: 'absent' }));
  expect(await errorOf(call)).toMatchObject({ code: 'AccessDenied', status: 403 });
});

test('a bucket policy lets anonymous readers in, path-style and virtual-hosted; nothing else does', async () => {
  await using setup = await startWithAdmin();
  const account = setup.aws.account();
  const policy = policyOf({ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::oidc/*' });
  account.createBucket('oidc', { policy });
  account.putObject('oidc', 'keys.json', '{"keys":[]}', { 'content-type': 'application/json' });
  account.createBucket('private');
  account.putObject('private', 'k', 'v');
  const open = await fetch(`${setup.aws.endpoint}/oidc/keys.json`);
  expect([open.status, await open.text()]).toEqual([200, '{"keys":[]}']);
  const closed = await fetch(`${setup.aws.endpoint}/private/k`);
  expect([closed.status, await closed.text()]).toEqual([
    403,
    expect.stringContaining('<Code>AccessDenied</Code><Message>Access Denied</Message>'),
  ]);
  expect(setup.aws.calls.at(-1)).toMatchObject({
    principal: 'anonymous',
    operation: 'GetObject',
    resource: 'arn:aws:s3:::private/k',
  });
});

test('what the double does not have is NotImplemented, a broken URI InvalidURI', async () => {
  await using setup = await startWithAdmin();
  const policy = await fetch(`${setup.aws.endpoint}/data?policy`);
  expect([policy.status, await policy.text()]).toEqual([501, expect.stringContaining('<Code>NotImplemented</Code>')]);
  const broken = await fetch(`${setup.aws.endpoint}/data/%E0%A4`);
  expect([broken.status, await broken.text()]).toEqual([400, expect.stringContaining('<Code>InvalidURI</Code>')]);
});
