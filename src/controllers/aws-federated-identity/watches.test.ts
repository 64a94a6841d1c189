import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { condition, identity, provider } from '../../../test/support/builders.ts';
import type { AwsOidcProviderStatus } from '../../crds/aws-oidc-provider.ts';
import type { InjectionTable } from '../../kube/injection-table.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { type Change, ObjectStore } from '../../runtime/object-store.ts';
import { IDENTITY_INDEXES, identityWatches, sweepWatches } from './watches.ts';

const log = pino({ level: 'silent' });
const identities = new ObjectStore<AwsFederatedIdentity>({ log, indexes: IDENTITY_INDEXES });
const stores = {
  identities,
  providers: new ObjectStore<AwsOidcProvider>({ log }),
  serviceAccounts: new ObjectStore<KubernetesResource>({ log }),
  tables: new ObjectStore<InjectionTable>({ log }),
  namespaces: new ObjectStore<KubernetesResource>({ log }),
};
const [ownWatch, providerWatch, serviceAccountWatch, tableWatch, namespaceWatch] = identityWatches(stores);

const named = (name: string, spec: object = {}): AwsFederatedIdentity =>
  identity({ metadata: { name, uid: name }, spec: { serviceAccount: { name }, ...spec } });

const sales = named('sales');
const reports = named('reports');
const rival = named('rival', { serviceAccount: { name: 'reports' } });
const foreign = named('foreign', { providerRef: { name: 'other' } });

beforeEach(() => identities.replace([sales, reports, rival, foreign]));

const namesOf = (requests: Iterable<{ readonly name: string }>): readonly string[] =>
  [...requests].map(({ name }) => name).toSorted();

const updated = <T>(previous: T, object: T): Change<T> => ({ type: 'updated', object, previous });

describe('an identity wakes', () => {
  test('itself when it is new', () => {
    expect(namesOf(ownWatch.toRequests({ type: 'added', object: sales }))).toEqual(['sales']);
  });

  test('nobody by its status, which the operator wrote itself', () => {
    expect(namesOf(ownWatch.toRequests(updated(sales, { ...sales, status: { driftCount: 1 } })))).toEqual([]);
  });

  test('itself by a new generation', () => {
    const changed = { ...sales, metadata: { ...sales.metadata, generation: 2 } };
    expect(namesOf(ownWatch.toRequests(updated(sales, changed)))).toEqual(['sales']);
  });

  test('those that wait for its ServiceAccount when it is gone', () => {
    identities.delete(reports);
    expect(namesOf(ownWatch.toRequests({ type: 'deleted', object: reports }))).toEqual(['rival']);
  });

  test('those of its namespace that had no room, when it is gone', () => {
    const refused = (name: string, reason: string, namespace = 'analytics') =>
      identity({
        metadata: { namespace, name, uid: `${namespace}/${name}` },
        spec: { serviceAccount: { name } },
        status: { conditions: [condition({ status: 'False', reason })] },
      });
    identities.replace([
      refused('third', 'TooManyIdentities'),
      refused('fourth', 'TooManyIdentities'),
      refused('denied', 'AccessDenied'),
      refused('far', 'TooManyIdentities', 'elsewhere'),
      reports,
    ]);
    expect(namesOf(ownWatch.toRequests({ type: 'deleted', object: sales }))).toEqual(['fourth', 'third']);
  });
});

const withStatus = (status: AwsOidcProviderStatus): AwsOidcProvider => provider({ status });

describe('a provider wakes', () => {
  const ready = provider();
  test.each([
    { name: 'becomes ready', before: withStatus({ conditions: [condition({ status: 'False' })] }), now: ready },
    { name: 'fails', before: ready, now: withStatus({ conditions: [condition({ status: 'False' })] }) },
    { name: 'gets another spec', before: ready, now: provider({ metadata: { generation: 2 } }) },
    {
      name: 'is to be deleted',
      before: ready,
      now: provider({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } }),
    },
  ])('its own identities when it $name', ({ before, now }) => {
    expect(namesOf(providerWatch.toRequests(updated(before, now)))).toEqual(['reports', 'rival', 'sales']);
  });

  test.each([
    { name: 'its count of identities', now: withStatus({ identities: 4 }) },
    { name: 'its thumbprints', now: withStatus({ thumbprints: ['a'] }) },
    { name: 'another message of Ready', now: withStatus({ conditions: [condition({ message: 'still' })] }) },
    { name: 'a label', now: provider({ metadata: { labels: { team: 'a' } } }) },
  ])('nobody by $name', ({ now }) => {
    expect(namesOf(providerWatch.toRequests(updated(ready, now)))).toEqual([]);
  });

  test('no sweep before all identities are known, or it would look at none of them', () => {
    expect(sweepWatches(stores).map(({ store }) => store)).toContain(identities);
  });

  test('its identities and its sweep by a label that gives it to this shard', () => {
    const now = provider({ metadata: { labels: { shard: 'a' } } });
    const comesToUs = ({ object }: Change<AwsOidcProvider>) => object.metadata.labels?.['shard'] === 'a';
    const [, watch] = identityWatches(stores, comesToUs);
    const [sweep] = sweepWatches(stores, comesToUs);
    expect(namesOf(watch.toRequests(updated(ready, now)))).toEqual(['reports', 'rival', 'sales']);
    expect(namesOf(sweep.toRequests(updated(ready, now)))).toEqual(['default']);
  });

  test.each(['added', 'deleted'] as const)('its own identities when it is %s', (type) => {
    expect(namesOf(providerWatch.toRequests({ type, object: ready }))).toEqual(['reports', 'rival', 'sales']);
  });
});

