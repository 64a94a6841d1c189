import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  condition,
  after,
  identity,
  ISSUER,
  owner,
  policy,
  policyArn,
  provider,
  PROVIDER_ARN,
  role,
  ROLE_NAME,
  roleArn,
} from '../../../test/support/builders.ts';
import { identityScene, type IdentityScene } from '../../../test/support/identity-scene.ts';
import { inMemoryRoles, isWrite } from '../../../test/support/in-memory-iam.ts';
import { waiting } from '../../errors.ts';
import { ownerTags } from '../../iam/tags.ts';
import { API_VERSION } from '../../crds/manifest.ts';
import { CONFIG_MAPS, TABLE_NAME } from '../../kube/injection-table.ts';
import { FINALIZER, IDENTITIES, MANAGED_LABEL, PROVIDERS, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';

const full = role({
  managedPolicyArns: new Set([policyArn('A')]),
  inlinePolicies: new Map([['bucket', policy()]]),
});

const deleting = { finalizers: [FINALIZER], deletionTimestamp: '2026-03-01T12:00:00Z' };
const bound = { 'federatedidentity.dev/bound': 'true' };
const serviceAccountName = { namespace: 'analytics', name: 'reports' };
const tableName = { namespace: 'analytics', name: TABLE_NAME };
const entry = `${roleArn()} sts.amazonaws.com 86400 eu-west-1`;

interface Bound {
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly isMadeByUs?: boolean;
  readonly entries?: object;
  readonly observed?: typeof full;
  readonly others?: readonly ReturnType<typeof identity>[];
}

/** A bound identity that somebody has just deleted. */
function deletedScene({
  spec,
  annotations,
  isMadeByUs = true,
  entries = { reports: entry },
  observed = full,
  others = [],
}: Bound = {}) {
  const scene = identityScene({
    identity: identity({
      metadata: { ...deleting, labels: bound, ...(annotations === undefined ? {} : { annotations }) },
      spec: { role: { name: ROLE_NAME }, ...spec },
      status: { roleArn: roleArn(), roleId: full.id, lastSyncTime: '2026-03-01T10:00:00Z' },
    }),
    identities: others,
    iam: inMemoryRoles(observed),
  });
  scene.kubernetes.put(CONFIG_MAPS, {
    metadata: { ...tableName, uid: 'table', resourceVersion: '5' },
    data: entries,
  });
  const ownerReferences = [
    { apiVersion: API_VERSION, kind: 'AwsFederatedIdentity', name: 'reports', uid: 'identity-uid' },
  ];
  scene.kubernetes.put(SERVICE_ACCOUNTS, {
    metadata: {
      ...serviceAccountName,
      uid: 'service-account',
      labels: { [MANAGED_LABEL]: 'true' },
      ...(isMadeByUs ? { ownerReferences } : {}),
    },
  });
  return scene;
}

const writesTo = ({ kubernetes, iam }: IdentityScene): readonly string[] => [
  ...kubernetes.writes,
  ...iam.operations.filter(isWrite),
];

describe('the deletion', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('shuts the gate, takes the table entry, the ServiceAccount, then the role, and the finalizer last', async () => {
    const scene = deletedScene();
    const order: string[] = [];
    const { push } = Array.prototype;
    scene.kubernetes.writes.push = (...lines) => push.apply(order, lines);
    scene.iam.operations.push = (...lines) => push.apply(order, lines);
    await scene.reconcile();
    expect(order).toEqual([
      'apply AwsFederatedIdentity reports',
      'delete ConfigMap aws-pod-injection',
      'delete ServiceAccount reports',
      `GetRole ${ROLE_NAME}`,
      `DetachRolePolicy ${ROLE_NAME}`,
      `DeleteRolePolicy ${ROLE_NAME}`,
      `DeleteRole ${ROLE_NAME}`,
      'apply AwsFederatedIdentity reports',
    ]);
    expect(scene.stored()).toBeUndefined();
    expect(scene.iam.state.size).toBe(0);
  });

  test.each(['DetachRolePolicy', 'DeleteRolePolicy', 'DeleteRole'])(
    'that broke off at %s is finished by the next pass, and keeps its finalizer until then [F24]',
    async (operation) => {
      const scene = deletedScene();
      scene.iam.faults.push({ operation, effect: 'lost', error: waiting('AwsUnreachable', 'lost', 1) });
      await scene.failure();
      expect(scene.stored()?.metadata.finalizers).toEqual([FINALIZER]);
      await (operation === 'DeleteRole' ? scene.reconcileSettled() : scene.reconcile());
      expect(scene.stored()).toBeUndefined();
      expect(scene.iam.state.size).toBe(0);
    },
  );

  test('says in the status what it waits for [F49]', async () => {
    const scene = deletedScene();
    scene.iam.faults.push({
      operation: 'DeleteRole',
      effect: 'refused',
      error: waiting('DeletionBlocked', 'in use', 1),
    });
    await scene.failure();
    expect(scene.stored()?.status?.conditions).toMatchObject([
      { type: 'Ready', status: 'False', reason: 'DeletionBlocked', message: 'in use' },
      { type: 'Reconciling', status: 'True' },
    ]);
  });

  test.each([
    { name: 'deletionPolicy: Retain', spec: { deletionPolicy: 'Retain' } },
    { name: 'managementPolicy: Observe', spec: { managementPolicy: 'Observe' } },
    { name: 'the break-glass annotation with the ARN', annotations: { 'federatedidentity.dev/abandon': roleArn() } },
  ])('leaves the role with $name, without one call to AWS [F49]', async (fields) => {
    const scene = deletedScene(fields);
    await scene.reconcile();
    expect(scene.iam.operations).toEqual([]);
    expect(scene.iam.state.get(ROLE_NAME)).toBe(full);
    expect(scene.stored()).toBeUndefined();
  });

  test('does not leave the role by an annotation with another ARN [S13]', async () => {
    const scene = deletedScene({ annotations: { 'federatedidentity.dev/abandon': 'true' } });
    await scene.reconcile();
    expect(scene.iam.state.size).toBe(0);
  });

  test.each([
    { name: 'somebody else made', tags: new Map<string, string>() },
    { name: 'another cluster made', tags: ownerTags(owner({ cluster: 'other' })) },
    { name: 'a later identity of the same name made', tags: ownerTags(owner({ uid: 'later' })) },
  ])('leaves a role that $name', async ({ tags }) => {
    const foreign = role({ tags });
    const scene = deletedScene({ observed: foreign });
    await scene.reconcileSettled();
    expect(scene.iam.state.get(ROLE_NAME)).toBe(foreign);
    expect(scene.iam.operations.filter(isWrite)).toEqual([]);
    expect(scene.stored()).toBeUndefined();
  });

  test('leaves a ServiceAccount that somebody else made, and takes its own marks back', async () => {
    const scene = deletedScene({ isMadeByUs: false });
    await scene.reconcile();
    expect(scene.kubernetes.read(SERVICE_ACCOUNTS, serviceAccountName)).toBeDefined();
    expect(scene.kubernetes.writes).toContain('apply ServiceAccount reports');
  });

  test('leaves the entries of others in the table', async () => {
    const scene = deletedScene({ entries: { reports: entry, sales: entry } });
    await scene.reconcile();
    expect(scene.kubernetes.read(CONFIG_MAPS, tableName)).toHaveProperty('data', { sales: entry });
  });

  test('of a refused identity leaves table and ServiceAccount to the one that has them', async () => {
    const older = identity({ metadata: { name: 'older', uid: 'older', creationTimestamp: '2026-01-01T00:00:00Z' } });
    const scene = deletedScene({ others: [older] });
    await scene.reconcile();
    expect(scene.kubernetes.writes).toEqual(['apply AwsFederatedIdentity reports']);
    expect(scene.stored()).toBeUndefined();
  });

  test('shuts the gate of the identity that waits for the ServiceAccount, until it has its own entry', async () => {
    const younger = identity({
      metadata: { name: 'younger', uid: 'younger', creationTimestamp: '2026-03-01T11:00:00Z', labels: bound },
    });
    const scene = deletedScene({ others: [younger] });
    await scene.reconcile();
    const { metadata } = scene.kubernetes.read(IDENTITIES, { namespace: 'analytics', name: 'younger' }) ?? {};
    expect(metadata?.labels).not.toEqual(bound);
  });

  test('waits for a provider that is missing, since the account of the role is unknown, and says the way out [F53]', async () => {
    const scene = deletedScene();
    scene.kubernetes.put(PROVIDERS, { ...provider(), metadata: { name: 'other' } });
    const [, ...rest] = scene.kubernetes.all(PROVIDERS);
    expect(rest).toHaveLength(1);
    scene.kubernetes.put(PROVIDERS, { ...provider(), status: { arn: PROVIDER_ARN } });
    expect(await scene.failure()).toMatchObject({
      reason: 'ProviderNotFound',
      message: expect.stringMatching(/deletionPolicy: Retain.*federatedidentity\.dev\/abandon/),
    });
    expect(scene.iam.operations).toEqual([]);
    scene.kubernetes.put(PROVIDERS, provider({ status: { issuer: ISSUER } }));
    await scene.reconcile();
    expect(scene.stored()).toBeUndefined();
  });

  test('of an account that is not ours writes nothing there [F53]', async () => {
    const scene = deletedScene();
    scene.kubernetes.put(PROVIDERS, provider({ spec: { accountId: '444455556666' } }));
    expect(await scene.failure()).toMatchObject({ reason: 'WrongAccount' });
    expect(scene.iam.operations).toEqual([]);
  });

  test('finds everything gone already, and lets the object go', async () => {
    const scene = deletedScene();
    await scene.kubernetes.client.delete(SERVICE_ACCOUNTS, serviceAccountName, {}, new AbortController().signal);
    scene.iam.state.clear();
    await scene.reconcileSettled();
    expect(writesTo(scene)).not.toContain(`DeleteRole ${ROLE_NAME}`);
    expect(scene.stored()).toBeUndefined();
  });
});

