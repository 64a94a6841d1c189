import type { KubernetesClient } from './client.ts';
import { isNotFound, toKubernetesError } from './errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from './injection-table.ts';
import type { ObjectMeta } from './resource.ts';

/** By ServiceAccount: the entry that it is to have, or null for none. */
export type EntryChanges = Readonly<Record<string, string | null>>;

/**
 * Writes some entries of a namespace's table, which is made if it is missing. A merge patch touches these entries only, so
 * that those who write different ones never overwrite each other.
 */
export async function changeEntries(
  kubernetes: Pick<KubernetesClient, 'mergePatch' | 'create'>,
  namespace: string,
  changes: EntryChanges,
  signal: AbortSignal,
): Promise<void> {
  const name = { namespace, name: TABLE_NAME };
  try {
    await kubernetes.mergePatch(CONFIG_MAPS, name, { data: changes }, signal).catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      const data = Object.fromEntries(
        Object.entries(changes).flatMap(([key, entry]) => (entry === null ? [] : [[key, entry]])),
      );
      if (Object.keys(data).length === 0) return;
      await kubernetes.create<InjectionTable>(CONFIG_MAPS, { metadata: name, data }, signal);
    });
  } catch (error) {
    throw toKubernetesError(`Injection table of namespace ${namespace}`, error);
  }
}

/** Deletes a table of which no entry is left, unless it has changed since it was seen. */
export async function deleteTable(
  kubernetes: Pick<KubernetesClient, 'delete'>,
  { namespace, uid, resourceVersion }: ObjectMeta,
  signal: AbortSignal,
): Promise<void> {
  try {
    await kubernetes.delete(CONFIG_MAPS, { namespace, name: TABLE_NAME }, { uid, resourceVersion }, signal);
  } catch (error) {
    if (!isNotFound(error)) throw toKubernetesError(`Injection table of namespace ${namespace}`, error);
  }
}
