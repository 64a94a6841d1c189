import { TABLE_NAME } from '../../kube/injection-table.ts';
import { MANAGED_LABEL, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { type KubernetesResource, nameOf } from '../../kube/resource.ts';
import type { AnnotationDefaults } from '../../kube/service-account-annotations.ts';
import type { Reconcile } from '../../runtime/reconciler.ts';
import { applyPlan } from './apply.ts';
import type { Dependencies } from './dependencies.ts';
import { type AnnotatedServiceAccount, desiredEntries } from './desired.ts';
import { planTable } from './plan.ts';

/** Its region counts where neither a ServiceAccount nor the installation names one. */
export const DEFAULT_PROVIDER = 'default';

/**
 * Follows the annotations of ServiceAccounts that belong to no AwsFederatedIdentity. A request is the name of a namespace:
 * its table is one object, so that any number of entries is one write.
 */
export function reconcileAnnotatedServiceAccounts(dependencies: Dependencies): Reconcile {
  const { annotatedServiceAccounts, identities, tables, settings } = dependencies;
  const notices = new Notices(dependencies);
  return async ({ name: namespace }, context) => {
    if (settings.excludedNamespaces.includes(namespace)) return {};
    const annotated = annotatedServiceAccounts.byIndex('annotated', namespace);
    const managed = new Set(annotated.flatMap((one) => (isManaged(one) ? [nameOf(one).name] : [])));
    const isClaimed = (name: string): boolean =>
      identities
        .byIndex('serviceAccount', `${namespace}/${name}`)
        .some(({ metadata }) => metadata.deletionTimestamp === undefined || managed.has(name));
    const serviceAccounts = desiredEntries(annotated, defaultsOf(dependencies));
    notices.tell(
      namespace,
      serviceAccounts.filter(({ name }) => !isClaimed(name)),
    );
    const table = tables.get({ namespace, name: TABLE_NAME });
    await applyPlan(dependencies, namespace, planTable(serviceAccounts, { table, isClaimed }), context);
    return {};
  };
}

/** Annotations beside this label are an identity's, which takes both back as it goes. */
const isManaged = ({ metadata }: KubernetesResource): boolean => metadata.labels?.[MANAGED_LABEL] === 'true';

/** What counts where a ServiceAccount says nothing, now: the provider may have come or changed. */
function defaultsOf({
  providers,
  settings,
}: Pick<Dependencies, 'providers'> & {
  readonly settings: Pick<Dependencies['settings'], 'annotations'>;
}): AnnotationDefaults {
  const region = settings.annotations.region ?? providers.get({ name: DEFAULT_PROVIDER })?.spec.region;
  return { ...settings.annotations, region };
}

/** Tells each problem once, and again after it was another one or none. */
class Notices {
  readonly #events: Dependencies['events'];
  /** By namespace, then by UID of the ServiceAccount: the problem that was told. */
  readonly #told = new Map<string, ReadonlyMap<string, string>>();

  constructor({ events }: Pick<Dependencies, 'events'>) {
    this.#events = events;
  }

  tell(namespace: string, serviceAccounts: readonly AnnotatedServiceAccount[]): void {
    const before = this.#told.get(namespace);
    const now = new Map<string, string>();
    for (const { object, problem } of serviceAccounts) {
      const { uid = '' } = object.metadata;
      if (problem === undefined) continue;
      now.set(uid, problem);
      if (before?.get(uid) === problem) continue;
      const note = `${problem} Until then new pods of the ServiceAccount are not given a role.`;
      this.#events.record(
        { ...object, ...SERVICE_ACCOUNTS },
        { type: 'Warning', reason: 'InvalidAnnotation', action: 'Inject', note },
      );
    }
    if (now.size > 0) this.#told.set(namespace, now);
    else this.#told.delete(namespace);
  }
}
