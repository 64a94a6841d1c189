import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  after,
  condition,
  identity,
  owner,
  policyArn,
  provider,
  role,
  ROLE_NAME,
} from '../../../test/support/builders.ts';
import { edit, identityScene, type IdentityScene } from '../../../test/support/identity-scene.ts';
import { inMemoryRoles, isWrite } from '../../../test/support/in-memory-iam.ts';
import type { Drift } from '../../crds/aws-federated-identity.ts';
import { waiting } from '../../errors.ts';
import { ownerTags } from '../../iam/tags.ts';
import { ApiError } from '../../kube/errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import { IDENTITIES, PROVIDERS, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';

const RESYNC_MS = 600_000;
const MAX_AGE_MS = 1_500_000;
const named = { role: { name: ROLE_NAME } };
const name = { namespace: 'analytics', name: 'reports' };
const withPolicy = { role: { name: ROLE_NAME, managedPolicyArns: [policyArn('AmazonS3ReadOnlyAccess')] } };
const tableOf = ({ kubernetes }: IdentityScene) =>
  kubernetes.read<InjectionTable>(CONFIG_MAPS, { namespace: 'analytics', name: TABLE_NAME })?.data;
const permissive = provider({ spec: { guardrails: { managedPolicyArns: ['*'] } } });

const reasons = ({ stored }: IdentityScene): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (stored()?.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  );

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a new identity', () => {
  test('gets finalizer, role, table entry, ServiceAccount, open gate and status, in this order', async () => {
    const scene = identityScene({ identity: identity({ spec: withPolicy }), provider: permissive });
    await scene.reconcile();
    expect(scene.iam.operations).toEqual([`CreateRole ${ROLE_NAME}`, `AttachRolePolicy ${ROLE_NAME}`]);
    expect(scene.kubernetes.writes).toEqual([
      'apply AwsFederatedIdentity reports',
      'create ConfigMap aws-pod-injection',
      'apply ServiceAccount reports',
      'apply AwsFederatedIdentity reports',
      'applyStatus AwsFederatedIdentity reports',
    ]);
    expect(reasons(scene)).toMatchObject({ Ready: 'True Succeeded', FederationVerified: 'True Succeeded' });
    expect(scene.exchanged).toEqual(['token of analytics/reports for sts.amazonaws.com']);
  });

  test('holds its finalizer before the first write to AWS, so that no role can be left behind [F12 F21]', async () => {
    const scene = identityScene();
    const refused = waiting('KubernetesRequestFailed', 'no', 1);
    scene.kubernetes.refusals.set('apply AwsFederatedIdentity reports', refused);
    await scene.failure();
    expect(scene.iam.operations).toEqual([]);
  });

  test('has no ServiceAccount before it has a role, and its pods are held back', async () => {
    const scene = identityScene();
    scene.iam.faults.push({ operation: 'CreateRole', effect: 'refused', error: waiting('AccessDenied', 'no', 1) });
    await scene.failure();
    expect(scene.kubernetes.read(SERVICE_ACCOUNTS, name)).toBeUndefined();
    expect(tableOf(scene)).toEqual({ reports: 'pending reports AccessDenied' });
    expect(reasons(scene)).toMatchObject({ Ready: 'False AccessDenied', ServiceAccountReady: 'Unknown Pending' });
  });
});

async function settled(): Promise<IdentityScene> {
  const scene = identityScene({ identity: identity({ spec: named }) });
  await scene.reconcile();
  scene.iam.operations.length = 0;
  scene.kubernetes.writes.length = 0;
  return scene;
}

