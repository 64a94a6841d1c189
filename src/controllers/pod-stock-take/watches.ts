import { type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, BOUND_LABEL } from '../../kube/kinds.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import type { Source } from '../../runtime/controller.ts';
import type { Change, ObjectStore } from '../../runtime/object-store.ts';
import type { Request } from '../../runtime/reconciler.ts';
import type { Pace } from './pace.ts';

interface StockStores {
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  readonly tables: ObjectStore<InjectionTable>;
  /** Pods that have not ended, of which little more than the name is kept. */
  readonly pods: ObjectStore<KubernetesResource>;
}

/**
 * What wakes the stock-take of a namespace: pods that come and go, if any can be bound there, the injection table, and an
 * identity that gets or changes its role. Many changes at once are one request.
 */
export function stockWatches(
  { identities, tables, pods }: StockStores,
  { pace, now }: { readonly pace: Pace; readonly now: () => Date },
): readonly [Source<AwsFederatedIdentity>, Source<InjectionTable>, Source<KubernetesResource>] {
  const wake = ({ object: { metadata } }: Change<KubernetesResource>): readonly Request[] => {
    const { namespace = '' } = metadata;
    const isConcerned =
      tables.get({ namespace, name: TABLE_NAME }) !== undefined ||
      identities.byIndex('namespace', namespace).length > 0;
    return isConcerned && pace.wake(namespace, now().getTime()) ? [{ name: namespace }] : [];
  };
  return [
    { store: identities, toRequests: (change) => (changesRole(change) ? wake(change) : []) },
    { store: tables, toRequests: wake },
    { store: pods, toRequests: (change) => (isOtherPod(change) ? wake(change) : []) },
  ];
}

/** Its other changes, the counts of its own pods among them, say nothing about pods. */
const changesRole = (change: Change<AwsFederatedIdentity>): boolean =>
  change.type !== 'updated' || roleOf(change.object) !== roleOf(change.previous);

const roleOf = ({ metadata: { uid, labels }, status }: AwsFederatedIdentity): string =>
  [uid, labels?.[BOUND_LABEL], status?.roleArn].join(' ');

/** What decides over its injection cannot change in a pod; between two lists it may have been made anew. */
const isOtherPod = (change: Change<KubernetesResource>): boolean =>
  change.type !== 'updated' || change.object.metadata.uid !== change.previous.metadata.uid;
