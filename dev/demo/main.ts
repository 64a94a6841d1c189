// `npm run demo`: what the product does, told in the terminal on real parts. Exit code 0 only if everything held.
import { writeFile } from 'node:fs/promises';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNoKind } from '../cluster/kind.ts';
import { startStack } from '../stack/stack.ts';
import { interruption } from './interruption.ts';
import { Narrator, wantsColors } from './narrator.ts';
import { readableLog, saveLogs } from './operator-log.ts';
import { type ExitCode, play } from './play.ts';
import { fillAccount } from './scene.ts';
import { recordingOf } from './recording.ts';
import { operatorCalls, operatorWrites, type Stage } from './stage.ts';
import { doctor } from './steps/doctor.ts';
import { type Cost, drift, SWEEP_SECONDS } from './steps/drift.ts';
import { farewell } from './steps/farewell.ts';
import { platformTeam } from './steps/platform-team.ts';
import { pod } from './steps/pod.ts';
import { notOurs, tooMuch } from './steps/refusals.ts';
import { team } from './steps/team.ts';
import { token } from './steps/token.ts';
import { workload } from './steps/workload.ts';

const HELP = `npm run demo -- [--no-pause] [--verbose] [--kind] [--record FILE] [--help]

Starts a real Kubernetes API server and a local AWS, runs the operator between them, and tells its story:
provider, identity, pod, token, credentials, guardrails, drift, deletion. Nothing outside of this machine is touched.
The first run fetches or builds the Kubernetes binaries (some minutes, cached); later ones take half a minute.

  --no-pause   no time to read between the chapters (there is none anyway when the output is no terminal)
  --verbose    print the operator's log at the end
  --kind       on a kind cluster, which needs Docker and kind; default: whatever is found first on this machine
  --record     write the story to FILE as a moving picture (SVG), if everything held
  --help       this text

Exit code 0: everything held. 1: something did not; it says what was expected, what was seen, and where the logs are.
130: stopped by Ctrl-C. To play with it yourself: npm run dev.
`;

const PAUSE_MS = 2500;

const OPTIONS = {
  'no-pause': { type: 'boolean' },
  verbose: { type: 'boolean' },
  kind: { type: 'boolean' },
  record: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The story, in its order. */
async function tell(stage: Stage): Promise<void> {
  const { stack } = stage;
  stage.narrator.say(
    '',
    `kube-apiserver and etcd are real. AWS is a stand-in of this machine at ${stack.aws.endpoint} that checks what AWS checks. The operator is a process of its own, with the rights of its ServiceAccount and of its IAM user, no more.`,
  );
  fillAccount(stack);
  await platformTeam(stage);
  const { roleArn, created } = await team(stage);
  const injected = await pod(stage, roleArn);
  const mounted = await token(stage);
  await workload(stage, injected, mounted);
  await doctor(stage);
  await tooMuch(stage);
  await notOurs(stage);
  const cost = await drift(stage, roleArn);
  await farewell(stage, injected, mounted);
  await summary(stage, created, cost);
}

async function summary(
  { stack, narrator }: Stage,
  created: readonly string[],
  { repairs, quietSweep }: Cost,
): Promise<void> {
  await narrator.chapter('What it cost, and what to read next');
  const all = operatorCalls(stack).filter(({ service }) => service === 'iam').length;
  narrator.show(
    [
      `create one identity   ${created.length} IAM calls: ${created.join(', ')}`,
      `repair two changes    ${repairs.length} writes: ${repairs.join(', ')}`,
      `look again            0 writes, ${quietSweep.length} reads for all roles together`,
      `the whole story       ${all} IAM calls, ${operatorWrites(stack).length} of them writes`,
    ].join('\n'),
  );
  narrator.say(
    '',
    '  npm run dev          the same, kept alive: use your own kubectl and aws on it',
    '  README.md            run it against your own cluster and account',
    '  docs/                architecture, running, every condition reason and its cure',
  );
}

interface Options {
  readonly verbose: boolean;
  readonly pauseMs: number;
  /** On a kind cluster and no other. */
  readonly kind: boolean;
  /** File for the recording. */
  readonly record: string | undefined;
}

async function demo({ verbose, pauseMs, kind, record }: Options): Promise<ExitCode> {
  const interrupted = interruption();
  const colors = wantsColors(process.stdout.isTTY, process.env);
  let written = '';
  const narrator = new Narrator({
    write: (text) => {
      written += text;
      process.stdout.write(colors ? text : stripVTControlCharacters(text));
    },
    colors: true, // for the recording
    pause: () => sleep(pauseMs, undefined, { signal: interrupted }).catch(() => {}), // only the signal rejects
  });
  const begin = performance.now();
  await narrator.chapter('A cluster, an AWS account, and the operator between them');
  const code = await play<Stage>({
    narrator,
    interrupted,
    start: async () => {
      const stack = await startStack({
        progress: (line) => narrator.progress(line),
        kind,
        environment: { RESYNC_INTERVAL: String(SWEEP_SECONDS) },
      });
      return { stack, narrator, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
    },
    tell: async (stage) => {
      try {
        await tell(stage);
      } finally {
        if (verbose) narrator.show(['', 'The log of the operator:', ...(await readableLog(stage.stack))].join('\n'));
      }
    },
    clues: ({ stack }) => saveLogs(stack),
  });
  const seconds = Math.round((performance.now() - begin) / 1000);
  if (code !== 0) return code;
  narrator.say('', `✓ The end. All ${narrator.held} expectations held, in ${seconds} s.`);
  if (record !== undefined) await writeFile(record, recordingOf(written, 'npm run demo, from start to end'));
  return code;
}

/** The options, or the exit code when there is nothing to tell. */
function options(): Options | ExitCode {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    const pauses = process.stdout.isTTY && values['no-pause'] !== true;
    return {
      verbose: values.verbose === true,
      pauseMs: pauses ? PAUSE_MS : 0,
      kind: values.kind === true,
      record: values.record,
    };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 1;
  }
}

const given = options();
const obstacle = typeof given === 'object' && given.kind ? await whyNoKind(process.env) : undefined;
if (obstacle !== undefined) process.stderr.write(`--kind: ${obstacle}. Without --kind the demo needs neither.\n`);
const code = typeof given === 'number' ? given : obstacle === undefined ? await demo(given) : 1;
// Stopped during the start, the stack still builds; what it started ends with this process (dev/cluster/process.ts).
if (code === 130) process.exit(code);
process.exitCode = code;
