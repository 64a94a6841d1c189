import { isDeepStrictEqual } from 'node:util';
import type { InjectionTable } from '../../kube/injection-table.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { selects } from '../../kube/label-selector.ts';
import { type KubernetesResource, nameOf, type ObjectName } from '../../kube/resource.ts';
import type { Source } from '../../runtime/controller.ts';
import type { Change, ObjectStore } from '../../runtime/object-store.ts';
import { needsReconcile } from '../../runtime/predicates.ts';
import type { Wake } from '../../runtime/reconciler.ts';

/** The indexes of the identity store: by which values identities are found. */
export const IDENTITY_INDEXES = {
  provider: ({ spec }: AwsFederatedIdentity) => [spec.providerRef.name],
  serviceAccount: ({ metadata, spec }: AwsFederatedIdentity) => [`${metadata.namespace}/${spec.serviceAccount.name}`],
  namespace: ({ metadata: { namespace = '' } }: AwsFederatedIdentity) => [namespace],
} as const;

export interface IdentityStores {
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  readonly providers: ObjectStore<AwsOidcProvider>;
  readonly serviceAccounts: ObjectStore<KubernetesResource>;
  readonly tables: ObjectStore<InjectionTable>;
  readonly namespaces: ObjectStore<KubernetesResource>;
}

/** Whether a change of its labels gives the provider to this shard of the operator. */
type ComesToUs = (change: Change<AwsOidcProvider>) => boolean;
const NEVER: ComesToUs = () => false;

type IsMeant = (identity: AwsFederatedIdentity) => boolean;
const always: IsMeant = () => true;

/**
 * What wakes an identity: itself, its provider, its ServiceAccount, its namespace's table and labels, and the end of one
 * that had its ServiceAccount or its room.
 */
export function identityWatches(
  { identities, providers, serviceAccounts, tables, namespaces }: IdentityStores,
  comesToUs: ComesToUs = NEVER,
): readonly [
  Source<AwsFederatedIdentity>,
  Source<AwsOidcProvider>,
  Source<KubernetesResource>,
  Source<InjectionTable>,
  Source<KubernetesResource>,
] {
  const by = (index: keyof typeof IDENTITY_INDEXES, value: string, isMeant = always): readonly ObjectName[] =>
    identities.byIndex(index, value).filter(isMeant).map(nameOf);
  return [
    {
      store: identities,
      toRequests: (change) => {
        if (!needsReconcile(change)) return [];
        const { namespace } = change.object.metadata;
        const rivals = by('serviceAccount', `${namespace}/${change.object.spec.serviceAccount.name}`);
        if (change.type === 'deleted') return [...rivals, ...by('namespace', namespace ?? '', hadNoRoom)];
        return [{ ...nameOf(change.object), isSpaced: change.type === 'updated' && hasNewSpec(change) }];
      },
    },
    {
      store: providers,
      // One provider can have thousands of identities: nobody's own change waits behind them.
      toRequests: (change) =>
        changesUse(change) || comesToUs(change) ? by('provider', change.object.metadata.name ?? '').map(asNew) : [],
    },
    {
      store: serviceAccounts,
      toRequests: ({ object: { metadata } }) => by('serviceAccount', `${metadata.namespace}/${metadata.name}`),
    },
    {
      store: tables,
      toRequests: (change) => {
        const { namespace } = change.object.metadata;
        return changedEntries(change).flatMap((name) => by('serviceAccount', `${namespace}/${name}`));
      },
    },
    {
      store: namespaces,
      toRequests: (change) =>
        change.type !== 'updated'
          ? [] // no identity is older than its namespace
          : by('namespace', change.object.metadata.name ?? '', ({ spec }) =>
              changesSelection(change, providers.get(spec.providerRef)),
            ),
    },
  ];
}

/**
 * What wakes the drift sweep of a provider: that it can be used, or can be used otherwise. Identities wake none, but all of
 * them must be known before the first one, or it finds nothing to look at and each of them asks AWS on its own.
 */
export const sweepWatches = (
  { providers, identities }: Pick<IdentityStores, 'providers' | 'identities'>,
  comesToUs: ComesToUs = NEVER,
): readonly [Source<AwsOidcProvider>, Source<AwsFederatedIdentity>] => [
  {
    store: providers,
    toRequests: (change) => (changesUse(change) || comesToUs(change) ? [nameOf(change.object)] : []),
  },
  { store: identities, toRequests: () => [] },
];

const asNew = (name: ObjectName): Wake => ({ ...name, priority: 'new' });

/** A provider tells by its status whether it can be used; its count of identities must not wake them all. */
const changesUse = (change: Change<AwsOidcProvider>): boolean =>
  change.type !== 'updated' || !isDeepStrictEqual(useOf(change.object), useOf(change.previous));

function useOf({ metadata: { generation, deletionTimestamp }, status }: AwsOidcProvider): object {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return [generation, deletionTimestamp, status?.arn, status?.issuer, ready?.status, ready?.observedGeneration];
}

/** Whether the provider serves the namespace now and did not before, or the other way round. */
function changesSelection(
  { object, previous }: Extract<Change<KubernetesResource>, { type: 'updated' }>,
  provider: AwsOidcProvider | undefined,
): boolean {
  const selector = provider?.spec.guardrails?.namespaceSelector;
  if (selector === undefined) return false;
  return selects(selector, object.metadata.labels ?? {}) !== selects(selector, previous.metadata.labels ?? {});
}

const hadNoRoom = ({ status }: AwsFederatedIdentity): boolean =>
  status?.conditions?.some(({ type, reason }) => type === 'Ready' && reason === 'TooManyIdentities') === true;

const hasNewSpec = ({ object, previous }: Extract<Change<AwsFederatedIdentity>, { type: 'updated' }>): boolean =>
  object.metadata.generation !== previous.metadata.generation && object.metadata.deletionTimestamp === undefined;

/** The ServiceAccounts whose entry in a table changed. */
function changedEntries(change: Change<InjectionTable>): readonly string[] {
  const now = change.type === 'deleted' ? {} : (change.object.data ?? {});
  const before =
    change.type === 'updated'
      ? (change.previous.data ?? {})
      : change.type === 'deleted'
        ? (change.object.data ?? {})
        : {};
  return [...new Set([...Object.keys(now), ...Object.keys(before)])].filter(
    (name) => !isDeepStrictEqual(now[name], before[name]),
  );
}
