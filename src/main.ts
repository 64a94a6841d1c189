import { Command, Option } from 'commander';
import { admissionCommand } from './cli/admission.ts';
import { bootstrapCommand } from './cli/bootstrap.ts';
import { completionCommand } from './cli/completion.ts';
import { jwksCommand } from './cli/jwks.ts';
import { reconcileCommand, suspendCommand } from './cli/mark.ts';
import { doctorCommand } from './cli/doctor/doctor.ts';
import { planCommand } from './cli/plan.ts';
import { policyCommand } from './cli/policy.ts';
import { restartCommand } from './cli/restart.ts';
import { statusCommand } from './cli/status.ts';
import { type Terminal, visible, wantsColors } from './cli/terminal.ts';
import { runOperator } from './operator.ts';
import { FLAGS, parseSettings } from './settings.ts';
import { VERSION } from './version.ts';

const terminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  warn: (text) => void process.stderr.write(text),
  colors: wantsColors(process.stdout.isTTY, process.env),
};

// Set by bin/kubectl-aws_identity, so that --help shows what was typed.
const program = new Command(process.env['KUBECTL_PLUGIN_NAME'] ?? 'federated-identity-operator')
  .description('Gives pods on any Kubernetes cluster AWS credentials by OIDC federation, without static keys.')
  .version(VERSION)
  .showHelpAfterError();

const run = program
  .command('run')
  .description(
    'Run the operator against the cluster of KUBECONFIG (or the one it runs in) and the AWS account of its credentials.',
  )
  .addHelpText(
    'after',
    `
Each option can be given by the environment variable of the same name; a flag wins.
AWS credentials, endpoints and proxies come from the environment as in every AWS SDK: AWS_ROLE_ARN and
AWS_WEB_IDENTITY_TOKEN_FILE, AWS_PROFILE, AWS_ENDPOINT_URL. The cluster comes from KUBECONFIG, else from the pod.

Example, out of cluster:
  KUBECONFIG=~/.kube/config AWS_PROFILE=sandbox federated-identity-operator run --leader-election off
`,
  );
for (const { name, variable, description, defaultText } of FLAGS) {
  const note = defaultText === '' ? '' : ` (default: ${defaultText})`;
  run.addOption(new Option(`${name} <value>`, `${description}${note}`).env(variable));
}
run.action(async (given: Readonly<Record<string, unknown>>) => {
  const shutdown = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => shutdown.abort(new Error(`received ${name}`)));
  await runOperator(parseSettings(given), shutdown.signal);
});

const exit = (code: number): void => void (process.exitCode = code);
const columns = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined);
program
  .addCommand(doctorCommand(terminal, exit))
  .addCommand(planCommand(terminal, exit))
  .addCommand(statusCommand({ ...terminal, columns }, exit))
  .addCommand(reconcileCommand(terminal))
  .addCommand(suspendCommand('suspend', terminal))
  .addCommand(suspendCommand('resume', terminal))
  .addCommand(restartCommand(terminal, exit))
  .addCommand(jwksCommand(terminal))
  .addCommand(bootstrapCommand(terminal, exit))
  .addCommand(policyCommand(terminal))
  .addCommand(admissionCommand(terminal))
  .addCommand(completionCommand(terminal, program));

try {
  await program.parseAsync();
} catch (error) {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  process.stderr.write(`${lines.map(visible).join('\n')}\n`);
  process.exitCode = 1;
}
