import { describe, expect, test } from 'vitest';
import { after, oidcProvider, provider as aProvider, providerSpec, thrownBy } from '../../../test/support/builders.ts';
import { foundObject } from '../../../test/support/in-memory-s3.ts';
import { freshProvider, providerScene } from '../../../test/support/provider-scene.ts';
import { retryable } from '../../errors.ts';
import { FINALIZER, PROVIDERS } from '../../kube/kinds.ts';

const S3 = { bucket: 'my-oidc', prefix: 'a' };
const spec = { issuer: { publish: { s3: S3 } } };
const JWKS = 'a/openid/v1/jwks';
const DISCOVERY = 'a/.well-known/openid-configuration';
const DENIED = retryable('AccessDenied', 'no right to write');

/** A provider that publishes, and a CDN that serves what its issuer needs. */
function scene(options: Parameters<typeof providerScene>[0] = {}) {
  const made = providerScene({ provider: freshProvider({ spec }), ...options });
  const serve = (...kids: readonly string[]): void =>
    void made.kubernetes.paths.set('/openid/v1/jwks', { keys: kids.map((kid) => ({ kid, kty: 'RSA', n: kid })) });
  serve('k1');
  return { ...made, serve };
}

test('a provider that publishes nothing has no such condition, and nothing of S3 is touched', async () => {
  const { reconcile, bucket, condition } = scene({ provider: freshProvider() });
  await reconcile();
  expect(condition('IssuerPublished')).toBeUndefined();
  expect(bucket.operations).toEqual([]);
});

test('the finalizer is held before the first write to the bucket, and the bucket is written before IAM is asked', async () => {
  const { reconcile, bucket, kubernetes, iam, condition, ready } = scene();
  kubernetes.refusals.set('apply AwsOidcProvider default', new Error('no'));
  await thrownBy(reconcile);
  expect(bucket.state.size).toBe(0);
  iam.faults.push({ operation: 'GetOpenIDConnectProvider', effect: 'refused', error: DENIED });
  await thrownBy(reconcile);
  expect([...bucket.state.keys()]).toEqual([JWKS, DISCOVERY]);
  await reconcile();
  expect(condition('IssuerPublished')).toMatchObject({ status: 'True', reason: 'Succeeded' });
  expect(ready()).toMatchObject({ status: 'True' });
});

test('a first publication that fails is what Ready tells, whatever follows from it', async () => {
  const { reconcile, bucket, ready, condition, internet } = scene();
  internet.clear();
  bucket.refusals.set(`PutObject ${JWKS}`, DENIED);
  await thrownBy(reconcile);
  expect(condition('IssuerPublished')).toMatchObject({ status: 'False', reason: 'AccessDenied' });
  expect(ready()).toMatchObject({ status: 'False', reason: 'AccessDenied' });
});

describe('a publication that fails later', () => {
  test('leaves a ready provider ready, says so, and is tried again', async () => {
    const { reconcile, bucket, clock, serve, ready, condition } = scene();
    await reconcile();
    serve('k1', 'k2');
    clock.now = after(600_000);
    bucket.refusals.set(`PutObject ${JWKS}`, DENIED);
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'AccessDenied' });
    expect(condition('IssuerPublished')).toMatchObject({ status: 'False', reason: 'AccessDenied' });
    expect(ready()).toMatchObject({ status: 'True', message: expect.stringContaining('Publishing fails') });
    await reconcile();
    expect(condition('IssuerPublished')).toMatchObject({ status: 'True' });
    expect(ready()?.message).not.toContain('Publishing fails');
  });

  test('does not hide that AWS lacks the key of new tokens', async () => {
    const { reconcile, bucket, clock, serve, token, ready } = scene();
    await reconcile();
    token.kid = 'k2';
    serve('k1', 'k2');
    clock.now = after(3_600_001);
    bucket.refusals.set(`PutObject ${JWKS}`, DENIED);
    await thrownBy(reconcile);
    expect(ready()).toMatchObject({ status: 'False' });
  });

  test('of another spec than the one that was ready is what Ready tells', async () => {
    const { reconcile, bucket, kubernetes, stored, ready } = scene();
    await reconcile();
    const before = stored()!;
    const moved = providerSpec({ issuer: { publish: { s3: { ...S3, prefix: 'b' } } } });
    kubernetes.put(PROVIDERS, { ...before, metadata: { ...before.metadata, generation: 2 }, spec: moved });
    bucket.refusals.set('PutObject b/openid/v1/jwks', DENIED);
    await thrownBy(reconcile);
    expect(ready()).toMatchObject({ status: 'False', reason: 'AccessDenied' });
  });
});

test('an issuer that AWS cannot use is asked for again soon: flags of the API server change unseen', async () => {
  const { reconcile, token, ready, condition } = scene({ issuer: 'https://kubernetes.default.svc' });
  expect(await thrownBy(reconcile)).toMatchObject({
    reason: 'IssuerNotPublic',
    message: expect.stringContaining('--service-account-issuer=https://my-oidc.s3.eu-west-1.amazonaws.com/a first'),
    disposition: { kind: 'waiting' },
  });
  expect(condition('IssuerPublished')).toMatchObject({ status: 'Unknown', reason: 'Pending' });
  token.iss = 'https://oidc.example.com/cluster-a';
  await reconcile();
  expect(ready()).toMatchObject({ status: 'True' });
});

describe('with the object', () => {
  const deleted = (fields: object) =>
    aProvider({
      metadata: { finalizers: [FINALIZER], deletionTimestamp: '2026-03-01T11:00:00Z' },
      spec: { ...spec, ...fields },
    });
  const ours = foundObject({
    body: '{}',
    metadata: { 'federatedidentity-cluster': 'c0ffee00-0000-4000-8000-000000000001' },
  });
  const published = (made: ReturnType<typeof scene>): void => {
    for (const key of [JWKS, DISCOVERY]) made.bucket.state.set(key, ours);
  };

  test.each([
    { name: 'Retain, the default', fields: {}, left: [JWKS, DISCOVERY] },
    { name: 'Delete', fields: { deletionPolicy: 'Delete' }, left: [] },
    {
      name: 'Delete under Observe',
      fields: { deletionPolicy: 'Delete', managementPolicy: 'Observe' },
      left: [JWKS, DISCOVERY],
    },
  ])('$name: the documents that stay are $left', async ({ fields, left }) => {
    const made = scene({ provider: deleted(fields), observed: oidcProvider() });
    published(made);
    await made.reconcile();
    expect([...made.bucket.state.keys()]).toEqual(left);
    expect(made.stored()).toBeUndefined();
  });

  test('documents that another provider publishes too stay', async () => {
    const made = scene({ provider: deleted({ deletionPolicy: 'Delete' }), observed: oidcProvider() });
    published(made);
    const other = aProvider({ metadata: { name: 'other-account', uid: 'other-uid' }, spec });
    made.kubernetes.put(PROVIDERS, other);
    await made.reconcile();
    expect(made.bucket.state.size).toBe(2);
    expect(made.stored()).toBeUndefined();
  });
});
