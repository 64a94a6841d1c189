// `npm run dev`: the stack of the demo with the samples applied, kept alive for kubectl and the aws CLI.
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { interruption } from './demo/interruption.ts';
import { Narrator, wantsColors } from './demo/narrator.ts';
import { followLog, saveLogs } from './demo/operator-log.ts';
import { type ExitCode, play } from './demo/play.ts';
import { fillAccount, NAMESPACE, podOf } from './demo/scene.ts';
import { type Stack, startStack } from './stack/stack.ts';
import { writeUserShell } from './user-shell.ts';

const HELP = `npm run dev -- [--empty] [--help]

Starts a real Kubernetes API server, a local AWS and the operator, applies config/samples/, and keeps everything up
until Ctrl-C. Prints a line for another terminal, whose kubectl, kubectl aws-identity and aws CLI then use them. Nothing
outside of this machine is touched, and nothing is left.

  --empty      apply no samples: the beginning of docs/getting-started.md
  --help       this text
`;

const SAMPLES = fileURLToPath(new URL('../config/samples', import.meta.url));

/** Seconds between two sweeps: long enough to see drift in the call log, short enough to wait for its repair. */
const SWEEP_SECONDS = 10;

async function applySamples({ kubectl }: Stack, narrator: Narrator): Promise<void> {
  narrator.command('kubectl apply -k config/samples');
  await kubectl(['create', 'namespace', NAMESPACE]);
  narrator.show(await kubectl(['apply', '-k', SAMPLES]));
  narrator.show(await kubectl(['wait', 'afi', '--all', '-A', '--for=condition=Ready', '--timeout=60s']));
  await kubectl(['create', '-f', '-'], podOf('reports'));
}

async function invite(stack: Stack, narrator: Narrator): Promise<void> {
  narrator.say(
    '',
    'In another terminal (the keys are of an administrator of the local AWS, and good for nothing else):',
    '',
    `  . ${await writeUserShell(stack)}`,
    '',
  );
}

async function suggest({ kubectl }: Stack, narrator: Narrator): Promise<void> {
  const role = await kubectl(['get', 'afi/reports', '-n', NAMESPACE, '-o', 'jsonpath={.status.roleArn}']);
  const name = role.split('/').at(-1) ?? '';
  narrator.say(
    'Try:',
    '  kubectl get aop,afi -A',
    `  kubectl aws-identity status -n ${NAMESPACE}`,
    `  kubectl aws-identity doctor reports -n ${NAMESPACE}`,
    `  kubectl get pod reports-worker -n ${NAMESPACE} -o yaml          # see what was injected`,
    '  aws iam list-roles --path-prefix /federated/',
    `  aws iam delete-role-policy --role-name ${name} --policy-name bucket`,
    `                                               # repaired within ${SWEEP_SECONDS} s; watch the log below`,
    `  kubectl delete afi reports -n ${NAMESPACE}                       # and the role is gone`,
    '',
  );
}

async function dev(empty: boolean): Promise<ExitCode> {
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
      if (!empty) await applySamples(stack, narrator);
      await invite(stack, narrator);
      if (empty) narrator.say('Go on with docs/getting-started.md.', '');
      else await suggest(stack, narrator);
      narrator.say('The log of the operator (Ctrl-C stops everything):');
      await followLog(stack, (line) => narrator.say(`  ${line}`), interrupted);
    },
    clues: saveLogs,
  });
}

const OPTIONS = { help: { type: 'boolean', short: 'h' }, empty: { type: 'boolean' } } as const;
const { values } = parseArgs({ options: OPTIONS, strict: false });

if (values['help'] === true) process.stdout.write(HELP);
else {
  const code = await dev(values['empty'] === true);
  // Ctrl-C is how this ends, so it is no failure; a stack that was still starting ends with this process.
  if (code === 130) process.exit(0);
  process.exitCode = code;
}