describe('an identity that is as it should be', () => {
  test('is reconciled again without a write to AWS or the API server', async () => {
    const scene = await settled();
    await scene.reconcile();
    expect([scene.iam.operations, scene.kubernetes.writes]).toEqual([[], []]);
  });

  test('is not written after a restart either, which only reads', async () => {
    const scene = (await settled()).restarted();
    scene.clock.now = after(3_600_000);
    await scene.reconcile();
    expect(scene.iam.operations.filter(isWrite)).toEqual([]);
    expect(scene.kubernetes.writes).toEqual([]);
  });

  test('has a change of the spec carried out, and verified again', async () => {
    const scene = await settled();
    edit(scene, { role: { ...named.role, description: 'new' } });
    await scene.reconcile();
    expect(scene.iam.operations.filter(isWrite)).toEqual([`UpdateRole ${ROLE_NAME}`]);
    expect(scene.exchanged).toHaveLength(2);
    expect(scene.stored()?.status?.observedGeneration).toBe(2);
  });

  test('looks again on its own when no sweep has told of its role for long, as each at another time', async () => {
    const scene = await settled();
    const { requeueAfterMs = 0 } = await scene.reconcile();
    expect(requeueAfterMs).toBe(MAX_AGE_MS + 0.5 * RESYNC_MS);
    scene.clock.now = after(MAX_AGE_MS - 1);
    await scene.reconcile();
    expect(scene.iam.operations).toEqual([]);
    scene.clock.now = after(requeueAfterMs);
    await scene.reconcile();
    expect(scene.iam.operations).toEqual([`GetRole ${ROLE_NAME}`]);
  });

  test('looks again sooner while its role is not as desired, under Observe', async () => {
    const scene = (await settled()).restarted();
    scene.iam.state.set(ROLE_NAME, { ...scene.iam.state.get(ROLE_NAME)!, description: 'by hand' });
    edit(scene, { ...named, managementPolicy: 'Observe' });
    expect(await scene.reconcile()).toEqual({ requeueAfterMs: 1.5 * RESYNC_MS });
  });

  test.each([
    { verification: 'token', inMs: 60_000 + 0.5 * RESYNC_MS },
    { verification: 'off', inMs: MAX_AGE_MS + 0.5 * RESYNC_MS },
  ] as const)(
    'looks again when its next proof is due, if it is proven itself (verification $verification)',
    async (row) => {
      const settings = { verification: row.verification, excludedNamespaces: [], resyncIntervalMs: RESYNC_MS };
      const scene = identityScene({ dependencies: { settings: { ...settings, verificationIntervalMs: 60_000 } } });
      expect(await scene.reconcile()).toEqual({ requeueAfterMs: row.inMs });
    },
  );

  test('has its drift repaired when it is looked at [F39]', async () => {
    const scene = await settled();
    scene.iam.state.set(ROLE_NAME, { ...scene.iam.state.get(ROLE_NAME)!, description: 'by hand' });
    scene.clock.now = after(MAX_AGE_MS);
    await scene.reconcile();
    expect(scene.iam.state.get(ROLE_NAME)?.description).toBe('');
    expect(scene.stored()?.status).toMatchObject({ driftCount: 0, lastSyncTime: '2026-03-01T12:25:00Z' });
  });

  // A read of IAM can be as old as the consistency window, and the memory of the write has gone with the process.
  test.each([
    { seconds: 59, told: [] },
    { seconds: 62, told: ['role.description'] },
  ])(
    'that differs after a restart $seconds s after the last write is put right, and told: $told [F29]',
    async (row) => {
      const told: string[] = [];
      const onRepair = (_: unknown, drift: readonly Drift[]): void => void told.push(...drift.map(({ path }) => path));
      const scene = identityScene({ identity: identity({ spec: named }), dependencies: { onRepair } });
      await scene.reconcile();
      scene.iam.state.set(ROLE_NAME, { ...scene.iam.state.get(ROLE_NAME)!, description: 'as before the write' });
      const next = scene.restarted();
      next.clock.now = after(row.seconds * 1_000);
      await next.reconcile();
      expect(next.iam.state.get(ROLE_NAME)?.description).toBe('');
      expect(told).toEqual(row.told);
    },
  );

  test('stays ready while AWS cannot be reached [F28]', async () => {
    const scene = await settled();
    scene.clock.now = after(MAX_AGE_MS);
    scene.iam.faults.push({ operation: 'GetRole', effect: 'refused', error: waiting('AwsUnreachable', 'down', 1) });
    await scene.failure();
    expect(reasons(scene)).toMatchObject({ Ready: 'True Succeeded', Synced: 'Unknown AwsUnreachable' });
  });
});

test('an identity that is refused is looked at again soon while its pods are not held, and says why it is refused', async () => {
  const scene = identityScene({ identity: identity({ spec: { audience: 'other' } }) });
  const line = `create ConfigMap ${TABLE_NAME}`; // the table was made by the identity beside it, a moment before
  scene.kubernetes.refusals.set(line, new ApiError(409, 'AlreadyExists', 'already exists'));
  expect(await scene.failure()).toMatchObject({ disposition: { kind: 'retryable' } });
  expect(reasons(scene)).toMatchObject({ Ready: 'False AudienceNotAllowed' });
  expect(await scene.failure()).toMatchObject({ disposition: { kind: 'terminal' } });
  expect(tableOf(scene)?.['reports']).toBe('pending reports AudienceNotAllowed');
});

describe('what must not be written', () => {
  test('a role of somebody else', async () => {
    const foreign = role({ tags: ownerTags(owner({ uid: 'other' })) });
    const scene = identityScene({ identity: identity({ spec: named }), iam: inMemoryRoles(foreign) });
    expect(await scene.failure()).toMatchObject({ reason: 'RoleNotOwned' });
    expect(scene.iam.state.get(ROLE_NAME)).toBe(foreign);
    expect(reasons(scene)).toMatchObject({ Ready: 'False RoleNotOwned', Stalled: 'True RoleNotOwned' });
  });

  test.each([
    {
      title: 'a missing provider',
      spec: { providerRef: { name: 'other' } },
      reason: 'ProviderNotFound',
      type: 'ResolvedRefs',
    },
    { title: 'a refused policy', spec: withPolicy, reason: 'PolicyNotAllowed', type: 'Accepted' },
    { title: 'an unknown audience', spec: { audience: 'x' }, reason: 'AudienceNotAllowed', type: 'Accepted' },
  ])('anything of AWS with $title', async ({ spec, reason, type }) => {
    const scene = identityScene({ identity: identity({ spec }) });
    expect(await scene.failure()).toMatchObject({ reason });
    expect(scene.iam.operations).toEqual([]);
    expect(tableOf(scene)).toEqual({ reports: `pending reports ${reason}` });
    expect(reasons(scene)).toMatchObject({ [type]: `False ${reason}`, Ready: `False ${reason}` });
  });

  test('anything of another account', async () => {
    const scene = identityScene({ provider: provider({ spec: { accountId: '444455556666' } }) });
    expect(await scene.failure()).toMatchObject({ reason: 'WrongAccount' });
    expect(scene.iam.operations).toEqual([]);
  });

  test('anything of a suspended identity', async () => {
    const scene = identityScene({ identity: identity({ spec: { suspend: true } }) });
    await scene.reconcile();
    expect(scene.iam.operations).toEqual([]);
    expect(reasons(scene)).toEqual({ Ready: 'Unknown Suspended', Synced: 'Unknown Suspended' });
  });
});

