import { Command, Option } from 'commander';
import { connectCluster } from '../../kube/kubeconfig.ts';
import { parseConnectTo } from '../../oidc/connect-to.ts';
import { IssuerCheck } from '../../oidc/issuer-check.ts';
import { pinnedFetch } from '../../oidc/pinned-fetch.ts';
import { publicDns } from '../../oidc/public-dns.ts';
import { callerOfToken } from '../../sts/caller-of-token.ts';
import { stsTokenExchange } from '../../sts/token-exchange.ts';
import { CliError } from '../failures.ts';
import { assumedForm, type FormOptions, withFormOptions } from '../injection-form.ts';
import { ownAccounts } from '../own-accounts.ts';
import { nothingFound, selectionOf } from '../selection.ts';
import { painter, type Terminal } from '../terminal.ts';
import { exitCodeOfDoctor } from './chain.ts';
import { diagnose } from './diagnose.ts';
import { doctorJson } from './doctor-json.ts';
import { doctorText } from './doctor-text.ts';
import { readSubjects } from './subjects.ts';

interface DoctorOptions extends FormOptions {
  readonly namespace?: string;
  readonly pod?: string;
  readonly context?: string;
  readonly issuerConnectTo?: string;
  readonly output: 'text' | 'json';
}

const HELP = `
Walks the chain by which a pod gets to AWS, and stops at the first broken link with its cause and the remedy:
  objects → issuer → provider → guardrails → role → trust policy → ServiceAccount → pods → token → STS → call
It looks for itself, with your own rights, and does not need the operator to run. It writes nothing: the token is exchanged
for credentials that make one call, GetCallerIdentity, and are dropped.
  ✓ holds   ✗ broken   ? you may not look at it   · not looked at, as a link before it is broken   ! works today

In the cluster it needs: get and list awsfederatedidentities, get awsoidcproviders, serviceaccounts, namespaces and
configmaps, list pods, create serviceaccounts/token. With AWS credentials of the account (AWS_PROFILE, …) that may
iam:GetOpenIDConnectProvider, iam:GetRole, iam:ListAttachedRolePolicies, iam:ListRolePolicies and iam:GetRolePolicy it also
looks at the provider and the role; without any, STS's answer tells most. Where the operator runs with its own --mount-path
or --annotation-prefix, give them here too.

Exit code:
  0  no link is broken
  3  one is
  1  an error

Examples:
  kubectl aws-identity doctor reports -n analytics                  one identity
  kubectl aws-identity doctor reports -n analytics --pod reports-0  and why this pod of it has no credentials
  kubectl aws-identity doctor -n analytics -o json                  all of a namespace, for a program
`;

/** The command `doctor`. `exit` is told the exit code of a run that ended well; errors are thrown. */
export const doctorCommand = (terminal: Terminal, exit: (code: number) => void): Command =>
  withFormOptions(
    new Command('doctor')
      .description('Find the first broken link between a pod and AWS, with its cause and remedy.')
      .argument('[name]', 'an AwsFederatedIdentity; default: all of the namespace')
      .option('-n, --namespace <namespace>', 'namespace; default: that of the kubeconfig context')
      .option('--pod <pod>', 'look at this pod of the identity only')
      .option('--context <context>', 'context of the kubeconfig; default: the current one')
      .addOption(
        new Option(
          '--issuer-connect-to <list>',
          'HOST=ADDRESS:PORT, commas between: reach these issuers there, as the operator does with the same setting',
        ).env('ISSUER_CONNECT_TO'),
      )
      .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
      .configureHelp({ commandUsage: () => 'kubectl aws-identity doctor [options] [name]' })
      .showHelpAfterError('See kubectl aws-identity doctor --help.')
      .addHelpText('after', HELP)
      .action(async (name: string | undefined, options: DoctorOptions) =>
        exit(await runDoctor(name, options, terminal)),
      ),
  );

const now = (): Date => new Date();

async function runDoctor(name: string | undefined, options: DoctorOptions, terminal: Terminal): Promise<number> {
  if (options.pod !== undefined && name === undefined) {
    throw new CliError('--pod needs the name of its identity: kubectl aws-identity doctor NAME --pod POD');
  }
  const form = assumedForm(options);
  const { signal } = new AbortController();
  const cluster = connectCluster({ context: options.context });
  const selection = selectionOf(name, options.namespace ?? cluster.namespace, false);
  const subjects = await readSubjects(cluster, { selection, pod: options.pod }, signal);
  if (subjects.length === 0) terminal.warn(`${nothingFound(selection)}\n`);
  const connectTo = parseConnectTo(options.issuerConnectTo ?? '');
  const dependencies = {
    cluster,
    accounts: ownAccounts('doctor writes nothing to AWS'),
    checkIssuer: new IssuerCheck({ fetchDocument: pinnedFetch({ resolve: publicDns(), connectTo }), now }),
    exchange: stsTokenExchange({ onCall: () => {} }),
    call: callerOfToken,
    form,
    now,
  };
  const diagnoses = await Promise.all(subjects.map((subject) => diagnose(dependencies, subject, signal)));
  terminal.write(options.output === 'json' ? doctorJson(diagnoses) : doctorText(diagnoses, painter(terminal.colors)));
  return exitCodeOfDoctor(diagnoses);
}
