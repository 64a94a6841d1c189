import { describe, expect, test } from 'vitest';
import {
  after,
  identity,
  ISSUER,
  oidcProvider,
  PROVIDER_ARN,
  provider as aProvider,
  thrownBy,
} from '../../../test/support/builders.ts';
import { isWrite } from '../../../test/support/in-memory-iam.ts';
import { freshProvider, providerScene } from '../../../test/support/provider-scene.ts';
import { retryable } from '../../errors.ts';
import { type AwsOidcProvider, FINALIZER, PROVIDERS } from '../../kube/kinds.ts';

const foreign = new Map([['made-by', 'eksctl']]);

describe('a new provider', () => {
  test('gets its finalizer, then the OIDC provider in IAM, then its status', async () => {
    const { kubernetes, iam, reconcile, stored, ready } = providerScene();
    expect(await reconcile()).toEqual({ requeueAfterMs: 300_000 });
    expect(iam.operations.filter(isWrite)).toEqual([`CreateOpenIDConnectProvider ${PROVIDER_ARN}`]);
    expect(kubernetes.writes).toEqual(['apply AwsOidcProvider default', 'applyStatus AwsOidcProvider default']);
    expect(stored()?.status).toMatchObject({ issuer: ISSUER, arn: PROVIDER_ARN, thumbprints: ['0'.repeat(40)] });
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test('holds its finalizer before the first write to AWS [F12]', async () => {
    const { kubernetes, iam, reconcile } = providerScene();
    kubernetes.refusals.set('apply AwsOidcProvider default', new Error('no'));
    await thrownBy(reconcile);
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });

  test('whose status cannot be written is found in order once more, and then told', async () => {
    const { kubernetes, reconcile, ready } = providerScene();
    kubernetes.refusals.set('applyStatus AwsOidcProvider default', new Error('connection reset'));
    expect(await thrownBy(reconcile)).toMatchObject({ disposition: { kind: 'retryable' } });
    expect(ready()).toBeUndefined();
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test('whose status somebody wiped has it again after the next pass, whatever that is for', async () => {
    const { kubernetes, reconcile, ready, stored } = providerScene();
    await reconcile();
    const { status: _, ...wiped } = stored() ?? freshProvider();
    kubernetes.put(PROVIDERS, wiped);
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True' });
  });

  test.each([
    { name: 'an issuer with a port', issuer: 'https://a.example:6443', reason: 'IssuerHasPort' },
    { name: 'an issuer inside the cluster', issuer: 'https://kubernetes.default.svc', reason: 'IssuerNotPublic' },
  ])('with $name makes nothing in AWS', async ({ issuer, reason }) => {
    const { iam, reconcile, ready } = providerScene({ issuer });
    expect(await thrownBy(reconcile)).toMatchObject({ reason });
    expect(iam.operations).toEqual([]);
    expect(ready()).toMatchObject({ status: 'False', reason });
  });

  test('of another account makes nothing in AWS', async () => {
    const { iam, reconcile } = providerScene({ provider: freshProvider({ spec: { accountId: '444455556666' } }) });
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'WrongAccount' });
    expect(iam.operations).toEqual([]);
  });
});

describe('an OIDC provider that existed before', () => {
  test('is used and never written [F45]', async () => {
    const observed = oidcProvider({ tags: foreign, thumbprints: ['f'.repeat(40)] });
    const { iam, reconcile, ready, stored } = providerScene({ observed });
    await reconcile();
    expect(iam.operations.filter(isWrite)).toEqual([]);
    expect(iam.state.get(PROVIDER_ARN)).toBe(observed);
    expect(ready()).toMatchObject({ status: 'True' });
    expect(stored()?.status?.thumbprints).toEqual(['f'.repeat(40)]);
  });

  test('without our audience is refused and never written [F45]', async () => {
    const observed = oidcProvider({ tags: foreign, clientIds: new Set(['x']) });
    const { iam, reconcile } = providerScene({ observed });
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'AudienceNotRegistered' });
    expect(iam.state.get(PROVIDER_ARN)).toBe(observed);
  });

  test('that somebody else makes between our look and our creation is looked at before it is called ready', async () => {
    const { iam, reconcile, ready } = providerScene();
    const { create } = iam.oidcProviders;
    iam.oidcProviders.create = async (wanted, signal) => {
      iam.state.set(PROVIDER_ARN, oidcProvider({ tags: foreign, clientIds: new Set(['x']) }));
      return create(wanted, signal);
    };
    expect(await thrownBy(reconcile)).toMatchObject({ disposition: { kind: 'retryable' } });
    expect(ready()).toMatchObject({ status: 'False' });
    expect(await thrownBy(reconcile)).toMatchObject({ reason: 'AudienceNotRegistered' });
  });
});

