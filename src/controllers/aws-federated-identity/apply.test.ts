import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  desiredRole,
  identity,
  owner,
  policy,
  policyArn,
  role,
  ROLE_NAME,
  roleArn,
  thrownBy,
} from '../../../test/support/builders.ts';
import { inMemoryRoles, type InMemoryRoles, isWrite } from '../../../test/support/in-memory-iam.ts';
import { inMemoryKubernetes } from '../../../test/support/in-memory-kubernetes.ts';
import { retryable, waiting } from '../../errors.ts';
import { ownerTags } from '../../iam/tags.ts';
import { ApiError } from '../../kube/errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import { IDENTITIES } from '../../kube/kinds.ts';
import { applyBinding, applyRole } from './apply.ts';
import type { PlanContext } from './plan.ts';
import type { BindingAction } from './plan-binding.ts';

const signal = new AbortController().signal;
const log = pino({ level: 'silent' });
const plan: PlanContext = { owner: owner(), recordedRoleId: undefined, adoption: undefined, formerTagKeys: [] };

const full = desiredRole({
  managedPolicyArns: new Set([policyArn('A'), policyArn('B')]),
  inlinePolicies: new Map([['bucket', policy()]]),
});

const applied = ({ roles }: InMemoryRoles, observed = undefined as ReturnType<typeof role> | undefined) =>
  applyRole(roles, full, observed, { signal, log, plan });

describe('a role', () => {
  test('with two managed and one inline policy is made by four calls, without a read', async () => {
    const iam = inMemoryRoles();
    expect(await applied(iam)).toMatchObject({ changed: true, reference: { arn: roleArn() } });
    expect(iam.operations.map((line) => line.split(' ')[0])).toEqual([
      'CreateRole',
      'PutRolePolicy',
      'AttachRolePolicy',
      'AttachRolePolicy',
    ]);
    expect(iam.state.get(ROLE_NAME)).toMatchObject(full);
  });

  test('whose new tag IAM does not know everywhere yet is written again within seconds', async () => {
    vi.useFakeTimers();
    const iam = inMemoryRoles();
    const error = waiting('AccessDenied', 'no tag', 300_000);
    iam.faults.push(
      { operation: 'PutRolePolicy', effect: 'refused', error },
      { operation: 'PutRolePolicy', effect: 'refused', error },
    );
    const done = applied(iam);
    await vi.advanceTimersByTimeAsync(3_100);
    expect(await done).toMatchObject({ changed: true });
    vi.useRealTimers();
  });

  test('that was made long ago and may not be written is not tried again', async () => {
    const iam = inMemoryRoles(role());
    iam.faults.push({ operation: 'PutRolePolicy', effect: 'refused', error: waiting('AccessDenied', 'no', 300_000) });
    expect(await thrownBy(() => applied(iam, role()))).toMatchObject({ reason: 'AccessDenied' });
    expect(iam.operations.filter((line) => line.startsWith('PutRolePolicy'))).toHaveLength(1);
  });

  test('that is in sync is not written', async () => {
    const inSync = role({ ...full });
    const iam = inMemoryRoles(inSync);
    expect(await applied(iam, inSync)).toMatchObject({ changed: false });
    expect(iam.operations).toEqual([]);
  });

  test('whose creation succeeded without an answer is found and completed [F11 F22 F25]', async () => {
    const iam = inMemoryRoles();
    iam.faults.push({ operation: 'CreateRole', effect: 'lost', error: retryable('AwsUnreachable', 'lost') });
    expect(await thrownBy(() => applied(iam))).toMatchObject({ reason: 'AwsUnreachable' });
    expect(await applied(iam)).toMatchObject({ changed: true });
    expect(iam.state.get(ROLE_NAME)).toMatchObject(full);
    expect(iam.state.size).toBe(1);
  });

  test.each(['PutRolePolicy', 'AttachRolePolicy'])(
    'that broke off at %s is completed by the next pass [F21 F22 F23]',
    async (operation) => {
      const iam = inMemoryRoles();
      iam.faults.push({ operation, effect: 'refused', error: retryable('Throttled', 'slow down') });
      await thrownBy(() => applied(iam));
      await applied(iam);
      expect(iam.state.get(ROLE_NAME)).toMatchObject(full);
    },
  );

  test('of somebody else is refused after the look, with no write but the refused creation', async () => {
    const foreign = role({
      tags: ownerTags(owner({ cluster: 'other' })),
      managedPolicyArns: new Set([policyArn('X')]),
    });
    const iam = inMemoryRoles(foreign);
    expect(await thrownBy(() => applied(iam))).toMatchObject({
      reason: 'RoleNotOwned',
      disposition: { kind: 'terminal' },
    });
    expect(iam.operations.filter(isWrite)).toEqual([`CreateRole ${ROLE_NAME}`]);
    expect(iam.state.get(ROLE_NAME)).toBe(foreign);
  });

  test('that exists and cannot be read yet is tried again', async () => {
    const iam = inMemoryRoles(role());
    const roles = { ...iam.roles, get: () => Promise.resolve(undefined) };
    expect(await thrownBy(() => applied({ ...iam, roles }))).toMatchObject({ disposition: { kind: 'retryable' } });
  });
});

