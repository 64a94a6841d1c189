import { judgePod } from '../controllers/pod-stock-take/judge.ts';
import type { RoleArn } from '../iam/arn.ts';
import { type Pod, serviceAccountOf } from '../kube/pods.ts';
import type { ResourceType } from '../kube/resource.ts';
import { CliError } from './failures.ts';
import { type AssumedForm, doubtAbout } from './injection-form.ts';
import { type GetOwner, ownerOf, type PodOwner } from './restart-owners.ts';

/** A pod to be replaced, and why. */
export interface RestartedPod {
  readonly name: string;
  readonly injection: 'injected' | 'notInjected' | 'stale';
}

/** One owner and those of its pods that are to be replaced. */
export type Restart = { readonly pods: readonly RestartedPod[] } & (
  | { readonly kind: 'Rollout'; readonly type: ResourceType; readonly name: string }
  | { readonly kind: 'ByHand'; readonly title: string; readonly advice: string }
);

export interface RestartPlan {
  readonly namespace: string;
  readonly identity: string;
  readonly serviceAccount: string;
  readonly roleArn: RoleArn;
  /** Running pods of the ServiceAccount that want the role. */
  readonly total: number;
  /** In the order of the names of their first pods. */
  readonly restarts: readonly Restart[];
}

/** Whose pods, and which of them. */
export interface RestartScope extends Pick<RestartPlan, 'namespace' | 'identity' | 'serviceAccount' | 'roleArn'> {
  readonly which: 'all' | 'stale';
  readonly form: AssumedForm;
}

/**
 * The pods to replace, by the owner that makes them anew. `pods` are those of the namespace. Rejects with what `get` does, and
 * with a CliError where it hangs on a setting of the operator whether a pod is to be replaced.
 */
export async function planRestart(
  { which, form, ...scope }: RestartScope,
  pods: AsyncIterable<readonly Pod[]>,
  get: GetOwner,
): Promise<RestartPlan> {
  let total = 0;
  const owners = new Map<string, { readonly owner: PodOwner; readonly pods: RestartedPod[] }>();
  const once = cached(get);
  for await (const page of pods) {
    for (const pod of page) {
      if (serviceAccountOf(pod) !== scope.serviceAccount) continue;
      const judgement = judgePod(pod, scope.roleArn, form);
      if (judgement === undefined) continue;
      const doubt = which === 'stale' ? doubtAbout(pod, scope.roleArn, form) : undefined;
      if (doubt !== undefined) throw new CliError(doubt);
      total += 1;
      const { kind: injection } = judgement.injection;
      if (which === 'stale' && injection === 'injected') continue;
      const owner = await ownerOf(pod, once);
      const known = owners.get(keyOf(owner)) ?? { owner, pods: [] };
      owners.set(keyOf(owner), known);
      known.pods.push({ name: pod.metadata.name ?? '', injection });
    }
  }
  return { ...scope, total, restarts: [...owners.values()].map(restartOf) };
}

const keyOf = (owner: PodOwner): string =>
  owner.kind === 'Restartable' ? `${owner.type.kind} ${owner.name}` : `${owner.title} ${owner.advice}`;

function restartOf({ owner, pods }: { readonly owner: PodOwner; readonly pods: readonly RestartedPod[] }): Restart {
  switch (owner.kind) {
    case 'Restartable':
      return { kind: 'Rollout', type: owner.type, name: owner.name, pods };
    case 'ByHand':
      return { ...owner, pods };
    default:
      return owner satisfies never;
  }
}

/** A hundred pods of one ReplicaSet ask for it once. */
function cached(get: GetOwner): GetOwner {
  const answers = new Map<string, Promise<unknown>>();
  return async <T>(type: ResourceType, name: { readonly namespace?: string | undefined; readonly name: string }) => {
    const key = `${type.plural}/${name.name}`;
    const answer = answers.get(key) ?? get(type, name);
    answers.set(key, answer);
    return answer as Promise<T | undefined>; // the key names the kind
  };
}

/** The command by which a person restarts it. */
export const commandOf = (
  { type, name }: Pick<Extract<Restart, { kind: 'Rollout' }>, 'type' | 'name'>,
  { namespace, context }: { readonly namespace: string; readonly context: string | undefined },
): string =>
  `kubectl rollout restart ${type.kind.toLowerCase()}/${name} -n ${namespace}${context === undefined ? '' : ` --context ${quoted(context)}`}`;

/** Contexts have any name; it is one word of a shell. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** 0 when nothing is left to do, 2 when there are commands to run, 3 when something must be done by hand. */
export function exitCodeOfRestart({ restarts }: RestartPlan, mode: 'show' | 'apply'): 0 | 2 | 3 {
  if (mode === 'show' && restarts.some(({ kind }) => kind === 'Rollout')) return 2;
  return restarts.some(({ kind }) => kind === 'ByHand') ? 3 : 0;
}
