// `npm run check`: everything that can be judged without running the program.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const tool = (name: string): string => join('node_modules', '.bin', name);

interface Check {
  readonly name: string;
  /** A script and its arguments, run by this Node from the root. */
  readonly command: readonly [string, ...string[]];
  readonly remedy?: string;
}

/** These need the types, and matter more in an operator than any other rule: a promise that nobody awaits fails unseen. */
const PROMISE_RULES = [
  'typescript/no-floating-promises',
  'typescript/no-misused-promises',
  'typescript/await-thenable',
];

const CHECKS: readonly Check[] = [
  { name: 'format', command: [tool('oxfmt'), '--check'], remedy: 'npm run format' },
  { name: 'lint', command: [tool('oxlint')] },
  {
    name: 'promises',
    command: [tool('oxlint'), '--type-aware', '-A', 'all', ...PROMISE_RULES.flatMap((rule) => ['-D', rule])],
  },
  { name: 'types', command: [tool('tsc'), '--noEmit'] },
  { name: 'unused code', command: [tool('knip')] },
  { name: 'generated files', command: [join('scripts', 'generate.ts'), '--check'], remedy: 'npm run generate' },
];

export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Runs every check, also after one has failed, and prints a line for each and the output of those that fail. */
export async function runChecks(): Promise<Count> {
  let failed = 0;
  for (const { name, command, remedy } of CHECKS) {
    const begin = performance.now();
    const { code, output } = await runQuietly(command); // oxlint-disable-line no-await-in-loop -- two cores; each uses both
    const time = `${((performance.now() - begin) / 1000).toFixed(1)} s`.padStart(7);
    console.log(`${code === 0 ? '✔' : '✘'} ${name.padEnd(16)}${time}`);
    if (code === 0) continue;
    failed += 1;
    console.log(output.trimEnd().replaceAll(/^/gm, '    '));
    if (remedy !== undefined) console.log(`    → ${remedy}`);
  }
  return { passed: CHECKS.length - failed, failed, skipped: 0 };
}

function runQuietly(command: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; output: string }>();
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  child.once('error', reject);
  child.once('close', (code) => resolve({ code: code ?? 1, output }));
  return promise;
}

if (import.meta.main) process.exitCode = (await runChecks()).failed === 0 ? 0 : 1;