describe('found by simulation', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const remembered = { roleArn: roleArn(), roleId: full.id };
  const broken = { ...remembered, conditions: [condition({ type: 'RoleReady', status: 'False' })] };
  test.each([
    { name: 'it was written a moment ago', status: { ...remembered, lastSyncTime: '2026-03-01T12:00:00Z' } },
    {
      name: 'its tags are not shown yet',
      status: { ...remembered, lastSyncTime: '2026-03-01T12:00:00Z' },
      iam: () => inMemoryRoles(role({ tags: new Map() })),
    },
    { name: 'the first pass was cut short by a crash', status: undefined },
    { name: 'it was refused only afterwards', status: { conditions: broken.conditions } },
    { name: 'the status lost its time', status: remembered },
    {
      name: 'it was made anew by a pass that broke off, long after the time in the status',
      status: { ...broken, lastSyncTime: '2026-02-01T12:00:00Z' },
    },
  ])(
    'a role may be there that IAM does not show, as $name: it is asked again, and none is left behind',
    async (made) => {
      const { status, iam = () => inMemoryRoles() } = made;
      const scene = identityScene({
        identity: identity({ metadata: deleting, spec: { role: { name: ROLE_NAME } }, ...(status && { status }) }),
        iam: iam(),
      });
      expect(await scene.failure()).toMatchObject({ reason: 'Propagating', disposition: { retryAfterMs: 10_000 } });
      scene.clock.now = after(60_000);
      expect(await scene.failure()).toMatchObject({ reason: 'Propagating' });
      expect(scene.stored()?.metadata.finalizers).toEqual([FINALIZER]);
      scene.iam.state.set(ROLE_NAME, full);
      await scene.reconcile();
      expect(scene.iam.state.size).toBe(0);
      expect(scene.stored()).toBeUndefined();
    },
  );

  test('after the consistency window, what IAM says is believed [F29]', async () => {
    const scene = deletedScene();
    scene.iam.state.clear();
    await scene.failure();
    scene.clock.now = after(61_000);
    await scene.reconcile();
    expect(scene.stored()).toBeUndefined();
  });

  test('a process that takes over begins anew, as it cannot know what the one before it wrote last', async () => {
    const scene = deletedScene();
    scene.iam.state.clear();
    await scene.failure();
    const next = scene.restarted();
    next.clock.now = after(61_000);
    await next.reconcileSettled();
    expect(next.stored()).toBeUndefined();
  });

  test('an identity that waits for the ServiceAccount of one that goes does not open the gate again', async () => {
    const first = identity({
      metadata: { ...deleting, name: 'first', uid: 'first', creationTimestamp: '2026-01-01T00:00:00Z', labels: bound },
    });
    const scene = identityScene({ identities: [first] });
    expect(await scene.failure()).toMatchObject({ reason: 'ServiceAccountConflict' });
    expect(scene.stored()?.metadata.labels?.['federatedidentity.dev/bound']).toBeUndefined();
  });

  test('a role that was made anew is remembered, even if the status could not be written at once', async () => {
    const scene = identityScene({ identity: identity({ spec: { role: { name: ROLE_NAME } } }) });
    scene.kubernetes.refusals.set('applyStatus AwsFederatedIdentity reports', new Error('socket hang up'));
    await scene.failure();
    expect(scene.stored()?.status?.roleId).toBeUndefined();
    await scene.reconcile();
    expect(scene.stored()?.status?.roleId).toBe(scene.iam.state.get(ROLE_NAME)?.id);
  });
});
