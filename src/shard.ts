import { createHash } from 'node:crypto';
import { parseLabelSelector, selects } from './kube/label-selector.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from './kube/kinds.ts';
import type { ObjectName } from './kube/resource.ts';
import type { Change } from './runtime/object-store.ts';
import type { Reconcile } from './runtime/reconciler.ts';

const LEASE = 'federated-identity-operator';

/** What the shard reads to know whose an object is. */
interface ShardStores {
  readonly providers: { get(name: ObjectName): AwsOidcProvider | undefined };
  readonly identities: { get(name: ObjectName): AwsFederatedIdentity | undefined };
}

/** The part of a cluster that one operator looks after: some providers, and the identities that refer to them. */
export interface Shard {
  /** Replicas of a shard stand for election among themselves. */
  readonly leaseName: string;
  /** The same reconcile, for which providers of other shards do not exist. The request names the provider. */
  ofProviders(reconcile: Reconcile): Reconcile;
  /** The same for a reconcile of identities: whose provider it has is decided anew each time, as labels change. */
  ofIdentities(reconcile: Reconcile): Reconcile;
  /**
   * The same for what belongs to no provider, such as ServiceAccounts annotated by hand: only the shard does it that would
   * take a provider without labels. It also tells identities that their provider does not exist.
   */
  ofTheRest(reconcile: Reconcile): Reconcile;
  /** Whether a change of labels makes a provider one of this shard. */
  comesToUs(change: Change<AwsOidcProvider>): boolean;
}

/** The shard of `--provider-selector`; an empty selector takes everything. Throws an Error for one that cannot be read. */
export function shardOf(providerSelector: string, { providers, identities }: ShardStores): Shard {
  const selector = parseLabelSelector(providerSelector);
  const takes = (provider: AwsOidcProvider | undefined): boolean => selects(selector, provider?.metadata.labels ?? {});
  return {
    leaseName: leaseNameOf(providerSelector),
    ofProviders: only((name) => takes(providers.get(name))),
    ofIdentities: only((name) => {
      const identity = identities.get(name);
      return identity !== undefined && takes(providers.get(identity.spec.providerRef));
    }),
    ofTheRest: only(() => takes(undefined)),
    comesToUs: (change) => change.type === 'updated' && takes(change.object) && !takes(change.previous),
  };
}

/** A change of labels wakes what is passed over here. */
const only =
  (isOurs: (name: ObjectName) => boolean) =>
  (reconcile: Reconcile): Reconcile =>
  async (request, context) =>
    isOurs(request) ? reconcile(request, context) : {};

const leaseNameOf = (providerSelector: string): string =>
  providerSelector.trim() === ''
    ? LEASE
    : `${LEASE}-${createHash('sha256').update(providerSelector).digest('hex').slice(0, 8)}`;
