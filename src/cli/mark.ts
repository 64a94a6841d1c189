import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { connectCluster } from '../kube/kubeconfig.ts';
import { CliError } from './failures.ts';
import {
  answerTo,
  type MarkDependencies,
  type PatchObject,
  requestReconcile,
  setSuspend,
  type Target,
  targetOf,
  titleOf,
} from './mark-object.ts';
import { listIdentities } from './selection.ts';
import type { Terminal } from './terminal.ts';

interface MarkOptions {
  readonly namespace?: string;
  readonly context?: string;
}

interface ReconcileOptions extends MarkOptions {
  readonly all?: true;
  readonly wait: boolean;
}

const RECONCILE_HELP = `
Sets the annotation federatedidentity.dev/requestedAt and waits up to 30 s until the operator has answered it in
status.lastHandledReconcileAt. The exit code is 0 when it has answered, whatever it found, and 1 when not.

Examples:
  kubectl aws-identity reconcile reports -n analytics
  kubectl aws-identity reconcile --all -n analytics     all identities of the namespace that are not suspended
  kubectl aws-identity reconcile provider/default
`;

/** The command `reconcile`. Errors are thrown. */
export const reconcileCommand = (terminal: Terminal): Command =>
  command('reconcile', '[name]', 'an AwsFederatedIdentity, or provider/<name> for an AwsOidcProvider')
    .description('Ask the operator to compare AWS with the spec now, and wait for its answer.')
    .option('--all', 'all identities of the namespace')
    .option('--no-wait', 'do not wait for the answer')
    .addHelpText('after', RECONCILE_HELP)
    .action(async (name: string | undefined, options: ReconcileOptions) => {
      if ((name === undefined) === (options.all !== true)) throw new CliError('give either a name or --all');
      const { dependencies, namespace } = connect(options);
      const targets =
        name === undefined ? await activeIdentities(dependencies, namespace) : [targetOf(name, namespace)];
      if (targets.length === 0) terminal.warn(`No AwsFederatedIdentity to reconcile in namespace ${namespace}.\n`);
      await reconcileAll(dependencies, targets, options.wait ? 'wait' : 'no-wait', terminal);
    });

/** The command `suspend` or `resume`. Errors are thrown. */
export const suspendCommand = (verb: 'suspend' | 'resume', terminal: Terminal): Command =>
  command(verb, '<name>', 'an AwsFederatedIdentity')
    .description(
      verb === 'suspend'
        ? 'Stop every write to AWS for an identity, except its deletion (spec.suspend: true).'
        : 'Let the operator go on with a suspended identity (spec.suspend: false).',
    )
    .action(async (name: string, options: MarkOptions) => {
      const { dependencies, namespace } = connect(options);
      const target = targetOf(name, namespace);
      const isChange = await setSuspend(dependencies, target, verb === 'suspend');
      const done = verb === 'suspend' ? 'suspended' : 'resumed';
      const unchanged = verb === 'suspend' ? 'already suspended' : 'not suspended';
      terminal.write(`${titleOf(target)}: ${isChange ? done : unchanged}\n`);
    });

const command = (verb: string, argument: string, description: string): Command =>
  new Command(verb)
    .argument(argument, description)
    .option('-n, --namespace <namespace>', 'namespace; default: that of the kubeconfig context')
    .option('--context <context>', 'context of the kubeconfig; default: the current one')
    .configureHelp({ commandUsage: () => `kubectl aws-identity ${verb} [options] ${argument}` })
    .showHelpAfterError(`See kubectl aws-identity ${verb} --help.`);

function connect({ namespace, context }: MarkOptions): {
  readonly dependencies: MarkDependencies;
  readonly namespace: string;
} {
  const cluster = connectCluster({ context });
  const { signal } = new AbortController();
  const patch: PatchObject = (type, name, { annotations, spec }) => {
    const change = { ...(annotations && { metadata: { annotations } }), ...(spec && { spec }) };
    return cluster.kubernetes.mergePatch(type, name, change, signal);
  };
  const dependencies = { cluster, patch, now: () => new Date(), sleep, signal };
  return { dependencies, namespace: namespace ?? cluster.namespace };
}

async function activeIdentities({ cluster, signal }: MarkDependencies, namespace: string): Promise<readonly Target[]> {
  const identities = await listIdentities(cluster, { kind: 'namespace', namespace }, signal);
  return identities.filter(({ spec }) => !spec.suspend).map(({ metadata: { name = '' } }) => targetOf(name, namespace));
}

/** Asks for all first, so that the operator works on them together, and then waits for each. */
async function reconcileAll(
  dependencies: MarkDependencies,
  targets: readonly Target[],
  mode: 'wait' | 'no-wait',
  { write }: Terminal,
): Promise<void> {
  const asked: { readonly target: Target; readonly at: string }[] = [];
  for (const target of targets) asked.push({ target, at: await requestReconcile(dependencies, target) });
  for (const { target, at } of asked) {
    if (mode === 'no-wait') write(`${titleOf(target)}: asked for at ${at}\n`);
    else write(`${titleOf(target)}: reconciled, ${await answerTo(dependencies, target, at)}\n`);
  }
}
