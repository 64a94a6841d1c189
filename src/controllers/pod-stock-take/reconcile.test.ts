import { pino } from 'pino';
import { expect, test } from 'vitest';
import { identity, NOW, roleArn, thrownBy } from '../../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../../test/support/in-memory-kubernetes.ts';
import { defaultAdmissionOptions } from '../../admission/options.ts';
import { ApiError } from '../../kube/errors.ts';
import type { EventSubject, ObjectEvent } from '../../kube/events.ts';
import { CONFIG_MAPS, tableEntry, TABLE_NAME } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { type Pod, PODS } from '../../kube/pods.ts';
import type { Result } from '../../runtime/reconciler.ts';
import { Pace } from './pace.ts';
import { takeStock } from './reconcile.ts';

const namespace = 'analytics';
const ROLE = roleArn();
const entry = tableEntry({
  roleArn: ROLE,
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 600,
  region: undefined,
});

/** Analytics with a table of `reports`, which an identity has, and `by-hand`, which none has. */
function scene() {
  const kubernetes = inMemoryKubernetes();
  const events: string[] = [];
  const pace = new Pace();
  const clock = { now: NOW };
  kubernetes.put(IDENTITIES, identity({ status: { roleArn: ROLE } }));
  const table = { metadata: { namespace, name: TABLE_NAME }, data: { reports: entry, 'by-hand': entry } };
  kubernetes.put(CONFIG_MAPS, table);
  const reconcile = takeStock({
    kubernetes: kubernetes.client,
    identities: { byIndex: () => kubernetes.all<AwsFederatedIdentity>(IDENTITIES) },
    tables: { get: (name) => kubernetes.read(CONFIG_MAPS, name) },
    events: {
      record: ({ kind, metadata }: EventSubject, { reason }: ObjectEvent) =>
        void events.push(`${kind} ${metadata.name} ${metadata.uid}: ${reason}`),
    },
    pace,
    form: defaultAdmissionOptions,
    settings: { resyncIntervalMs: 600_000 },
    now: () => clock.now,
    random: () => 0.5,
  });
  const look = (): Promise<Result> =>
    reconcile({ name: namespace }, { signal: new AbortController().signal, log: pino({ level: 'silent' }) });
  return { kubernetes, events, pace, clock, look };
}

const bare = (name: string, serviceAccountName: string): Pod => ({
  metadata: { namespace, name, uid: `uid-${name}` },
  spec: { serviceAccountName, containers: [{ name: 'main' }] },
});

test('bare pods are counted at the identity, and told to it, to them and to a ServiceAccount without one', async () => {
  const { kubernetes, events, look } = scene();
  kubernetes.put(SERVICE_ACCOUNTS, { metadata: { namespace, name: 'by-hand', uid: 'uid-by-hand' } });
  for (const account of ['reports', 'by-hand', 'other']) kubernetes.put(PODS, bare(`of-${account}`, account));
  expect(await look()).toEqual({ requeueAfterMs: 585_000 });
  const stored = kubernetes.read<AwsFederatedIdentity>(IDENTITIES, { namespace, name: 'reports' });
  expect(stored?.status?.pods).toEqual({ bound: 1, notInjected: 1, stale: 0 });
  expect(events).toEqual([
    'AwsFederatedIdentity reports identity-uid: PodsNotInjected',
    'ServiceAccount by-hand uid-by-hand: PodsNotInjected',
    'Pod of-reports uid-of-reports: NotInjected',
    'Pod of-by-hand uid-of-by-hand: NotInjected',
  ]);
});

test('a write that fails leaves everything to the next look', async () => {
  const { kubernetes, events, look } = scene();
  kubernetes.put(PODS, bare('web', 'reports'));
  kubernetes.refusals.set('applyStatus AwsFederatedIdentity reports', new ApiError(500, 'InternalError', 'etcd'));
  expect(await thrownBy(look)).toMatchObject({ reason: 'KubernetesRequestFailed' });
  expect(events).toEqual([]);
  await look();
  expect(events).toHaveLength(2);
});

test('a look waits for its turn, and asks for it', async () => {
  const { kubernetes, pace, clock, look } = scene();
  kubernetes.put(PODS, bare('web', 'reports'));
  pace.wake(namespace, NOW.getTime());
  expect(await look()).toEqual({ requeueAfterMs: 1_000 });
  expect(kubernetes.writes).toEqual([]);
  clock.now = new Date(NOW.getTime() + 1_000);
  await look();
  expect(kubernetes.writes).toEqual(['applyStatus AwsFederatedIdentity reports']);
});

test('a count that waits shortens the time to the next look', async () => {
  const { kubernetes, clock, look } = scene();
  kubernetes.put(PODS, bare('one', 'reports'));
  const bound = () =>
    kubernetes.read<AwsFederatedIdentity>(IDENTITIES, { namespace, name: 'reports' })?.status?.pods?.bound;
  const miscount = () =>
    kubernetes.put(IDENTITIES, identity({ status: { roleArn: ROLE, pods: { bound: 2, notInjected: 1, stale: 0 } } }));
  await look();
  expect(bound()).toBe(1);
  clock.now = new Date(NOW.getTime() + 60_000);
  miscount();
  await look();
  expect(bound()).toBe(1);
  miscount();
  expect(await look()).toEqual({ requeueAfterMs: 540_000 });
});

test('a namespace without a bound ServiceAccount is left alone', async () => {
  const { kubernetes, look } = scene();
  await kubernetes.client.delete(CONFIG_MAPS, { namespace, name: TABLE_NAME }, {}, new AbortController().signal);
  kubernetes.put(PODS, bare('web', 'reports'));
  expect(await look()).toEqual({});
  expect(kubernetes.writes).toEqual(['delete ConfigMap aws-pod-injection']);
});
