import { pino } from 'pino';
import { expect, test } from 'vitest';
import { identity, NOW, roleArn } from '../../../test/support/builders.ts';
import { type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { ObjectStore } from '../../runtime/object-store.ts';
import { Pace } from './pace.ts';
import { stockWatches } from './watches.ts';

const log = pino({ level: 'silent' });

/** Stores, and the namespaces that were woken since the last look at them. */
function scene() {
  const stores = {
    identities: new ObjectStore<AwsFederatedIdentity>({
      log,
      indexes: { namespace: ({ metadata: { namespace = '' } }) => [namespace] },
    }),
    tables: new ObjectStore<InjectionTable>({ log }),
    pods: new ObjectStore<KubernetesResource>({ log }),
  };
  const pace = new Pace();
  const woken: string[] = [];
  const [identities, tables, pods] = stockWatches(stores, { pace, now: () => NOW });
  stores.identities.onChange((change) => woken.push(...[...identities.toRequests(change)].map(({ name }) => name)));
  stores.tables.onChange((change) => woken.push(...[...tables.toRequests(change)].map(({ name }) => name)));
  stores.pods.onChange((change) => woken.push(...[...pods.toRequests(change)].map(({ name }) => name)));
  const taken = (): readonly string[] => {
    for (const name of woken) pace.forget(name);
    return woken.splice(0);
  };
  return { stores, taken };
}

const pod = (name: string, namespace = 'analytics', uid = name): KubernetesResource => ({
  metadata: { namespace, name, uid },
});

test('pods wake their namespace, if any can be bound there, by coming and going', () => {
  const { stores, taken } = scene();
  stores.identities.set(identity());
  expect(taken()).toEqual(['analytics']);
  stores.pods.set(pod('a', 'plain'));
  expect(taken()).toEqual([]);
  stores.pods.set(pod('a'));
  expect(taken()).toEqual(['analytics']);
  stores.pods.set(pod('a'));
  expect(taken(), 'its own changes say nothing').toEqual([]);
  stores.pods.set(pod('a', 'analytics', 'anew'));
  expect(taken()).toEqual(['analytics']);
  stores.pods.delete(pod('a'));
  expect(taken()).toEqual(['analytics']);
});

test('many pods at once are one request', () => {
  const { stores, taken } = scene();
  stores.tables.set({ metadata: { namespace: 'analytics', name: TABLE_NAME } });
  for (let index = 0; index < 100; index += 1) stores.pods.set(pod(`p${index}`));
  expect(taken()).toEqual(['analytics']);
});

test('an identity wakes it by its role and its binding, not by the counts that are written for it', () => {
  const { stores, taken } = scene();
  let version = 1;
  const becomes = (fields: Parameters<typeof identity>[0] = {}): readonly string[] => {
    version += 1;
    stores.identities.set(identity({ ...fields, metadata: { ...fields.metadata, resourceVersion: String(version) } }));
    return taken();
  };
  becomes();
  const labels = { 'federatedidentity.dev/bound': 'true' };
  expect(becomes({ metadata: { labels } })).toEqual(['analytics']);
  const status = { roleArn: roleArn() };
  expect(becomes({ metadata: { labels }, status })).toEqual(['analytics']);
  expect(
    becomes({ metadata: { labels }, status: { ...status, pods: { bound: 1, notInjected: 1, stale: 0 } } }),
  ).toEqual([]);
  stores.identities.delete(identity());
  expect(taken(), 'nothing is left to be looked at').toEqual([]);
});
