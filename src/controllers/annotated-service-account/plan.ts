import { entryOf, type InjectionTable } from '../../kube/injection-table.ts';
import { INJECTION_LABEL } from '../../kube/kinds.ts';
import type { ObjectMeta } from '../../kube/resource.ts';
import type { EntryChanges } from '../../kube/table-entries.ts';
import type { AnnotatedServiceAccount } from './desired.ts';

/** One write to the API server. In the order of the list, no pod is let through before the table is right. */
export type Action =
  | { readonly type: 'ChangeEntries'; readonly changes: EntryChanges }
  | { readonly type: 'DeleteTable'; readonly table: ObjectMeta }
  /** Only as long as the ServiceAccount is as it was seen: its next change is pending again. */
  | { readonly type: 'MarkServiceAccount'; readonly serviceAccount: ObjectMeta; readonly label: 'bound' | null };

export interface Observed {
  readonly table: InjectionTable | undefined;
  /** Whether an AwsFederatedIdentity has the ServiceAccount of this name: then its entry is not ours. */
  readonly isClaimed: (name: string) => boolean;
}

/**
 * What to write in one namespace. Every entry belongs to an identity or follows from annotations, so one that does neither is
 * left over and goes; nothing need be remembered of who wrote it.
 */
export function planTable(serviceAccounts: readonly AnnotatedServiceAccount[], observed: Observed): readonly Action[] {
  const { table, isClaimed } = observed;
  const present = table?.data ?? {};
  const wanted = new Map(
    serviceAccounts.flatMap(({ name, entry }) => (entry === undefined || isClaimed(name) ? [] : [[name, entry]])),
  );
  const changed = [...wanted].filter(([name, entry]) => present[name] !== entry);
  const leftOver = Object.keys(present).filter((name) => !wanted.has(name) && !isClaimed(name));
  return [
    ...entryActions(observed, changed, leftOver),
    ...serviceAccounts.flatMap((serviceAccount) => markAction(serviceAccount, observed)),
  ];
}

function entryActions(
  { table }: Observed,
  changed: ReadonlyArray<readonly [string, string]>,
  leftOver: readonly string[],
): readonly Action[] {
  const isLastGone = changed.length === 0 && leftOver.length === Object.keys(table?.data ?? {}).length;
  if (changed.length + leftOver.length === 0) return [];
  if (table !== undefined && isLastGone) return [{ type: 'DeleteTable', table: table.metadata }];
  const changes = Object.fromEntries([...changed, ...leftOver.map((name) => [name, null] as const)]);
  return [{ type: 'ChangeEntries', changes }];
}

/** A mark that the admission policy set is lifted when the table answers for the ServiceAccount, whoever wrote the entry. */
function markAction(
  { object: { metadata }, name, entry, problem }: AnnotatedServiceAccount,
  { table, isClaimed }: Observed,
): readonly Action[] {
  const mark = metadata.labels?.[INJECTION_LABEL];
  if (mark === undefined) return [];
  const isAnswered = isClaimed(name) ? entryOf(table, name) !== undefined : entry !== undefined;
  if (isAnswered)
    return mark === 'pending' ? [{ type: 'MarkServiceAccount', serviceAccount: metadata, label: 'bound' }] : [];
  const isAboutNothing = !isClaimed(name) && problem === undefined; // the annotation went while the policy was not there
  return isAboutNothing ? [{ type: 'MarkServiceAccount', serviceAccount: metadata, label: null }] : [];
}
