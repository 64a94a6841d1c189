import { entryOf, type Injection, type InjectionTable, parseEntry, TABLE_NAME } from '../../kube/injection-table.ts';
import type { KubernetesResource, ObjectName } from '../../kube/resource.ts';
import { type AnnotationDefaults, annotatedInjection } from '../../kube/service-account-annotations.ts';
import type { Lookup } from './review.ts';

/** What is kept of the API server's objects. */
interface Store<T> {
  get(name: ObjectName): Readonly<T> | undefined;
}

export interface PodRolesOptions {
  readonly tables: Store<InjectionTable> & { readonly isSynced: boolean };
  readonly serviceAccounts: Store<KubernetesResource>;
  /** Asks the API server; undefined for a ServiceAccount that does not exist. */
  readonly readServiceAccount: (name: ObjectName) => Promise<KubernetesResource | undefined>;
  readonly defaults: () => AnnotationDefaults;
}

/**
 * What pods of a ServiceAccount are given: by the injection table, else by its own annotations. One that is not known yet, as it was made
 * a moment ago with its pod, is read from the API server. Rejects where that fails, or the tables are not read yet.
 */
export function podRoles({ tables, serviceAccounts, readServiceAccount, defaults }: PodRolesOptions): Lookup {
  return async (namespace, name) => {
    if (!tables.isSynced) throw new Error('the injection tables are not read yet');
    const entry = entryOf(tables.get({ namespace, name: TABLE_NAME }), name);
    if (entry !== undefined) return injectionOf(entry);
    const known = serviceAccounts.get({ namespace, name }) ?? (await readServiceAccount({ namespace, name }));
    if (known === undefined) return undefined; // the API server refuses the pod itself
    const annotated = annotatedInjection(known, defaults());
    return annotated.kind === 'injection' ? annotated.injection : undefined;
  };
}

/** Pods of an entry that is pending or that can't be read are left to the table gate, which denies them with the reason. */
function injectionOf(entry: string): Injection | undefined {
  const parsed = parseEntry(entry);
  return parsed.kind === 'injection' ? parsed.injection : undefined;
}
