import { expect, test } from 'vitest';
import { identity, roleArn } from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import { FINALIZER } from '../../kube/kinds.ts';
import { holdPods } from './hold-pods.ts';

const INJECTING = `${roleArn()} sts.amazonaws.com 86400 eu-west-1`;
const BOUND = { labels: { 'federatedidentity.dev/bound': 'true' } };
const tableName = { namespace: 'analytics', name: TABLE_NAME };
const older = identity({ metadata: { name: 'older', uid: 'older', creationTimestamp: '2026-01-01T00:00:00Z' } });

test.each([
  { name: 'no entry yet', expected: 'pending reports ProviderNotReady', isWritten: true },
  {
    name: 'an entry with another reason',
    present: 'pending reports Suspended',
    expected: 'pending reports ProviderNotReady',
    isWritten: true,
  },
  {
    name: 'the same entry',
    present: 'pending reports ProviderNotReady',
    expected: 'pending reports ProviderNotReady',
    isWritten: false,
  },
  { name: 'an entry that injects, since those pods work', present: INJECTING, expected: INJECTING, isWritten: false },
  {
    name: 'a bound identity whose entry injects',
    metadata: BOUND,
    present: INJECTING,
    expected: INJECTING,
    isWritten: false,
  },
  {
    name: 'a bound identity whose entry is gone',
    metadata: BOUND,
    expected: 'pending reports ProviderNotReady',
    isWritten: true,
  },
  { name: 'the ServiceAccount of an older identity', others: [older], expected: undefined, isWritten: false },
])('with $name the entry is $expected', async ({ present, metadata, others = [], expected, isWritten }) => {
  const scene = identityScene({ identity: identity(metadata === undefined ? {} : { metadata }), identities: others });
  if (present !== undefined) scene.kubernetes.put(CONFIG_MAPS, { metadata: tableName, data: { reports: present } });
  await holdPods(scene.dependencies, scene.stored()!, 'ProviderNotReady', new AbortController().signal);
  expect(scene.kubernetes.read<InjectionTable>(CONFIG_MAPS, tableName)?.data?.['reports']).toBe(expected);
  expect(scene.kubernetes.writes.length > 0).toBe(isWritten);
});

test('the finalizer is there before the entry, so that somebody takes it away', async () => {
  const scene = identityScene();
  await holdPods(scene.dependencies, scene.stored()!, 'ProviderNotReady', new AbortController().signal);
  expect(scene.kubernetes.writes).toEqual(['apply AwsFederatedIdentity reports', 'create ConfigMap aws-pod-injection']);
  expect(scene.stored()?.metadata.finalizers).toEqual([FINALIZER]);
});

test('an entry that came while an older table was looked at stays', async () => {
  const scene = identityScene();
  const stale = { metadata: { ...tableName, resourceVersion: '1' }, data: {} };
  const now = { metadata: { ...tableName, resourceVersion: '2' }, data: { reports: INJECTING } };
  scene.kubernetes.put<InjectionTable>(CONFIG_MAPS, now);
  const dependencies = { ...scene.dependencies, tables: { get: () => stale } };
  const held = holdPods(dependencies, scene.stored()!, 'ProviderNotReady', new AbortController().signal);
  await expect(held).rejects.toMatchObject({ reason: 'KubernetesRequestFailed' });
  expect(scene.kubernetes.read<InjectionTable>(CONFIG_MAPS, tableName)?.data?.['reports']).toBe(INJECTING);
});