describe('a ServiceAccount wakes', () => {
  test('all identities that name it, and no other', () => {
    const object = { metadata: { namespace: 'analytics', name: 'reports' } };
    expect(namesOf(serviceAccountWatch.toRequests({ type: 'deleted', object }))).toEqual(['reports', 'rival']);
  });

  test('nobody in another namespace', () => {
    const object = { metadata: { namespace: 'elsewhere', name: 'reports' } };
    expect(namesOf(serviceAccountWatch.toRequests({ type: 'added', object }))).toEqual([]);
  });
});

const table = (data?: Readonly<Record<string, string>>): InjectionTable => ({
  metadata: { namespace: 'analytics', name: 'aws-pod-injection' },
  ...(data === undefined ? {} : { data }),
});

describe('a table wakes', () => {
  const both = table({ sales: 'a', reports: 'a' });

  test.each<{ name: string; change: Change<InjectionTable>; expected: readonly string[] }>([
    {
      name: 'only the identity whose entry changed',
      change: updated(both, table({ sales: 'b', reports: 'a' })),
      expected: ['sales'],
    },
    {
      name: 'only the identities of the entry that was removed',
      change: updated(both, table({ sales: 'a' })),
      expected: ['reports', 'rival'],
    },
    {
      name: 'only the identity of the new entry',
      change: updated(table(), table({ sales: 'a' })),
      expected: ['sales'],
    },
    { name: 'nobody when the entries are the same', change: updated(both, structuredClone(both)), expected: [] },
    {
      name: 'all that it names when it is deleted',
      change: { type: 'deleted', object: both },
      expected: ['reports', 'rival', 'sales'],
    },
    {
      name: 'nobody for the ServiceAccount of no identity',
      change: { type: 'added', object: table({ x: 'a' }) },
      expected: [],
    },
  ])('$name', ({ change, expected }) => {
    expect(namesOf(tableWatch.toRequests(change))).toEqual(expected);
  });
});

describe('a namespace wakes', () => {
  const gold = { namespaceSelector: { matchLabels: { tier: 'gold' } } };
  const namespace = (labels?: Readonly<Record<string, string>>): KubernetesResource => ({
    metadata: { name: 'analytics', ...(labels && { labels }) },
  });
  beforeEach(() =>
    stores.providers.replace([provider({ spec: { guardrails: gold } }), provider({ metadata: { name: 'other' } })]),
  );

  test.each<{ name: string; change: Change<KubernetesResource>; expected: readonly string[] }>([
    {
      name: 'those whose provider serves it from now on',
      change: updated(namespace(), namespace({ tier: 'gold' })),
      expected: ['reports', 'rival', 'sales'],
    },
    {
      name: 'those whose provider serves it no more',
      change: updated(namespace({ tier: 'gold' }), namespace({ tier: 'lead' })),
      expected: ['reports', 'rival', 'sales'],
    },
    {
      name: 'nobody by a label that no provider looks at',
      change: updated(namespace({ tier: 'gold' }), namespace({ tier: 'gold', team: 'a' })),
      expected: [],
    },
    {
      name: 'nobody by one that does not change what the provider serves',
      change: updated(namespace(), namespace({ tier: 'lead' })),
      expected: [],
    },
    { name: 'nobody when it is listed', change: { type: 'added', object: namespace({ tier: 'gold' }) }, expected: [] },
  ])('$name', ({ change, expected }) => {
    expect(namesOf(namespaceWatch.toRequests(change))).toEqual(expected);
  });
});
