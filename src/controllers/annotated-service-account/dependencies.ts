import type { EventRecorder } from '../../kube/events.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import type { InjectionTable } from '../../kube/injection-table.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import type { KubernetesResource, ObjectName } from '../../kube/resource.ts';
import type { AnnotationDefaults } from '../../kube/service-account-annotations.ts';

export interface Dependencies {
  readonly kubernetes: Pick<KubernetesClient, 'mergePatch' | 'create' | 'delete'>;
  /** Index `annotated`: by namespace, the ServiceAccounts that have a role annotation or the injection label. */
  readonly annotatedServiceAccounts: { byIndex(index: 'annotated', namespace: string): readonly KubernetesResource[] };
  /** Index `serviceAccount`: by `namespace/name`, the identities that name a ServiceAccount. */
  readonly identities: { byIndex(index: 'serviceAccount', value: string): readonly AwsFederatedIdentity[] };
  readonly providers: { get(name: ObjectName): AwsOidcProvider | undefined };
  readonly tables: { get(name: ObjectName): InjectionTable | undefined };
  readonly events: Pick<EventRecorder, 'record'>;
  readonly settings: {
    /** `region` is the installation's; without one, that of the AwsOidcProvider "default" counts. */
    readonly annotations: AnnotationDefaults;
    /** Namespaces whose pods the admission policies never look at. */
    readonly excludedNamespaces: readonly string[];
  };
}
