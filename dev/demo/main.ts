// `npm run demo`: what the product does, told in the terminal on real parts. Exit code 0 only if everything held.
import { parseArgs } from 'node:util';
import { readFile } from 'node:fs/promises';
import { type Stack, startStack } from '../stack/stack.ts';
import { aws, drift, goodbye, platformTeam, prepare, refusal, team, workload } from './chapters.ts';
import { Narrator, wantsColors } from './narrator.ts';

const HELP = `npm run demo -- [--verbose] [--help]

Starts a real Kubernetes API server and a local AWS, runs the operator between them, and tells its story:
provider, identity, pod, credentials, guardrails, drift, deletion. Nothing outside of this machine is touched.
The first run builds or downloads the Kubernetes binaries (some minutes, cached); later ones take half a minute.

  --verbose   print the operator's log at the end
  --help      this text

Exit code 0: everything held. 1: something did not; it says what was expected and what was seen.
To play with it yourself: npm run dev.
`;

const { values } = parseArgs({ options: { verbose: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
const narrator = new Narrator({
  write: (text) => void process.stdout.write(text),
  colors: wantsColors(process.stdout.isTTY, process.env),
});

/** The story, in its order. */
async function tell(stack: Stack): Promise<void> {
  prepare(stack);
  await platformTeam(stack, narrator);
  const roleArn = await team(stack, narrator);
  const told = await workload(stack, narrator, roleArn);
  await aws(stack, narrator, told);
  await refusal(stack, narrator);
  await drift(stack, narrator, roleArn);
  await goodbye(stack, narrator);
}

/** Whether everything held. */
async function play(): Promise<boolean> {
  const begin = performance.now();
  narrator.chapter('A cluster, an AWS account, and the operator between them');
  await using stack = await startStack({
    progress: (line) => narrator.progress(line),
    environment: { RESYNC_INTERVAL: '3' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stack[Symbol.asyncDispose]().then(() => process.exit(130)));
  }
  try {
    await tell(stack);
    const seconds = Math.round((performance.now() - begin) / 1000);
    narrator.chapter(
      'The end',
      `${narrator.held} expectations held, in ${seconds} seconds.`,
      'Next: npm run dev (the same, for you to play with), README.md, docs/.',
    );
    return true;
  } catch (error) {
    narrator.failure(
      error,
      `The operator's log ends:\n${(await readFile(stack.operator.logFile, 'utf8')).split('\n').slice(-8).join('\n')}`,
    );
    return false;
  } finally {
    if (values.verbose === true) narrator.show(await readFile(stack.operator.logFile, 'utf8'));
  }
}

if (values.help === true) process.stdout.write(HELP);
else process.exitCode = (await play()) ? 0 : 1;
