import type { RoleArn } from '../../iam/arn.ts';
import { type InjectionTable, parseEntry } from '../../kube/injection-table.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';

/** A ServiceAccount whose new pods are injected, and whom to tell about the others: its identity, or itself without one. */
export interface Subject {
  readonly serviceAccount: string;
  readonly roleArn: RoleArn;
  readonly identity: AwsFederatedIdentity | undefined;
}

/**
 * The bound ServiceAccounts of a namespace. Left out is one whose identities all say something else than the table: one of
 * them is about to change it, and its end wakes this controller.
 */
export function subjectsOf(
  table: InjectionTable | undefined,
  identities: readonly AwsFederatedIdentity[],
): readonly Subject[] {
  return Object.entries(table?.data ?? {}).flatMap(([serviceAccount, text]): readonly Subject[] => {
    const entry = parseEntry(text);
    if (entry.kind !== 'injection') return []; // the table gate denies such pods
    const { roleArn } = entry.injection;
    const candidates = identities.filter(({ spec }) => spec.serviceAccount.name === serviceAccount);
    const identity = candidates.find(
      ({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.roleArn === roleArn,
    );
    if (identity === undefined && candidates.length > 0) return [];
    return [{ serviceAccount, roleArn, identity }];
  });
}
