import { Command, Option } from 'commander';
import type { AwsAccount } from '../iam/account.ts';
import { PolicyArn } from '../iam/arn.ts';
import { applyBootstrap } from './bootstrap-apply.ts';
import { awsCliOf } from './bootstrap-aws-cli.ts';
import { cloudFormationOf } from './bootstrap-cloudformation.ts';
import { type BootstrapDesign, bootstrapDesign, type BootstrapInput } from './bootstrap-design.ts';
import { type BootstrapPlan, countChanges, isRefused, planBootstrap } from './bootstrap-plan.ts';
import { bootstrapText, dryRunNote, nextStep } from './bootstrap-text.ts';
import { terraformOf } from './bootstrap-terraform.ts';
import { asPerson, CliError } from './failures.ts';
import { ownAccounts, ownCaller } from './own-accounts.ts';
import { factsOf, type OperatorOptions, withOperatorOptions } from './policy.ts';
import { painter, type Terminal } from './terminal.ts';

const FORMATS = ['terraform', 'cloudformation', 'aws-cli'] as const;
type Format = (typeof FORMATS)[number];

interface BootstrapOptions extends OperatorOptions {
  readonly provider?: string;
  readonly apply?: true;
  readonly print?: Format;
  readonly permissionsBoundary?: string;
  /** False with --no-oidc-provider. */
  readonly oidcProvider: boolean;
}

const HELP = `
Makes what the operator needs in AWS before it can do anything itself: the OIDC provider of the cluster's issuer, and the
operator's own role, which only the token of its ServiceAccount opens, with the policy of "kubectl aws-identity policy".
There are no keys. Without --apply or --print it shows what it would do. It may run again, and then changes nothing; an
OIDC provider that exists is used as it is, and a role of somebody else is not touched.

An administrator of AWS runs it with their own credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, …). These need
iam:GetOpenIDConnectProvider, iam:GetRole, iam:ListAttachedRolePolicies, iam:ListRolePolicies and iam:GetRolePolicy; with
--apply also iam:CreateOpenIDConnectProvider, iam:TagOpenIDConnectProvider, iam:CreateRole, iam:TagRole and
iam:PutRolePolicy, to repair iam:UpdateAssumeRolePolicy and the changes of an OIDC provider. --print needs no AWS. In the
cluster: get awsoidcproviders and namespaces, and create a token of a ServiceAccount (or give --issuer).

Exit code:
  0  nothing to do, applied or printed
  2  there are changes (without --apply)
  1  an error, or refused: the role or the OIDC provider is somebody else's and does not fit

Examples:
  kubectl aws-identity bootstrap                             show the plan for the AwsOidcProvider "default"
  kubectl aws-identity bootstrap --apply
  kubectl aws-identity bootstrap --print terraform > operator.tf
  kubectl aws-identity bootstrap -f provider.yaml            before the provider is applied
`;

/** The command `bootstrap`. `exit` is told the exit code of a run that ended well; errors are thrown. */
export const bootstrapCommand = (terminal: Terminal, exit: (code: number) => void): Command =>
  withOperatorOptions(new Command('bootstrap'))
    .description("Make the OIDC provider and the operator's own role in AWS, once, as an administrator.")
    .option('--provider <name>', 'an AwsOidcProvider; default: default, or the only one of the file')
    .option('--permissions-boundary <arn>', "permissions boundary for the operator's own role")
    .option('--apply', 'carry it out; default: only show it')
    .addOption(new Option('--print <format>', 'print it for another tool').choices(FORMATS).conflicts('apply'))
    .option('--no-oidc-provider', 'with --print: leave the OIDC provider out, since it exists already')
    .configureHelp({ commandUsage: () => 'kubectl aws-identity bootstrap [options]' })
    .showHelpAfterError('See kubectl aws-identity bootstrap --help.')
    .addHelpText('after', HELP)
    .action(async (options: BootstrapOptions) => exit(await runBootstrap(options, terminal)));

async function runBootstrap(options: BootstrapOptions, terminal: Terminal): Promise<number> {
  const facts = await factsOf(options.provider, options);
  const input: BootstrapInput = { facts, options, permissionsBoundaryArn: boundaryOf(options) };
  if (options.print !== undefined) {
    const design = bootstrapDesign(input);
    terminal.write(printed(design, options.print, options.oidcProvider));
    terminal.warn(nextStep(design));
    return 0;
  }
  const isApply = options.apply === true;
  const { accountId, region } = facts.spec;
  const account = ownAccounts(isApply ? undefined : 'bootstrap writes to AWS only with --apply').of({
    accountId,
    region,
  });
  const plan = await lookAndPlan(account, input, new AbortController().signal);
  terminal.write(`${bootstrapText(plan, painter(terminal.colors))}\n`);
  if (!isApply || isRefused(plan)) {
    terminal.write(dryRunNote(plan));
    return isRefused(plan) ? 1 : countChanges(plan) === 0 ? 0 : 2;
  }
  const told = (operation: string): void => terminal.write(`done: ${operation}\n`);
  await applyBootstrap(account, plan, told, new AbortController().signal);
  terminal.write(`${countChanges(plan) === 0 ? 'Nothing to do.\n' : ''}\n${nextStep(plan.design)}`);
  return 0;
}

function printed(design: BootstrapDesign, format: Format, withOidcProvider: boolean): string {
  switch (format) {
    case 'terraform':
      return terraformOf(design, { withOidcProvider });
    case 'cloudformation':
      return cloudFormationOf(design, { withOidcProvider });
    case 'aws-cli':
      return awsCliOf(design, { withOidcProvider });
    default:
      return format satisfies never;
  }
}

/** Observes as the person who runs the command. Who calls tells the partition more surely than the region. */
async function lookAndPlan(account: AwsAccount, input: BootstrapInput, signal: AbortSignal): Promise<BootstrapPlan> {
  const { facts } = input;
  const caller = await ownCaller(account, facts, signal);
  const sure = { ...input, facts: { ...facts, partition: caller.partition } };
  const { provider, role } = bootstrapDesign(sure);
  const observed = await asPerson(async () => ({
    provider: await account.oidcProviders.get(provider.arn, signal),
    role: await account.roles.get(role.name, signal),
  }));
  return planBootstrap(sure, observed);
}

function boundaryOf({ permissionsBoundary }: BootstrapOptions): PolicyArn | undefined {
  if (permissionsBoundary === undefined) return undefined;
  const arn = PolicyArn.safeParse(permissionsBoundary);
  if (arn.success) return arn.data;
  throw new CliError(
    '--permissions-boundary takes the ARN of a managed policy, for example arn:aws:iam::111122223333:policy/Boundary',
  );
}
