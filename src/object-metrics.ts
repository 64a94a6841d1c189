import { Gauge, Histogram } from 'prom-client';
import type { AwsFederatedIdentity, AwsOidcProvider } from './kube/kinds.ts';
import {
  deletionSeconds,
  type Figure,
  identityConditions,
  notReady,
  notReadySeconds,
  podCounts,
  podsToRestart,
  providerConditions,
  unprovenSeconds,
} from './object-figures.ts';
import type { Metrics } from './runtime/metrics.ts';
import type { ChangeHandler, ObjectStore } from './runtime/object-store.ts';

type StoreState = Pick<ObjectStore<never>, 'size' | 'isSynced' | 'staleSeconds'>;

/** What the metrics read: the operator's stores, or a part of them. */
export interface ObservedStores {
  readonly identities: Pick<ObjectStore<AwsFederatedIdentity>, 'list' | 'onChange'> & StoreState;
  readonly providers: Pick<ObjectStore<AwsOidcProvider>, 'list'> & StoreState;
  readonly [more: string]: StoreState;
}

/**
 * Shows the objects of the cluster as metrics, computed at each scrape from what the process knows anyway. Every replica
 * shows them, whether it leads or not: take `max`, not `sum`.
 *
 * No label is named as Prometheus names those of a target (namespace, service, pod), which it would rename.
 */
export function showObjects({ registry }: Pick<Metrics, 'registry'>, stores: ObservedStores, now = () => new Date()) {
  const registers = [registry];
  const show = (name: string, help: string, labelNames: readonly string[], figures: () => readonly Figure[]) =>
    new Gauge({
      name: `federated_identity_${name}`,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        for (const { labels, value } of figures()) this.set(labels, value);
      },
    });
  const identities = () => stores.identities.list();
  const providers = () => stores.providers.list();
  showConditions(show, { identities, providers }, now);
  show('pods', 'Running pods of ServiceAccounts with an identity, by how they were injected.', ['state'], () =>
    podCounts(identities()),
  );
  show(
    'pods_to_restart',
    'Running pods without their role or with an older one, by namespace.',
    ['identity_namespace'],
    () => podsToRestart(identities()),
  );
  const everyStore = (read: (store: ObservedStores[string]) => number) => (): readonly Figure[] =>
    Object.entries(stores).map(([store, state]) => ({ labels: { store }, value: read(state) }));
  const size = everyStore((store) => store.size);
  show('store_objects', 'Objects that this process keeps in memory, by store.', ['store'], size);
  const synced = everyStore((store) => (store.isSynced ? 1 : 0));
  show('store_synced', '1 once a store has read all its objects, else 0.', ['store'], synced);
  const stale = everyStore((store) => store.staleSeconds);
  show('store_stale_seconds', 'How long a store has not been told of changes; 0 while it is.', ['store'], stale);
  const timeToReady = new Histogram({
    name: 'federated_identity_time_to_ready_seconds',
    help: 'From the moment the process saw a new identity to its first Ready.',
    buckets: [0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600],
    registers,
  });
  stores.identities.onChange(firstReady((seconds) => timeToReady.observe(seconds)));
}

type Show = (name: string, help: string, labelNames: readonly string[], figures: () => readonly Figure[]) => Gauge;

/** What the status of the objects says. */
function showConditions(
  show: Show,
  {
    identities,
    providers,
  }: {
    readonly identities: () => readonly AwsFederatedIdentity[];
    readonly providers: () => readonly AwsOidcProvider[];
  },
  now: () => Date,
): void {
  const condition = ['condition', 'status', 'reason'];
  show('identity_conditions', 'Identities by condition, its status and its reason.', condition, () =>
    identityConditions(identities()),
  );
  show('provider_conditions', '1 for each condition that a provider has now.', ['provider', ...condition], () =>
    providerConditions(providers()),
  );
  const waiting = ['identity_namespace', 'reason'];
  show('not_ready', 'Identities that are not Ready, without suspended ones and those in deletion.', waiting, () =>
    notReady(identities()),
  );
  show('not_ready_seconds', 'How long the one of them that is longest not Ready is so.', waiting, () =>
    notReadySeconds(identities(), now()),
  );
  show(
    'unproven_seconds',
    'How long the identity that is longest without a proof at STS is so; 0 for none.',
    [],
    () => [{ labels: {}, value: unprovenSeconds(identities(), now()) }],
  );
  show('deletion_seconds', 'How long the object that is longest in deletion is so; 0 for none.', ['kind'], () =>
    deletionSeconds({ identities: identities(), providers: providers() }, now()),
  );
}

/** Tells how long each new identity takes until it is ready for the first time, in seconds of a monotonic clock. */
export function firstReady(
  observe: (seconds: number) => void,
  now: () => number = () => performance.now(),
): ChangeHandler<AwsFederatedIdentity> {
  const since = new Map<string, number>();
  return (change) => {
    const { uid = '' } = change.object.metadata;
    const ready = change.object.status?.conditions?.find((condition) => condition.type === 'Ready');
    switch (change.type) {
      case 'added':
        // One with a condition has a past that this process does not know.
        if (ready === undefined) since.set(uid, now());
        return;
      case 'updated': {
        const seenAt = since.get(uid);
        if (ready?.status !== 'True' || seenAt === undefined) return;
        since.delete(uid);
        observe((now() - seenAt) / 1000);
        return;
      }
      case 'deleted':
        since.delete(uid);
        return;
      default:
        change satisfies never;
    }
  };
}
