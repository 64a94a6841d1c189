import { entryOf, type InjectionTable, parseEntry, TABLE_NAME } from '../../kube/injection-table.ts';
import type { ObjectName } from '../../kube/resource.ts';
import type { Lookup } from './review.ts';

export interface PodRolesOptions {
  readonly tables: { readonly isSynced: boolean; get(name: ObjectName): Readonly<InjectionTable> | undefined };
  /** Whether this process stood still a moment ago, so that what it knows may be out of date. */
  readonly stoodStill: () => boolean;
}

/**
 * What pods of a ServiceAccount are given by the injection table. Throws while the tables are not read, or may be old. Pods of an entry
 * that is pending or that can't be read are left to the table gate, which denies them with the reason.
 */
export function podRoles({ tables, stoodStill }: PodRolesOptions): Lookup {
  return (namespace, name) => {
    if (!tables.isSynced) throw new Error('the injection tables are not read yet');
    if (stoodStill()) throw new Error('this replica stood still, and its injection tables may be those of before');
    const entry = entryOf(tables.get({ namespace, name: TABLE_NAME }), name);
    const parsed = entry === undefined ? undefined : parseEntry(entry);
    return parsed?.kind === 'injection' ? parsed.injection : undefined;
  };
}
