// `npm run dev`: the stack of the demo with the samples applied, kept alive for kubectl and the aws CLI.
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { interruption } from './demo/interruption.ts';
import { Narrator, wantsColors } from './demo/narrator.ts';
import { followLog, saveLogs } from './demo/operator-log.ts';
import { type ExitCode, play } from './demo/play.ts';
import { fillAccount, NAMESPACE, podOf } from './demo/scene.ts';
import { REGION, type Stack, startStack } from './stack/stack.ts';

const HELP = `npm run dev -- [--help]

Starts a real Kubernetes API server, a local AWS and the operator, applies config/samples/, and keeps everything up
until Ctrl-C. Prints what to export, so that kubectl and the aws CLI of another terminal use them. Nothing outside of
this machine is touched, and nothing is left.
`;

const SAMPLES = fileURLToPath(new URL('../config/samples', import.meta.url));
const ADMINISTRATOR = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

/** Seconds between two sweeps: long enough to see drift in the call log, short enough to wait for its repair. */
const SWEEP_SECONDS = 10;

async function applySamples({ kubectl }: Stack, narrator: Narrator): Promise<void> {
  narrator.command('kubectl apply -k config/samples');
  await kubectl(['create', 'namespace', NAMESPACE]);
  narrator.show(await kubectl(['apply', '-k', SAMPLES]));
  narrator.show(await kubectl(['wait', 'afi', '--all', '-A', '--for=condition=Ready', '--timeout=60s']));
  await kubectl(['create', '-f', '-'], podOf('reports'));
}

async function invite({ cluster, aws, account, kubectl }: Stack, narrator: Narrator): Promise<void> {
  const key = account.createUser('administrator', ADMINISTRATOR);
  const role = await kubectl(['get', 'afi/reports', '-n', NAMESPACE, '-o', 'jsonpath={.status.roleArn}']);
  const name = role.split('/').at(-1) ?? '';
  narrator.say(
    '',
    'In another terminal (the keys are of an administrator of the local AWS, and good for nothing else):',
    '',
    `  export KUBECONFIG=${cluster.kubeconfig}`,
    `  export AWS_ENDPOINT_URL=${aws.endpoint} AWS_REGION=${REGION}`,
    `  export AWS_ACCESS_KEY_ID=${key.accessKeyId}`,
    `  export AWS_SECRET_ACCESS_KEY=${key.secretAccessKey}`,
    '',
    'If you have no kubectl:',
    `  alias kubectl=${cluster.kubectl}`,
    '',
    'Try:',
    '  kubectl get aop,afi -A',
    `  kubectl describe afi reports -n ${NAMESPACE}`,
    `  kubectl get pod reports-worker -n ${NAMESPACE} -o yaml          # see what was injected`,
    '  aws iam list-roles --path-prefix /federated/',
    `  aws iam delete-role-policy --role-name ${name} --policy-name bucket`,
    `                                               # repaired within ${SWEEP_SECONDS} s; watch the log below`,
    `  kubectl delete afi reports -n ${NAMESPACE}                       # and the role is gone`,
    '',
    'The log of the operator (Ctrl-C stops everything):',
  );
}

async function dev(): Promise<ExitCode> {
  const interrupted = interruption();
  const narrator = new Narrator({
    write: (text) => void process.stdout.write(text),
    colors: wantsColors(process.stdout.isTTY, process.env),
  });
  return play<Stack>({
    narrator,
    interrupted,
    start: () =>
      startStack({
        progress: (line) => narrator.progress(line),
        environment: { RESYNC_INTERVAL: String(SWEEP_SECONDS) },
      }),
    tell: async (stack) => {
      fillAccount(stack);
      await applySamples(stack, narrator);
      await invite(stack, narrator);
      await followLog(stack, (line) => narrator.say(`  ${line}`), interrupted);
    },
    clues: saveLogs,
  });
}

function wantsHelp(): boolean {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } }, strict: false });
  return values['help'] === true;
}

if (wantsHelp()) process.stdout.write(HELP);
else {
  const code = await dev();
  // Ctrl-C is how this ends, so it is no failure; a stack that was still starting ends with this process.
  if (code === 130) process.exit(0);
  process.exitCode = code;
}
