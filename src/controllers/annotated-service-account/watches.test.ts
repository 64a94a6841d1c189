import { pino } from 'pino';
import { expect, test } from 'vitest';
import { identity, provider } from '../../../test/support/builders.ts';
import type { InjectionTable } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, INJECTION_LABEL } from '../../kube/kinds.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { ObjectStore } from '../../runtime/object-store.ts';
import { annotatedIndex, annotatedWatches } from './watches.ts';

const log = pino({ enabled: false });
let version = 0;

/** The stores, and the namespaces that their changes wake. */
function watched() {
  const stores = {
    serviceAccounts: new ObjectStore<KubernetesResource>({ log, indexes: annotatedIndex('eks.amazonaws.com') }),
    identities: new ObjectStore<AwsFederatedIdentity>({ log }),
    providers: new ObjectStore<AwsOidcProvider>({ log }),
    tables: new ObjectStore<InjectionTable>({ log }),
  };
  const woken: string[] = [];
  const follow = <T extends KubernetesResource>(source: {
    readonly store: Pick<ObjectStore<T>, 'follow'>;
    readonly toRequests: (change: never) => Iterable<{ readonly name: string }>;
  }): void =>
    void source.store.follow((change) =>
      woken.push(...[...source.toRequests(change as never)].map(({ name }) => name)),
    );
  for (const source of annotatedWatches(stores, 'eks.amazonaws.com')) follow(source as never);
  const takeWoken = () => woken.splice(0);
  return { stores, takeWoken };
}

const fresh = <T extends KubernetesResource>(object: T): T => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: String((version += 1)) },
});

const serviceAccount = (annotations: Readonly<Record<string, string>>, labels = {}, namespace = 'analytics') =>
  fresh({ metadata: { namespace, name: 'app', annotations, labels } });
const annotated = (role = 'role') => serviceAccount({ 'eks.amazonaws.com/role-arn': role });
const table = (data: Readonly<Record<string, string>>) =>
  fresh({ metadata: { namespace: 'analytics', name: 'aws-pod-injection' }, data });

test('a ServiceAccount wakes its namespace while it is annotated or marked, and when it ceases to be', () => {
  const { stores, takeWoken } = watched();
  stores.serviceAccounts.set(serviceAccount({}));
  expect(takeWoken()).toEqual([]);
  stores.serviceAccounts.set(annotated());
  stores.serviceAccounts.set(serviceAccount({}));
  stores.serviceAccounts.set(serviceAccount({}, { [INJECTION_LABEL]: 'pending' }));
  expect(takeWoken()).toEqual(['analytics', 'analytics', 'analytics']);
  stores.serviceAccounts.delete(annotated());
  expect(takeWoken()).toEqual(['analytics']);
});

test('an identity wakes its namespace when it comes and goes, not when it changes otherwise', () => {
  const { stores, takeWoken } = watched();
  stores.identities.set(fresh(identity()));
  expect(takeWoken()).toEqual(['analytics']);
  stores.identities.set(fresh(identity({ metadata: { labels: { 'federatedidentity.dev/bound': 'true' } } })));
  expect(takeWoken()).toEqual([]);
  stores.identities.set(fresh(identity({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } })));
  expect(takeWoken()).toEqual(['analytics']);
  stores.identities.delete(fresh(identity()));
  expect(takeWoken()).toEqual(['analytics']);
});

test('a table wakes its namespace when its data change', () => {
  const { stores, takeWoken } = watched();
  stores.tables.set(table({ app: 'A' }));
  stores.tables.set(table({ app: 'A' }));
  stores.tables.set(table({ app: 'B' }));
  expect(takeWoken()).toEqual(['analytics', 'analytics']);
});

test('another region of the default provider wakes all namespaces with annotations', () => {
  const { stores, takeWoken } = watched();
  stores.serviceAccounts.set(annotated());
  stores.serviceAccounts.set(serviceAccount({}, {}, 'other'));
  const regional = provider();
  stores.providers.set(fresh(regional));
  takeWoken();
  stores.providers.set(fresh({ ...regional, status: { identities: 3 } }));
  stores.providers.set(
    fresh({
      ...regional,
      metadata: { ...regional.metadata, name: 'other' },
      spec: { ...regional.spec, region: 'us-east-1' },
    }),
  );
  expect(takeWoken()).toEqual([]);
  stores.providers.set(fresh({ ...regional, spec: { ...regional.spec, region: 'us-east-1' } }));
  expect(takeWoken()).toEqual(['analytics']);
});
