import { tableEntry } from '../../kube/injection-table.ts';
import { type KubernetesResource, nameOf } from '../../kube/resource.ts';
import { type AnnotationDefaults, annotatedInjection } from '../../kube/service-account-annotations.ts';

/** What a ServiceAccount says by its annotations, and who it is. */
export interface AnnotatedServiceAccount {
  readonly object: KubernetesResource;
  readonly name: string;
  /** The table's entry; undefined for none. */
  readonly entry: string | undefined;
  /** Why there is none, although a role is annotated. */
  readonly problem: string | undefined;
}

/** The wish of each ServiceAccount; those that an AwsFederatedIdentity claims are for that identity to say. */
export const desiredEntries = (
  serviceAccounts: readonly KubernetesResource[],
  defaults: AnnotationDefaults,
): readonly AnnotatedServiceAccount[] =>
  serviceAccounts.map((object) => {
    const { name } = nameOf(object);
    const annotated = annotatedInjection(object, defaults);
    switch (annotated.kind) {
      case 'none':
        return { object, name, entry: undefined, problem: undefined };
      case 'injection':
        return { object, name, entry: tableEntry(annotated.injection), problem: undefined };
      case 'invalid':
        return { object, name, entry: undefined, problem: annotated.problem };
    }
  });
