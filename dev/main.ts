// `npm run dev`: the stack of the demo, kept alive for kubectl and the aws CLI.
import { parseArgs } from 'node:util';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Narrator, wantsColors } from './demo/narrator.ts';
import { IDENTITY, NAMESPACE, PROVIDER } from './demo/scene.ts';
import { prepare } from './demo/chapters.ts';
import { REGION, type Stack, startStack } from './stack/stack.ts';

const HELP = `npm run dev -- [--help]

Starts a real Kubernetes API server, a local AWS and the operator, applies a provider and an identity, and keeps
everything up until Ctrl-C. Prints what to export, so that kubectl and the aws CLI of another terminal use them.
`;

const ADMINISTRATOR = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

function invite({ cluster, aws, account }: Stack, narrator: Narrator): void {
  const key = account.createUser('administrator', ADMINISTRATOR);
  narrator.say(
    '',
    'In another terminal:',
    `  export KUBECONFIG=${cluster.kubeconfig}`,
    `  export AWS_ENDPOINT_URL=${aws.endpoint} AWS_REGION=${REGION}`,
    `  export AWS_ACCESS_KEY_ID=${key.accessKeyId} AWS_SECRET_ACCESS_KEY=${key.secretAccessKey}`,
    '',
    '  kubectl get aop,afi -A',
    `  kubectl describe afi reports -n ${NAMESPACE}`,
    '  aws iam list-roles --path-prefix /federated/',
    '',
    'The log of the operator (Ctrl-C stops everything):',
  );
}

/** Follows the log in a short human form until the signal aborts. */
async function follow({ operator }: Stack, narrator: Narrator, signal: AbortSignal): Promise<void> {
  let read = 0;
  while (!signal.aborted) {
    const lines = createInterface(createReadStream(operator.logFile, { start: read }));
    for await (const line of lines) {
      read += Buffer.byteLength(line) + 1;
      if (line.startsWith('{')) narrator.say(`  ${short(JSON.parse(line))}`);
    }
    await sleep(300, undefined, { signal }).catch(() => {}); // only the signal rejects
  }
}

function short({ time, msg, object = '', action = '', reason = '', err }: Readonly<Record<string, unknown>>): string {
  const message = typeof err === 'object' && err !== null && 'message' in err ? `: ${String(err.message)}` : '';
  const words = [new Date(Number(time)).toISOString().slice(11, 19), object, msg, action, reason].map(String);
  return words.filter((word) => word !== '').join(' ') + message;
}

async function run(narrator: Narrator): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  await using stack = await startStack({
    progress: (line) => narrator.progress(line),
    environment: { RESYNC_INTERVAL: '10' },
  });
  prepare(stack);
  await stack.kubectl(['create', 'namespace', NAMESPACE]);
  await stack.kubectl(['apply', '-f', '-'], PROVIDER);
  await stack.kubectl(['apply', '-f', '-'], IDENTITY);
  invite(stack, narrator);
  await follow(stack, narrator, stop.signal);
  narrator.say('', 'stopping');
}

const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
if (values.help === true) process.stdout.write(HELP);
else
  await run(
    new Narrator({
      write: (text) => void process.stdout.write(text),
      colors: wantsColors(process.stdout.isTTY, process.env),
    }),
  );
