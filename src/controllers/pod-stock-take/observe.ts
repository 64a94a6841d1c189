import type { RoleArn } from '../../iam/arn.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import { toKubernetesError } from '../../kube/errors.ts';
import { NOT_ENDED, type Pod, PODS, serviceAccountOf } from '../../kube/pods.ts';
import { type InjectionForm, judgePod } from './judge.ts';

/** A pod that something is wrong with. */
export interface PodFinding {
  readonly name: string;
  readonly uid: string;
  /** The container that lacks something or has too much; for a stale pod its role. */
  readonly detail: string;
}

/** The pods of one ServiceAccount that have not ended, in the order of their names. */
export interface PodStock {
  readonly bound: number;
  readonly notInjected: readonly PodFinding[];
  readonly stale: readonly PodFinding[];
  readonly overridden: readonly PodFinding[];
}

/** By ServiceAccount. */
export type PodStocks = ReadonlyMap<string, PodStock>;

interface MutableStock {
  bound: number;
  readonly notInjected: PodFinding[];
  readonly stale: PodFinding[];
  readonly overridden: PodFinding[];
}

/**
 * Judges the pods of a namespace page by page, so that ten thousand of them are never in memory. `roles` are the ARNs that new
 * pods get, by ServiceAccount; pods of others are passed over. Pages come from etcd and not from the API server's cache
 * (resourceVersion=0), which would answer with all pods at once.
 */
export async function observePods(
  kubernetes: Pick<KubernetesClient, 'pages'>,
  namespace: string,
  { roles, form }: { readonly roles: ReadonlyMap<string, RoleArn>; readonly form: InjectionForm },
  signal: AbortSignal,
): Promise<PodStocks> {
  const accounts = new Map([...roles].map(([name, roleArn]) => [name, { roleArn, stock: emptyStock() }]));
  try {
    for await (const { items } of kubernetes.pages<Pod>(PODS, { namespace, fieldSelector: NOT_ENDED }, signal)) {
      for (const pod of items) count(accounts.get(serviceAccountOf(pod)), pod, form);
    }
  } catch (error) {
    throw toKubernetesError(`Pods of namespace ${namespace}`, error);
  }
  return new Map([...accounts].map(([name, { stock }]) => [name, stock]));
}

const emptyStock = (): MutableStock => ({ bound: 0, notInjected: [], stale: [], overridden: [] });

interface Account {
  readonly roleArn: RoleArn;
  readonly stock: MutableStock;
}

function count(account: Account | undefined, pod: Pod, form: InjectionForm): void {
  const judgement = account === undefined ? undefined : judgePod(pod, account.roleArn, form);
  if (account === undefined || judgement === undefined) return;
  const { stock } = account;
  const { injection, override } = judgement;
  const { name = '', uid = '' } = pod.metadata;
  stock.bound += 1;
  if (override !== undefined) {
    stock.overridden.push({ name, uid, detail: `container ${override.container}: ${override.variable}` });
  }
  switch (injection.kind) {
    case 'injected':
      return;
    case 'notInjected':
      stock.notInjected.push({ name, uid, detail: `container ${injection.container}` });
      return;
    case 'stale':
      stock.stale.push({ name, uid, detail: injection.roleArn });
      return;
    default:
      injection satisfies never;
  }
}
