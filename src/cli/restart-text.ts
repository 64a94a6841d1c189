import { nameList } from '../name-list.ts';
import { commandOf, type Restart, type RestartedPod, type RestartPlan } from './restart-plan.ts';
import { jsonText, visible } from './terminal.ts';

export interface RestartOutput {
  readonly mode: 'show' | 'apply';
  readonly context: string | undefined;
}

const MAX_NAMES = 5;

/** A plan for a person, and for a shell: what is no command is a comment. */
export function restartText(plan: RestartPlan, output: RestartOutput): string {
  const lines = [
    `# ${heading(plan)}`,
    ...plan.restarts.flatMap((restart) => (restart.kind === 'Rollout' ? [rolloutLine(restart, plan, output)] : [])),
    ...plan.restarts.flatMap((restart) =>
      restart.kind === 'ByHand' ? [`# by hand: ${restart.title} (${podNames(restart.pods)}): ${restart.advice}`] : [],
    ),
  ];
  return lines.map((line) => `${visible(line)}\n`).join('');
}

function heading({ serviceAccount, namespace, total, restarts }: RestartPlan): string {
  const pods = restarts.flatMap((restart) => restart.pods);
  const count = (injection: RestartedPod['injection']): number =>
    pods.filter((pod) => pod.injection === injection).length;
  const what = `${total} running ${total === 1 ? 'pod' : 'pods'} of ServiceAccount ${namespace}/${serviceAccount}`;
  if (pods.length === 0) return `${what}: none needs a restart`;
  return `${what}: ${pods.length} to restart (${count('notInjected')} not injected, ${count('stale')} with another role)`;
}

function rolloutLine(
  restart: Extract<Restart, { kind: 'Rollout' }>,
  { namespace }: RestartPlan,
  { mode, context }: RestartOutput,
): string {
  const names = podNames(restart.pods);
  return mode === 'apply'
    ? `# restarted: ${restart.type.kind} ${restart.name} (${names})`
    : `${commandOf(restart, { namespace, context })} # ${names}`;
}

const podNames = (pods: readonly RestartedPod[]): string =>
  nameList(
    pods.map(({ name }) => name),
    MAX_NAMES,
  );

/** A plan for a program; every key is always there, null where there is nothing. */
export function restartJson(plan: RestartPlan, { mode, context }: RestartOutput): string {
  const { restarts, ...rest } = plan;
  const document = {
    ...rest,
    restarts: restarts.map((restart) =>
      restart.kind === 'Rollout'
        ? {
            owner: `${restart.type.kind} ${restart.name}`,
            command: commandOf(restart, { namespace: plan.namespace, context }),
            advice: null,
            restarted: mode === 'apply',
            pods: restart.pods,
          }
        : { owner: restart.title, command: null, advice: restart.advice, restarted: false, pods: restart.pods },
    ),
  };
  return jsonText(document);
}
