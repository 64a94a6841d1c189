import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Block, blocksOf } from '../../scripts/pages.ts';
import { missingLines } from '../../scripts/transcript.ts';

// The page is run as it stands: the first block in one terminal, all others in another one, in their order.

const PAGE = 'docs/getting-started.md';
const DEV = fileURLToPath(new URL('../../dev/main.ts', import.meta.url));
const INVITATION = /^ {2}\. (\S+\/environment\.sh)$/m;
const START_MS = 600_000; // the first run builds the cluster

interface Step {
  readonly block: Block;
  /** What the block is said to print. */
  readonly transcript: string;
}

const blocks = blocksOf(PAGE);
const [start, ...steps] = blocks
  .map((block, index): Step => {
    const next = blocks[index + 1];
    return { block, transcript: next?.language === 'text' ? next.text : '' };
  })
  .filter(({ block }) => block.language === 'sh');

/** `npm run dev`, as a terminal has it. */
interface FirstTerminal {
  /** What it printed up to the line to paste; rejects when it ends before. */
  readonly invitation: Promise<string>;
  readonly stop: () => Promise<void>;
}

function openFirstTerminal(args: readonly string[]): FirstTerminal {
  const child = spawn(process.execPath, [DEV, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const invited = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
      if (INVITATION.test(output)) invited.resolve(output);
    });
  child.once('error', invited.reject);
  child.once('close', () => {
    invited.reject(new Error(`npm run dev ended early:\n${output}`));
    ended.resolve();
  });
  return {
    invitation: invited.promise,
    stop: () => {
      child.kill('SIGINT');
      return ended.promise;
    },
  };
}

let first: FirstTerminal | undefined;
let folder = '';
let printed = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'getting-started-'));
  const [, args = ''] = /^npm run dev -- (.*)$/m.exec(start?.block.text ?? '') ?? [];
  first = openFirstTerminal(args.split(' '));
  printed = await first.invitation;
}, START_MS);

afterAll(async () => {
  await first?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs a block in a shell that has read the file of step 1, and stops at the first command that fails. */
function paste(block: string): Promise<Outcome> {
  const script = `set -e\n. '${INVITATION.exec(printed)?.[1]}'\n${block}`;
  const { HOME: _own, ...environment } = process.env; // no ~/.aws and ~/.kube of the developer
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = execFile(
    'sh',
    ['-c', script],
    { cwd: folder, env: { ...environment, HOME: folder } },
    (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, output: stdout + stderr });
      else reject(error);
    },
  );
  child.stdin?.end();
  return promise;
}

test('shows the line to paste', () => {
  expect(missingLines(start?.transcript ?? 'no transcript', printed)).toEqual([]);
  expect(steps.length).toBeGreaterThanOrEqual(8);
});

test('every block does what the page says', async () => {
  for (const { block, transcript } of steps) {
    const { code, output } = await paste(block.text);
    const expected = Number(/# exit code (\d+)/.exec(block.text)?.[1] ?? 0);
    expect(code, `${block.place}\n${output}`).toBe(expected);
    expect(missingLines(transcript, output), `${block.place}\n${output}`).toEqual([]);
  }
}, 300_000);