function scene() {
  const kubernetes = inMemoryKubernetes();
  kubernetes.put(IDENTITIES, identity());
  const table = () => kubernetes.read<InjectionTable>(CONFIG_MAPS, { namespace: 'analytics', name: TABLE_NAME });
  const bind = (actions: readonly BindingAction[]) =>
    applyBinding(kubernetes.client, identity(), actions, { signal, log });
  return { kubernetes, table, bind };
}

describe('the cluster', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const entry = `${roleArn()} sts.amazonaws.com 86400 eu-west-1`;
  const serviceAccount = { metadata: { namespace: 'analytics', name: 'reports' } };
  const all: readonly BindingAction[] = [
    { type: 'PutTableEntry', entry },
    { type: 'ApplyServiceAccount', serviceAccount },
    { type: 'MarkBound' },
  ];

  test('opens the gate half a second after the table, when each API server has seen it', async () => {
    const { kubernetes, bind } = scene();
    const done = bind(all);
    await vi.advanceTimersByTimeAsync(499);
    expect(kubernetes.writes).toEqual(['create ConfigMap aws-pod-injection', 'apply ServiceAccount reports']);
    await vi.advanceTimersByTimeAsync(1);
    await done;
    expect(kubernetes.writes.at(-1)).toBe('apply AwsFederatedIdentity reports');
    expect(kubernetes.read(IDENTITIES, serviceAccount.metadata)?.metadata.labels).toEqual({
      'federatedidentity.dev/bound': 'true',
    });
  });

  test('is not waited for where the table was there already', async () => {
    const { kubernetes, bind } = scene();
    await bind([{ type: 'MarkBound' }]);
    expect(kubernetes.writes).toEqual(['apply AwsFederatedIdentity reports']);
  });

  test('keeps the entries of other ServiceAccounts in the table', async () => {
    const { kubernetes, table, bind } = scene();
    kubernetes.put(CONFIG_MAPS, {
      metadata: { namespace: 'analytics', name: TABLE_NAME, uid: 'table' },
      data: { other: 'theirs' },
    });
    await bind(all.slice(0, 1));
    expect(table()?.data).toEqual({ other: 'theirs', reports: entry });
  });

  test('tries again for a table that another identity makes at the same moment [F4]', async () => {
    const { kubernetes, bind } = scene();
    kubernetes.refusals.set('create ConfigMap aws-pod-injection', new ApiError(409, 'AlreadyExists', 'already exists'));
    expect(await thrownBy(() => bind(all))).toMatchObject({
      reason: 'KubernetesRequestFailed',
      disposition: { kind: 'retryable' },
    });
    expect(kubernetes.writes).toEqual([]);
  });

  test('does not overrule another manager of the annotations, names the field, and leaves the gate shut [F4]', async () => {
    const { kubernetes, bind } = scene();
    const conflict = new ApiError(
      409,
      'Conflict',
      'conflict with "helm": .metadata.annotations.eks.amazonaws.com/role-arn',
    );
    kubernetes.refusals.set('apply ServiceAccount reports', conflict);
    expect(await thrownBy(() => bind(all))).toMatchObject({
      reason: 'ServiceAccountConflict',
      disposition: { kind: 'waiting', retryAfterMs: 60_000 },
      message: expect.stringMatching(/analytics\/reports.*conflict with "helm".*Remove eks\.amazonaws\.com/),
    });
    expect(kubernetes.writes).not.toContain('apply AwsFederatedIdentity reports');
  });
});
