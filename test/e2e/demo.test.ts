import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dev/demo/main.ts', import.meta.url));

async function run(...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  return { code: await promise, output };
}

test('the demo tells its story to the end, and shows no token and no secret', async () => {
  const { code, output } = await run('--verbose');
  expect(output).toContain('The end');
  expect(output.match(/^✓/gm)?.length).toBeGreaterThanOrEqual(14);
  expect(output).not.toMatch(/eyJ[\w-]+\.eyJ/); // a JWT
  expect(output).not.toMatch(/SecretAccessKey|AWS_SECRET/i);
  expect(code).toBe(0);
});

test('the demo has a help text', async () => {
  const { code, output } = await run('--help');
  expect(output).toContain('npm run demo');
  expect(code).toBe(0);
});
