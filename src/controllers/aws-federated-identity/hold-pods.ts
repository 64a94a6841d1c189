import type { Reason } from '../../crds/condition.ts';
import { isPending, pendingEntry, TABLE_NAME } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import { claimant } from './accept.ts';
import { putTableEntry } from './apply.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Has the API server deny pods of an identity that is not ready, by an entry in the injection table. The pending gate does
 * the same from the identity itself, but not in the first half minute of an API server (ADR 0001). An entry that injects
 * stays: its pods work, whatever is wrong now.
 */
export async function holdPods(
  { identities, kubernetes, tables }: Dependencies,
  identity: AwsFederatedIdentity,
  reason: Reason,
  signal: AbortSignal,
): Promise<void> {
  const owned = ownedMetadataOf(identity);
  if (owned.bound || reason === 'ServiceAccountConflict') return;
  const { namespace, name = '', uid } = identity.metadata;
  // Only one may write the entry: two would wake each other by it for ever.
  const rivals = identities.byIndex('serviceAccount', `${namespace}/${identity.spec.serviceAccount.name}`);
  if (claimant(rivals)?.metadata.uid !== uid) return;
  const present = tables.get({ namespace, name: TABLE_NAME })?.data?.[identity.spec.serviceAccount.name];
  const entry = pendingEntry(name, reason);
  if (present === entry || (present !== undefined && !isPending(present))) return;
  if (!owned.finalizer) {
    // Whoever writes an entry must be there to take it away.
    await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, finalizer: true }, signal);
  }
  await putTableEntry(kubernetes, identity, entry, signal);
}
