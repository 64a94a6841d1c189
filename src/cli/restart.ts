import { Command, Option } from 'commander';
import { ApiError } from '../kube/errors.ts';
import { type AwsFederatedIdentity, BOUND_LABEL, IDENTITIES } from '../kube/kinds.ts';
import { type ClusterConnection, connectCluster } from '../kube/kubeconfig.ts';
import { NOT_ENDED, type Pod, PODS } from '../kube/pods.ts';
import { getIfThere } from './cluster-reads.ts';
import { CliError, kubernetesFailure } from './failures.ts';
import { assumedForm, type FormOptions, withFormOptions } from './injection-form.ts';
import { exitCodeOfRestart, planRestart, type Restart, type RestartPlan, type RestartScope } from './restart-plan.ts';
import { restartJson, restartText } from './restart-text.ts';
import { healthOf } from './status-tree.ts';
import type { Terminal } from './terminal.ts';

interface RestartOptions extends FormOptions {
  readonly namespace?: string;
  readonly context?: string;
  readonly stale?: true;
  readonly apply?: true;
  readonly output: 'text' | 'json';
}

const HELP = `
A pod gets its role when it is created, and keeps it. This finds the running pods of the identity's ServiceAccount, and what
makes them anew: Deployments, StatefulSets and DaemonSets, by the annotation kubectl.kubernetes.io/restartedAt as
kubectl rollout restart does. For all others it says what to do. Without --apply it only prints the commands, and changes nothing.
In the cluster it takes your own rights: list pods, get replicasets, deployments, statefulsets, daemonsets and jobs; with
--apply also patch deployments, statefulsets and daemonsets. Where the operator runs with its own --mount-path or
--annotation-prefix, give them here too; where it makes a difference and is not given, it is asked for.

Exit code:
  0  nothing is left to do
  2  there are commands to run, or run this again with --apply
  3  something has to be done by hand
  1  an error

Examples:
  kubectl aws-identity restart reports -n analytics --stale           print the commands for pods without the role, or with an older one
  kubectl aws-identity restart reports -n analytics --stale --apply   and run them
  kubectl aws-identity restart reports -n analytics --stale | sh      the same
`;

/** The command `restart`. `exit` is told the exit code of a run that ended well; errors are thrown. */
export const restartCommand = (terminal: Terminal, exit: (code: number) => void): Command =>
  withFormOptions(
    new Command('restart')
      .description('Show, or restart, what owns the running pods of an identity, so that they get its role.')
      .argument('<name>', 'an AwsFederatedIdentity')
      .option('-n, --namespace <namespace>', 'namespace; default: that of the kubeconfig context')
      .option('--stale', 'only pods that were not injected, or with another role')
      .option('--apply', 'restart them, instead of printing the commands')
      .option('--context <context>', 'context of the kubeconfig; default: the current one')
      .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
      .configureHelp({ commandUsage: () => 'kubectl aws-identity restart [options] <name>' })
      .showHelpAfterError('See kubectl aws-identity restart --help.')
      .addHelpText('after', HELP)
      .action(async (name: string, options: RestartOptions) => exit(await runRestart(name, options, terminal))),
  );

async function runRestart(name: string, options: RestartOptions, { write }: Terminal): Promise<number> {
  const { context, output, apply, stale } = options;
  const form = assumedForm(options);
  const cluster = connectCluster({ context });
  const { signal } = new AbortController();
  const namespace = options.namespace ?? cluster.namespace;
  const identity = await boundIdentity(cluster, { namespace, name }, signal);
  const plan = await planRestart(
    { ...identity, which: stale === true ? 'stale' : 'all', form },
    podsOf(cluster, namespace, signal),
    (type, owner) => getIfThere(cluster, type, owner, signal),
  );
  const mode = apply === true ? 'apply' : 'show';
  if (mode === 'apply') await restartAll(cluster, plan, signal);
  write((output === 'json' ? restartJson : restartText)(plan, { mode, context }));
  return exitCodeOfRestart(plan, mode);
}

/** Only new pods of a bound identity are injected; before, a restart would end in pods that are denied. */
async function boundIdentity(
  cluster: ClusterConnection,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<Omit<RestartScope, 'which' | 'form'>> {
  const identity = await getIfThere<AwsFederatedIdentity>(cluster, IDENTITIES, { namespace, name }, signal);
  if (identity === undefined) {
    throw new CliError(`there is no AwsFederatedIdentity "${name}" in namespace ${namespace}: choose another with -n`);
  }
  const { metadata, spec, status } = identity;
  if (metadata.labels?.[BOUND_LABEL] !== 'true' || status?.roleArn === undefined) {
    const { reason = 'Pending' } = healthOf(identity);
    throw new CliError(
      `AwsFederatedIdentity ${namespace}/${name} is not bound yet (${reason}), so that new pods would not get its role. Next: kubectl aws-identity status ${name} -n ${namespace}`,
    );
  }
  return { namespace, identity: name, serviceAccount: spec.serviceAccount.name, roleArn: status.roleArn };
}

async function* podsOf(
  { kubernetes, server }: ClusterConnection,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Pod[]> {
  try {
    for await (const { items } of kubernetes.pages<Pod>(PODS, { namespace, fieldSelector: NOT_ENDED }, signal))
      yield items;
  } catch (error) {
    throw kubernetesFailure(`list Pods in namespace ${namespace}`, server, error);
  }
}

async function restartAll(
  cluster: ClusterConnection,
  { namespace, restarts }: RestartPlan,
  signal: AbortSignal,
): Promise<void> {
  for (const restart of restarts) {
    if (restart.kind === 'Rollout') await rollOut(cluster, namespace, restart, signal);
  }
}

// oxlint-disable-next-line max-params -- the last one is the signal, as everywhere
async function rollOut(
  { kubernetes, server }: ClusterConnection,
  namespace: string,
  { type, name }: Extract<Restart, { kind: 'Rollout' }>,
  signal: AbortSignal,
): Promise<void> {
  const restartedAt = `${new Date().toISOString().slice(0, 19)}Z`; // RFC 3339 in seconds, as kubectl writes it
  const annotations = { 'kubectl.kubernetes.io/restartedAt': restartedAt };
  try {
    await kubernetes.mergePatch(
      type,
      { namespace, name },
      { spec: { template: { metadata: { annotations } } } },
      signal,
    );
  } catch (error) {
    if (error instanceof ApiError && error.code === 403) {
      const text = `you may not patch ${type.kind} ${namespace}/${name}: ${error.message}. It takes the right to patch ${type.plural}.`;
      throw new CliError(text, { cause: error });
    }
    throw kubernetesFailure(`patch ${type.kind} ${namespace}/${name}`, server, error);
  }
}
