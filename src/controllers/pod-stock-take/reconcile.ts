import type { KubernetesClient } from '../../kube/client.ts';
import { isNotFound, toKubernetesError } from '../../kube/errors.ts';
import type { EventRecorder, EventSubject } from '../../kube/events.ts';
import { type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { PODS } from '../../kube/pods.ts';
import type { KubernetesResource, ObjectName } from '../../kube/resource.ts';
import type { Reconcile } from '../../runtime/reconciler.ts';
import { type Resync, resyncInMs } from '../resync.ts';
import type { InjectionForm } from './judge.ts';
import { observePods } from './observe.ts';
import type { Pace } from './pace.ts';
import { type Memory, NOTHING_TOLD, planStock, type StockAction } from './plan.ts';
import { type Subject, subjectsOf } from './subjects.ts';

/** Owner of `status.pods`; the rest of the status is the reconcile's, which never applies this field. */
export const STOCK_FIELD_MANAGER = 'federatedidentity.dev/pod-stock-take';

export interface StockDependencies extends Resync {
  /** Writes under STOCK_FIELD_MANAGER. */
  readonly kubernetes: Pick<KubernetesClient, 'pages' | 'applyStatus' | 'get'>;
  readonly identities: { byIndex(index: 'namespace', value: string): readonly AwsFederatedIdentity[] };
  readonly tables: { get(name: ObjectName): InjectionTable | undefined };
  readonly events: Pick<EventRecorder, 'record'>;
  readonly pace: Pace;
  readonly form: InjectionForm;
  readonly now: () => Date;
}

/**
 * Looks at the running pods of a namespace, which the request names: those without their role and those with an older one
 * are counted in the status of their identity, and told as Events. Changes no pod.
 */
export function takeStock(dependencies: StockDependencies): Reconcile {
  const { identities, kubernetes, pace, tables, form, now } = dependencies;
  const memories = new Map<string, Memory>();
  return async ({ name: namespace }, { signal, log }) => {
    const waitMs = pace.enter(namespace, now().getTime());
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const table = tables.get({ namespace, name: TABLE_NAME });
    const subjects = subjectsOf(table, identities.byIndex('namespace', namespace));
    if (subjects.length === 0) {
      memories.delete(namespace);
      pace.forget(namespace);
      return {}; // a change of the table or of an identity wakes it
    }
    const roles = new Map(subjects.map(({ serviceAccount, roleArn }) => [serviceAccount, roleArn]));
    const stocks = await observePods(kubernetes, namespace, { roles, form }, signal);
    const plan = planStock(
      { namespace, subjects, stocks, now: now().getTime() },
      memories.get(namespace) ?? NOTHING_TOLD,
    );
    for (const action of plan.actions) await carryOut(dependencies, namespace, action, signal);
    memories.set(namespace, plan.memory);
    log.debug({ serviceAccounts: subjects.length, actions: plan.actions.length }, 'took stock of pods');
    const resyncMs = resyncInMs(dependencies);
    return { requeueAfterMs: Math.min(resyncMs, plan.dueInMs ?? resyncMs) };
  };
}

// oxlint-disable-next-line max-params -- the last one is the signal, as everywhere
async function carryOut(
  dependencies: StockDependencies,
  namespace: string,
  action: StockAction,
  signal: AbortSignal,
): Promise<void> {
  const { events } = dependencies;
  switch (action.type) {
    case 'WriteCounts':
      return writeCounts(dependencies, action, signal);
    case 'TellPod': {
      const { name, uid } = action.pod;
      events.record({ ...PODS, metadata: { namespace, name, uid } }, action.event);
      return undefined;
    }
    case 'TellSubject': {
      const about = await eventSubject(dependencies, namespace, action.subject, signal);
      if (about !== undefined) events.record(about, action.event);
      return undefined;
    }
    default:
      return action satisfies never;
  }
}

/** The UID keeps the write from an identity of the same name that was made meanwhile. */
async function writeCounts(
  { kubernetes }: StockDependencies,
  { identity, pods }: Extract<StockAction, { type: 'WriteCounts' }>,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = identity.metadata;
  const counts: KubernetesResource & { readonly status: object } = {
    metadata: { namespace, name, uid },
    status: { pods },
  };
  try {
    await kubernetes.applyStatus(IDENTITIES, counts, signal);
  } catch (error) {
    throw toKubernetesError(`Status of AwsFederatedIdentity ${namespace}/${name}`, error);
  }
}

// oxlint-disable-next-line max-params -- the last one is the signal, as everywhere
async function eventSubject(
  { kubernetes }: StockDependencies,
  namespace: string,
  { identity, serviceAccount: name }: Subject,
  signal: AbortSignal,
): Promise<EventSubject | undefined> {
  if (identity !== undefined) return { ...IDENTITIES, metadata: identity.metadata };
  try {
    // kubectl describe looks for Events by UID.
    const { metadata } = await kubernetes.get<KubernetesResource>(SERVICE_ACCOUNTS, { namespace, name }, signal);
    return { ...SERVICE_ACCOUNTS, metadata };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw toKubernetesError(`ServiceAccount ${namespace}/${name}`, error);
  }
}
