import type { Reason } from '../../crds/condition.ts';
import { toKubernetesError } from '../../kube/errors.ts';
import {
  CONFIG_MAPS,
  entryOf,
  type InjectionTable,
  isPending,
  pendingEntry,
  TABLE_NAME,
} from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import { claimant } from './accept.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Has the API server deny pods of an identity that is not ready, by an entry in the injection table. The pending gate does
 * the same from the identity itself, but not in the first half minute of an API server (ADR 0001). An entry that injects
 * stays: its pods work, whatever is wrong now. An identity that is bound and whose entry is missing is held too: its gate is
 * open, and its pods would start without their role.
 */
export async function holdPods(
  { identities, kubernetes, tables }: Dependencies,
  identity: AwsFederatedIdentity,
  reason: Reason,
  signal: AbortSignal,
): Promise<void> {
  const owned = ownedMetadataOf(identity);
  if (reason === 'ServiceAccountConflict') return;
  const { namespace, name = '', uid } = identity.metadata;
  // Only one may write the entry: two would wake each other by it for ever.
  const rivals = identities.byIndex('serviceAccount', `${namespace}/${identity.spec.serviceAccount.name}`);
  if (claimant(rivals)?.metadata.uid !== uid) return;
  const table = tables.get({ namespace, name: TABLE_NAME });
  const present = entryOf(table, identity.spec.serviceAccount.name);
  const entry = pendingEntry(name, reason);
  if (present === entry || (present !== undefined && !isPending(present))) return;
  if (!owned.finalizer) {
    // Whoever writes an entry must be there to take it away.
    await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, finalizer: true }, signal);
  }
  await putUnlessChanged(kubernetes, identity, { table, entry }, signal);
}

/** A conflict where the table is not as it was seen: an entry that injects may have come, and must not be taken away. */
async function putUnlessChanged(
  kubernetes: Dependencies['kubernetes'],
  { metadata: { namespace = '' }, spec: { serviceAccount } }: AwsFederatedIdentity,
  { table, entry }: { readonly table: InjectionTable | undefined; readonly entry: string },
  signal: AbortSignal,
): Promise<void> {
  const name = { namespace, name: TABLE_NAME };
  const data = { [serviceAccount.name]: entry };
  try {
    if (table === undefined) await kubernetes.create<InjectionTable>(CONFIG_MAPS, { metadata: name, data }, signal);
    else {
      const { uid, resourceVersion } = table.metadata;
      await kubernetes.mergePatch(CONFIG_MAPS, name, { metadata: { uid, resourceVersion }, data }, signal);
    }
  } catch (error) {
    throw toKubernetesError(`Injection table of namespace ${namespace}`, error);
  }
}
