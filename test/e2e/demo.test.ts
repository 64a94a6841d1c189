import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const DEMO = fileURLToPath(new URL('../../dev/demo/main.ts', import.meta.url));
const DEV = fileURLToPath(new URL('../../dev/main.ts', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a script to its end. `interruptAt`: SIGINT is sent, twice as npm does, once the output contains this text. */
async function run(script: string, args: readonly string[], interruptAt?: string): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let interrupted = false;
  const receive = (chunk: Buffer): void => {
    output += chunk.toString();
    if (interrupted || interruptAt === undefined || !output.includes(interruptAt)) return;
    interrupted = true;
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGINT'), 50);
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', receive);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  return { code: await promise, output };
}

describe('npm run demo', () => {
  test('tells its story to the end, and shows no token and no secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recording-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const recording = join(folder, 'demo.svg');
    const { code, output } = await run(DEMO, ['--no-pause', '--verbose', '--record', recording]);
    expect(output).not.toContain('The story broke off');
    expect(output.match(/^\d+\. .*$/gm)).toEqual([
      '1. A cluster, an AWS account, and the operator between them',
      '2. The platform team connects the cluster to an AWS account',
      '3. A team asks for an identity',
      '4. A pod starts',
      '5. The token of the pod',
      '6. The workload uses AWS',
      '7. The chain, link by link',
      '8. Somebody asks for too much',
      '9. A role that belongs to somebody else',
      '10. Somebody changes the role by hand',
      '11. The team leaves',
      '12. What it cost, and what to read next',
    ]);
    expect(output.match(/^✓/gm)?.length).toBeGreaterThanOrEqual(20);
    expect(output).not.toMatch(/eyJ[\w-]{10,}/); // a JWT begins so
    expect(output).not.toMatch(/SecretAccessKey|AWS_SECRET|ASIA[A-Z0-9]{12}|AKIA[A-Z0-9]{12}/i);
    // 40 characters of base64 are a secret key, unless they are a thumbprint.
    expect(output).not.toMatch(/(?<![\w/+=])(?![0-9a-f]{40}\b)[A-Za-z0-9/+]{40}(?![\w/+=])/);
    expect(output).not.toContain('\u001b'); // no terminal, no colours
    expect(code).toBe(0);
    const svg = await readFile(recording, 'utf8');
    expect(svg.match(/<tspan class="bold cyan">\d+\. /g)).toHaveLength(12);
    expect(svg).not.toMatch(/\/(?:tmp|home|root|Users)\/|eyJ[\w-]{10,}|A[KS]IA[A-Z0-9]{12}/);
  }, 600_000); // the first run builds the cluster

  test('stops in order at Ctrl-C, and says nothing of a failure', async () => {
    const { code, output } = await run(DEMO, ['--no-pause'], '4. A pod starts');
    expect(output).toMatch(/\nstopping …\n$/);
    expect(code).toBe(130);
  });

  test('stops at once at Ctrl-C while the cluster starts', async () => {
    const { code, output } = await run(DEMO, [], 'starting etcd');
    expect(output).toMatch(/\nstopped\n$/);
    expect(code).toBe(130);
  });

  test.each([
    { args: ['--help'], code: 0 },
    { args: ['--hlep'], code: 1 },
  ])('$args explains the options and ends with $code', async ({ args, code }) => {
    const ended = await run(DEMO, args);
    expect(ended.output).toContain('npm run demo -- [--no-pause]');
    expect(ended.code).toBe(code);
  });
});

describe('npm run dev', () => {
  test('applies the samples, invites to try, follows the log, and stops at Ctrl-C with 0', async () => {
    const { code, output } = await run(DEV, [], 'action=MarkBound');
    expect(output).toMatch(/^ {2}\. \S+\/environment\.sh$/m);
    expect(output).toContain('kubectl aws-identity status -n analytics');
    expect(output).not.toMatch(/A[KS]IA[A-Z0-9]{12}/); // the keys are in that file alone
    expect(output).toMatch(/^ {2}\d\d:\d\d:\d\d info {2}analytics\/reports changed IAM role action=CreateRole/m);
    expect(output).toMatch(/\nstopping …\n$/);
    expect(code).toBe(0);
  });
});
