import { Command } from 'commander';
import { type RoleArn, RoleArn as RoleArnSchema, RoleName, RolePath } from '../iam/arn.ts';
import { assumingPolicy, operatorPolicy } from '../iam/operator-policy.ts';
import { type PolicyDocument, sizeOfPolicyDocument } from '../iam/policy-document.ts';
import { connectCluster } from '../kube/kubeconfig.ts';
import { CliError } from './failures.ts';
import { operatorRights } from './policy-rights.ts';
import { type ProviderFacts, readProviderFacts } from './policy-source.ts';
import type { Terminal } from './terminal.ts';

/** Characters without white space (IAM quotas, not adjustable): of one managed policy, and of all inline policies of a role. */
const MAX_MANAGED = 6144;
const MAX_INLINE = 10_240;

/** Where the operator runs and what its own role is called: options of `policy` and `bootstrap`. */
export interface OperatorOptions {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleName: string;
  readonly rolePath: string;
  readonly filename?: string;
  readonly issuer?: string;
  readonly context?: string;
}

/** Adds the options that say which operator is meant. */
export const withOperatorOptions = (command: Command): Command =>
  command
    .option('-f, --filename <file>', 'manifest with the AwsOidcProvider, - for standard input; default: the cluster')
    .option('--issuer <url>', 'issuer of the cluster; default: that of its tokens, which is right unless you change it')
    .option('--role-name <name>', "name of the operator's own role", 'federated-identity-operator')
    .option('--role-path <path>', "IAM path of the operator's own role", '/federated-operator/')
    .option('-n, --namespace <namespace>', "namespace of the operator's ServiceAccount", 'federated-identity-system')
    .option('--service-account <name>', "name of the operator's ServiceAccount", 'federated-identity-operator')
    .option('--context <context>', 'context of the kubeconfig; default: the current one');

const HELP = `
Prints the least that the operator needs in AWS for an AwsOidcProvider, as a policy document. Run it again after a change
of the guardrails, and replace the policy by what it prints. It calls the cluster only: get awsoidcproviders and
namespaces, and create a token of the operator's ServiceAccount to learn the issuer (or give --issuer).

Where the provider has an assumeRole, the policy is for that role, and --own-role prints what the operator's own role needs.

Examples:
  kubectl aws-identity policy                    for the AwsOidcProvider "default"
  kubectl aws-identity policy -f provider.yaml   before it is applied
`;

interface PolicyOptions extends OperatorOptions {
  readonly ownRole?: true;
}

/** The command `policy`. */
export const policyCommand = (terminal: Terminal): Command =>
  withOperatorOptions(new Command('policy'))
    .description('Print the AWS policy that the operator needs for an AwsOidcProvider.')
    .argument('[provider]', 'an AwsOidcProvider; default: default, or the only one of the file')
    .option('--own-role', 'only what the own role of the operator needs to assume the role in spec.assumeRole')
    .configureHelp({ commandUsage: () => 'kubectl aws-identity policy [options] [provider]' })
    .showHelpAfterError('See kubectl aws-identity policy --help.')
    .addHelpText('after', HELP)
    .action((name: string | undefined, options: PolicyOptions) => printPolicy(name, options, terminal));

async function printPolicy(name: string | undefined, options: PolicyOptions, terminal: Terminal): Promise<void> {
  const facts = await factsOf(name, options);
  const document = options.ownRole === true ? assumingOf(facts) : policyOf(facts, ownRoleArn(facts, options));
  const size = sizeOfPolicyDocument(document);
  if (size > MAX_MANAGED) {
    terminal.warn(
      `This policy has ${size} characters: more than the ${MAX_MANAGED} of a managed policy. Use it as an inline policy of the role, which takes ${MAX_INLINE}.\n`,
    );
  }
  terminal.write(`${prettyDocument(document)}\n`);
}

export const factsOf = (name: string | undefined, options: OperatorOptions): Promise<ProviderFacts> =>
  readProviderFacts(
    connectCluster({ context: options.context }),
    {
      name,
      file: options.filename,
      issuer: options.issuer,
      serviceAccount: { namespace: options.namespace, name: options.serviceAccount },
    },
    new AbortController().signal,
  );

function assumingOf({ name, spec: { assumeRole } }: ProviderFacts): PolicyDocument {
  if (assumeRole !== undefined) return assumingPolicy(assumeRole.roleArn);
  throw new CliError(`AwsOidcProvider "${name}" has no spec.assumeRole: leave --own-role out`);
}

/** The policy for a provider. Throws a CliError where IAM would not take it even as an inline policy. */
export function policyOf(facts: ProviderFacts, operatorRole: RoleArn): PolicyDocument {
  const document = operatorPolicy(operatorRights(facts, facts.spec.assumeRole?.roleArn ?? operatorRole));
  const size = sizeOfPolicyDocument(document);
  if (size <= MAX_INLINE) return document;
  const { length } = facts.spec.guardrails?.managedPolicyArns ?? [];
  throw new CliError(
    `the policy for AwsOidcProvider "${facts.name}" has ${size} characters, and IAM takes ${MAX_INLINE}: put the ${length} spec.guardrails.managedPolicyArns into fewer patterns with *`,
  );
}

/** The ARN of the operator's own role. Throws a CliError for a name or a path that IAM does not take. */
export function ownRoleArn(
  { partition, spec }: ProviderFacts,
  options: Pick<OperatorOptions, 'roleName' | 'rolePath'>,
): RoleArn {
  const { name, path } = ownRoleOf(options);
  return RoleArnSchema.parse(`arn:${partition}:iam::${spec.accountId}:role${path}${name}`);
}

export function ownRoleOf({ roleName, rolePath }: Pick<OperatorOptions, 'roleName' | 'rolePath'>): {
  readonly name: RoleName;
  readonly path: RolePath;
} {
  const name = RoleName.safeParse(roleName);
  if (!name.success) throw new CliError('--role-name takes 1 to 64 letters, digits and +=,.@_-');
  const path = RolePath.safeParse(rolePath);
  if (!path.success) throw new CliError('--role-path begins and ends with /, for example /federated-operator/');
  return { name: name.data, path: path.data };
}

/** A document as a person reads it. */
export const prettyDocument = (document: PolicyDocument): string => JSON.stringify(JSON.parse(document), undefined, 2);
