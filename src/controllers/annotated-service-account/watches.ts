import { isDeepStrictEqual } from 'node:util';
import type { InjectionTable } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, INJECTION_LABEL } from '../../kube/kinds.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { annotationKeys } from '../../kube/service-account-annotations.ts';
import type { Source } from '../../runtime/controller.ts';
import type { Change, ObjectStore } from '../../runtime/object-store.ts';
import { DEFAULT_PROVIDER } from './reconcile.ts';

/** The index of the ServiceAccount store: by namespace, those whose annotations or label are of interest. */
export const annotatedIndex = (annotationPrefix: string) => {
  const { roleArn } = annotationKeys(annotationPrefix);
  return {
    annotated: ({ metadata: { namespace = '', annotations, labels } }: KubernetesResource): readonly string[] =>
      annotations?.[roleArn] !== undefined || labels?.[INJECTION_LABEL] !== undefined ? [namespace] : [],
  } as const;
};

export interface AnnotatedStores {
  readonly serviceAccounts: ObjectStore<KubernetesResource>;
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  readonly providers: ObjectStore<AwsOidcProvider>;
  readonly tables: ObjectStore<InjectionTable>;
}

/** What wakes a namespace: its annotated ServiceAccounts, who claims them, its table, and the default region. */
export function annotatedWatches(
  { serviceAccounts, identities, providers, tables }: AnnotatedStores,
  annotationPrefix: string,
): readonly [
  Source<KubernetesResource>,
  Source<AwsFederatedIdentity>,
  Source<AwsOidcProvider>,
  Source<InjectionTable>,
] {
  const { annotated } = annotatedIndex(annotationPrefix);
  return [
    {
      store: serviceAccounts,
      toRequests: (change) =>
        statesOf(change).some((state) => annotated(state).length > 0) ? namespaceOf(change.object) : [],
    },
    {
      store: identities,
      toRequests: (change) => (isSame(change, claimOf) ? [] : namespaceOf(change.object)),
    },
    {
      store: providers,
      toRequests: (change) => {
        const isOther = change.object.metadata.name !== DEFAULT_PROVIDER;
        if (isOther || isSame(change, ({ spec }) => spec.region)) return [];
        return [...new Set(serviceAccounts.list().flatMap(annotated))].map((name) => ({ name }));
      },
    },
    {
      store: tables,
      toRequests: (change) => (isSame(change, ({ data }) => data) ? [] : namespaceOf(change.object)),
    },
  ];
}

/** An identity that is being deleted gives its ServiceAccount up. */
const claimOf = ({ metadata, spec }: AwsFederatedIdentity): readonly unknown[] => [
  spec.serviceAccount.name,
  metadata.deletionTimestamp !== undefined,
];

const namespaceOf = ({ metadata: { namespace = '' } }: KubernetesResource) => [{ name: namespace }];

const statesOf = <T>(change: Change<T>): readonly T[] =>
  change.type === 'updated' ? [change.object, change.previous] : [change.object];

const isSame = <T>(change: Change<T>, part: (object: T) => unknown): boolean =>
  change.type === 'updated' && isDeepStrictEqual(part(change.object), part(change.previous));
