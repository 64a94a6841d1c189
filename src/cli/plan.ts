import { Command, Option } from 'commander';
import { connectCluster } from '../kube/kubeconfig.ts';
import { exitCodeOf, type IdentityPlan } from './identity-plan.ts';
import { ownAccounts } from './own-accounts.ts';
import { planIdentities } from './plan-identities.ts';
import { planJson } from './plan-json.ts';
import { planText } from './plan-text.ts';
import { checkSelection, nothingFound, selectionOf } from './selection.ts';
import { painter, type Terminal } from './terminal.ts';

interface PlanOptions {
  readonly namespace?: string;
  readonly allNamespaces?: true;
  readonly context?: string;
  readonly output: 'text' | 'json';
}

const HELP = `
Shows what the operator would do in AWS, as a diff, and does nothing itself. It decides by the same rules as the operator,
from the objects in the cluster (KUBECONFIG) and the roles in AWS, which it reads with your own AWS credentials
(AWS_PROFILE, AWS_ACCESS_KEY_ID, …). These need, read only: iam:GetRole, iam:ListAttachedRolePolicies,
iam:ListRolePolicies, iam:GetRolePolicy. In the cluster: list awsfederatedidentities, get awsoidcproviders and namespaces.

Exit code:
  0  nothing to do: AWS is as the specs say
  2  there are changes
  1  an error, or an identity that is refused: by a guardrail, or because the role is somebody else's

Examples:
  kubectl aws-identity plan                      identities in the namespace of the current context
  kubectl aws-identity plan reports -n analytics one of them
  kubectl aws-identity plan -A -o json           all of the cluster, for a program
`;

/** The command `plan`. `exit` is told the exit code of a run that ended well; errors are thrown. */
export const planCommand = (terminal: Terminal, exit: (code: number) => void): Command =>
  new Command('plan')
    .description('Show what the operator would change in AWS for identities, without changing anything.')
    .argument('[name]', 'an AwsFederatedIdentity; default: all of the namespace')
    .option('-n, --namespace <namespace>', 'namespace; default: that of the kubeconfig context')
    .option('-A, --all-namespaces', 'identities of all namespaces')
    .option('--context <context>', 'context of the kubeconfig; default: the current one')
    .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .configureHelp({ commandUsage: () => 'kubectl aws-identity plan [options] [name]' })
    .showHelpAfterError('See kubectl aws-identity plan --help.')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, options: PlanOptions) => exit(await runPlan(name, options, terminal)));

async function runPlan(name: string | undefined, options: PlanOptions, terminal: Terminal): Promise<number> {
  const { allNamespaces, context, output } = options;
  checkSelection(name, allNamespaces === true);
  const cluster = connectCluster({ context });
  const selection = selectionOf(name, options.namespace ?? cluster.namespace, allNamespaces === true);
  const plans = await planIdentities(
    { cluster, accounts: ownAccounts('plan writes nothing to AWS') },
    selection,
    new AbortController().signal,
  );
  if (plans.length === 0) terminal.warn(`${nothingFound(selection)}\n`);
  terminal.write(shown(plans, output, terminal));
  return exitCodeOf(plans);
}

function shown(plans: readonly IdentityPlan[], output: PlanOptions['output'], { colors }: Terminal): string {
  switch (output) {
    case 'json':
      return planJson(plans);
    case 'text':
      return plans.length === 0 ? '' : planText(plans, painter(colors));
    default:
      return output satisfies never;
  }
}