describe('two identities of one ServiceAccount', () => {
  const older = identity({ metadata: { name: 'older', uid: 'older-uid', creationTimestamp: '2026-01-01T00:00:00Z' } });

  test('have no two roles: the younger is refused, and marked bound so that it cannot hold up pods', async () => {
    const scene = identityScene({ identities: [older] });
    expect(await scene.failure()).toMatchObject({
      reason: 'ServiceAccountConflict',
      disposition: { kind: 'terminal' },
      message: expect.stringContaining('"older"'),
    });
    expect(scene.iam.operations).toEqual([]);
    expect(scene.stored()?.metadata.labels).toEqual({ 'federatedidentity.dev/bound': 'true' });
    expect(tableOf(scene)).toBeUndefined();
  });

  test('do not write the entry of the ServiceAccount in turns, which would wake each other for ever', async () => {
    const spec = { providerRef: { name: 'missing' } };
    const scene = identityScene({ identities: [older], identity: identity({ spec }) });
    expect(await scene.failure()).toMatchObject({ reason: 'ProviderNotFound' });
    expect(scene.kubernetes.writes).toEqual(['applyStatus AwsFederatedIdentity reports']);
  });

  test('in different namespaces do not meet', async () => {
    const elsewhere = identity({
      metadata: { namespace: 'elsewhere', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' },
    });
    await identityScene({ identities: [elsewhere] }).reconcile();
  });
});

describe('Observe', () => {
  const observing = { ...named, managementPolicy: 'Observe' };

  test('shows the drift, and writes nothing to AWS', async () => {
    const drifted = role({ description: 'by hand' });
    const scene = identityScene({ identity: identity({ spec: observing }), iam: inMemoryRoles(drifted) });
    await scene.reconcile();
    expect(scene.iam.operations.filter(isWrite)).toEqual([]);
    expect(scene.stored()?.status).toMatchObject({
      driftCount: 1,
      drift: [{ path: 'role.description', want: '', have: 'by hand' }],
    });
    expect(reasons(scene)).toMatchObject({ Synced: 'False DriftDetected' });
  });

  test('shows no drift any more once somebody has repaired it', async () => {
    const scene = identityScene({
      identity: identity({ spec: observing }),
      iam: inMemoryRoles(role({ description: 'by hand' })),
    });
    await scene.reconcile();
    scene.iam.state.set(ROLE_NAME, role());
    await scene.reconcile();
    expect(scene.stored()?.status).toMatchObject({ driftCount: 0, drift: [] });
  });

  test('makes no role', async () => {
    const scene = identityScene({ identity: identity({ spec: observing }) });
    expect(await scene.failure()).toMatchObject({ reason: 'DriftDetected' });
    expect(scene.iam.operations.filter(isWrite)).toEqual([]);
  });
});

test('the counts of pods belong to the stock-take: they are neither written nor the cause of a write', async () => {
  const scene = identityScene();
  await scene.reconcile();
  const before = scene.stored();
  if (before === undefined) throw new Error('the identity is gone');
  const pods = { bound: 2, notInjected: 1, stale: 0 };
  scene.kubernetes.put(IDENTITIES, { ...before, status: { ...before.status, pods } });
  scene.kubernetes.writes.length = 0;
  await scene.reconcile();
  expect(scene.kubernetes.writes).toEqual([]);
  edit(scene, { tokenExpirationSeconds: 3600 });
  await scene.reconcile();
  expect(scene.stored()?.status).not.toHaveProperty('pods');
});

test('an object that is gone needs nothing', async () => {
  const scene = identityScene({ identity: identity({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } }) });
  expect(await scene.reconcile()).toEqual({});
  expect(scene.kubernetes.writes).toEqual([]);
});

test('a provider that fails later leaves the role alone, and says why', async () => {
  const scene = identityScene({ identity: identity({ spec: named }) });
  await scene.reconcile();
  scene.iam.operations.length = 0;
  const failed = condition({ status: 'False', message: 'the issuer has changed' });
  scene.kubernetes.put(PROVIDERS, provider({ status: { conditions: [failed] } }));
  expect(await scene.failure()).toMatchObject({ reason: 'ProviderNotReady' });
  expect(scene.iam.operations).toEqual([]);
  expect(scene.stored()?.status?.roleArn).toBeDefined();
});
