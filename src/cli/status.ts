import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { type ClusterConnection, connectCluster } from '../kube/kubeconfig.ts';
import { checkSelection, nothingFound, type Selection, selectionOf } from './selection.ts';
import { statusJson } from './status-json.ts';
import { readStatusObjects } from './status-objects.ts';
import { statusText } from './status-text.ts';
import { exitCodeOfTree, type ProviderNode, statusTree } from './status-tree.ts';
import { watchStatus } from './status-watch.ts';
import { painter, type Terminal } from './terminal.ts';

/** A terminal whose width is known. */
export interface Screen extends Terminal {
  /** Columns of the terminal now; undefined where standard output is none. */
  readonly columns: () => number | undefined;
}

interface StatusOptions {
  readonly namespace?: string;
  readonly allNamespaces?: true;
  readonly context?: string;
  readonly watch?: true;
  readonly output: 'text' | 'wide' | 'json';
}

const WATCH_INTERVAL_MS = 2000;

const HELP = `
Shows AwsOidcProviders, their identities, the ServiceAccount of each and its pods that have not ended, with what is wrong:
  ✓ ready   … in progress   ✗ wrong   ‖ suspended   ? you may not read it
A pod is injected when it has the token volume and AWS_ROLE_ARN of this role; else it runs without that role's credentials
until it is replaced. Long lines are cut to the terminal, but not with -o wide or json. Providers without identities are
shown with -A. Reads only the cluster (KUBECONFIG), not AWS. NO_COLOR turns colours off.

Exit code:
  0  everything shown is Ready, and every pod is injected
  3  something is not
  1  an error

Examples:
  kubectl aws-identity status                      identities in the namespace of the current context
  kubectl aws-identity status reports -n analytics one of them
  kubectl aws-identity status -A -o json           all of the cluster, for a program
  kubectl aws-identity status -A --watch           shown again whenever something changes
`;

/** The command `status`. `exit` is told the exit code of a run that ended well; errors are thrown. */
export const statusCommand = (screen: Screen, exit: (code: number) => void): Command =>
  new Command('status')
    .description('Show providers, identities, their ServiceAccounts and pods, and what is wrong with them.')
    .argument('[name]', 'an AwsFederatedIdentity; default: all of the namespace')
    .option('-n, --namespace <namespace>', 'namespace; default: that of the kubeconfig context')
    .option('-A, --all-namespaces', 'identities of all namespaces, and all providers')
    .option('-w, --watch', 'look every 2 s and show what has changed, until interrupted')
    .option('--context <context>', 'context of the kubeconfig; default: the current one')
    .addOption(
      new Option('-o, --output <format>', 'text, wide or json').choices(['text', 'wide', 'json']).default('text'),
    )
    .configureHelp({ commandUsage: () => 'kubectl aws-identity status [options] [name]' })
    .showHelpAfterError('See kubectl aws-identity status --help.')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: StatusOptions) => exit(await runStatus(name, options, screen)));

async function runStatus(name: string | undefined, options: StatusOptions, screen: Screen): Promise<number> {
  const { allNamespaces, context, output } = options;
  checkSelection(name, allNamespaces === true);
  const cluster = connectCluster({ context });
  const selection = selectionOf(name, options.namespace ?? cluster.namespace, allNamespaces === true);
  if (options.watch) {
    return watchStatus({
      look: async () => {
        const tree = await readTree(cluster, selection);
        return tree.length === 0 && output !== 'json' ? `${nothingFound(selection)}\n` : shown(tree, output, screen);
      },
      write: screen.write,
      warn: screen.warn,
      isTerminal: screen.columns() !== undefined,
      pause: () => sleep(WATCH_INTERVAL_MS),
    });
  }
  const tree = await readTree(cluster, selection);
  if (tree.length === 0) screen.warn(`${nothingFound(selection)}\n`);
  screen.write(shown(tree, output, screen));
  return exitCodeOfTree(tree);
}

const readTree = async (cluster: ClusterConnection, selection: Selection): Promise<readonly ProviderNode[]> =>
  statusTree(await readStatusObjects(cluster, selection, new AbortController().signal));

function shown(tree: readonly ProviderNode[], output: StatusOptions['output'], screen: Screen): string {
  const paint = painter(screen.colors);
  switch (output) {
    case 'json':
      return statusJson(tree);
    case 'wide':
      return statusText(tree, { paint, columns: undefined, isWide: true });
    case 'text':
      return statusText(tree, { paint, columns: screen.columns(), isWide: false });
    default:
      return output satisfies never;
  }
}