describe('a provider that is ready', () => {
  test('is reconciled again without a call to AWS or a write', async () => {
    const { kubernetes, iam, reconcile } = providerScene();
    await reconcile();
    iam.operations.length = 0;
    kubernetes.writes.length = 0;
    await reconcile();
    expect([iam.operations, kubernetes.writes]).toEqual([[], []]);
  });

  test('counts its identities without a call to AWS', async () => {
    const { iam, users, reconcile, stored } = providerScene();
    await reconcile();
    iam.operations.length = 0;
    users.push(identity());
    await reconcile();
    expect(stored()?.status?.identities).toBe(1);
    expect(iam.operations).toEqual([]);
  });

  test('has its drift repaired at the next resync [F46]', async () => {
    const { iam, clock, reconcile } = providerScene();
    await reconcile();
    iam.state.set(PROVIDER_ARN, { ...iam.state.get(PROVIDER_ARN)!, clientIds: new Set(['by-hand']) });
    clock.now = after(600_000);
    await reconcile();
    expect(iam.state.get(PROVIDER_ARN)?.clientIds).toEqual(new Set(['sts.amazonaws.com']));
  });

  test('whose creation had no answer is found, and not made twice [F25]', async () => {
    const { iam, reconcile, ready } = providerScene();
    const error = retryable('AwsUnreachable', 'lost');
    iam.faults.push({ operation: 'CreateOpenIDConnectProvider', effect: 'lost', error });
    await thrownBy(reconcile);
    await reconcile();
    expect(ready()).toMatchObject({ status: 'True' });
    expect(iam.operations.filter(isWrite)).toHaveLength(1);
  });

  test('in Observe shows what differs, and writes nothing to AWS', async () => {
    const provider = freshProvider({ spec: { managementPolicy: 'Observe' } });
    const { iam, reconcile } = providerScene({ provider, observed: oidcProvider({ clientIds: new Set(['x']) }) });
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'DriftDetected',
      message: expect.stringContaining('AddClientIDToOpenIDConnectProvider'),
    });
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });
});

const deleted = (spec: object = {}): AwsOidcProvider =>
  aProvider({ metadata: { finalizers: [FINALIZER], deletionTimestamp: '2026-03-01T12:00:00Z' }, spec });

describe('the deletion of a provider', () => {
  test('waits for the identities that use it, and names some of them [F52]', async () => {
    const identities = Array.from({ length: 7 }, (_, index) => identity({ metadata: { name: `app-${index}` } }));
    const { iam, reconcile, stored } = providerScene({ provider: deleted({ deletionPolicy: 'Delete' }), identities });
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'InUse',
      message: expect.stringMatching(/^7 .*analytics\/app-0.*analytics\/app-4 and 2 more\)/),
    });
    expect(iam.operations).toEqual([]);
    expect(stored()?.metadata.finalizers).toEqual([FINALIZER]);
  });

  test.each([
    { name: 'Retain, the default', spec: {}, observed: oidcProvider(), stays: true },
    { name: 'Delete', spec: { deletionPolicy: 'Delete' }, observed: oidcProvider(), stays: false },
    {
      name: 'Delete, of one that existed before',
      spec: { deletionPolicy: 'Delete' },
      observed: oidcProvider({ tags: foreign }),
      stays: true,
    },
    {
      name: 'Delete under Observe',
      spec: { deletionPolicy: 'Delete', managementPolicy: 'Observe' },
      observed: oidcProvider(),
      stays: true,
    },
  ])('with $name: the OIDC provider stays: $stays', async ({ spec, observed, stays }) => {
    const { iam, reconcile, stored } = providerScene({ provider: deleted(spec), observed });
    await reconcile();
    expect(iam.state.has(PROVIDER_ARN)).toBe(stays);
    expect(stored()).toBeUndefined();
  });

  test.each([
    { name: 'ours', observed: oidcProvider(), stays: false },
    { name: "somebody else's", observed: oidcProvider({ tags: foreign }), stays: true },
  ])('finds the OIDC provider of which a crash kept the status from knowing: $name stays: $stays', async (row) => {
    const provider = { ...deleted({ deletionPolicy: 'Delete' }), status: {} };
    const { iam, reconcile, stored } = providerScene({ provider, observed: row.observed });
    await reconcile();
    expect(iam.state.has(PROVIDER_ARN)).toBe(row.stays);
    expect(stored()).toBeUndefined();
  });

  test('waits for an OIDC provider that IAM does not show yet, as long as its answers can be late', async () => {
    const { iam, reconcile, stored, clock } = providerScene({ provider: deleted({ deletionPolicy: 'Delete' }) });
    expect(await thrownBy(reconcile)).toMatchObject({
      reason: 'Propagating',
      disposition: { kind: 'waiting', retryAfterMs: 10_000 },
    });
    expect(stored()?.metadata.finalizers).toEqual([FINALIZER]);
    clock.now = new Date(clock.now.getTime() + 61_000);
    await reconcile();
    expect(iam.operations.filter((operation) => !operation.startsWith('Get'))).toEqual([]);
    expect(stored()).toBeUndefined();
  });

  test('is not held up by an issuer that AWS could never use: nothing was made for it', async () => {
    const provider = { ...deleted({ deletionPolicy: 'Delete' }), status: {} };
    const { iam, reconcile, stored } = providerScene({ provider, issuer: 'https://kubernetes.default.svc' });
    await reconcile();
    expect(iam.operations).toEqual([]);
    expect(stored()).toBeUndefined();
  });
});
