import { isDeepStrictEqual } from 'node:util';
import type { Change, StoredObject } from './object-store.ts';

/**
 * Whether a change can alter what a reconcile does. Updates of status alone do not wake a controller: it wrote them
 * itself. A status that somebody else wiped is repaired when it is next looked at.
 */
export function needsReconcile<T extends StoredObject>(change: Change<T>): boolean {
  if (change.type !== 'updated') return true;
  // Without a generation (ServiceAccounts, Secrets) a status cannot be told from the rest.
  if (change.object.metadata?.generation === undefined) return true;
  return !isDeepStrictEqual(relevant(change.object), relevant(change.previous));
}

/** A list gives dates as Date, a watch as string, and empty maps may be missing: only what is comparable. */
const relevant = ({ metadata = {} }: StoredObject): object => ({
  uid: metadata.uid, // differs if it was deleted and created again between two lists
  generation: metadata.generation,
  isDeleting: metadata.deletionTimestamp !== undefined,
  finalizers: metadata.finalizers ?? [],
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {},
});
