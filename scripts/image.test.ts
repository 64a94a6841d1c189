import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const node = async (...args: readonly string[]): Promise<string> =>
  (await run(process.execPath, [...args], { cwd: ROOT })).stdout;
const text = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

const instructions = (await text('Dockerfile'))
  .replaceAll('\\\n', '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(/\s+/));
const all = (name: string): readonly (readonly string[])[] =>
  instructions.filter(([instruction]) => instruction === name).map(([, ...args]) => args);
const sources = all('COPY')
  .filter((args) => !args[0]?.startsWith('--from='))
  .flatMap((args) => args.slice(0, -1));

// No image is built here, as not every machine has a container engine: what can break without one is looked at.
describe('the image', () => {
  test.each(sources)('%s, which the Dockerfile copies, exists and is let through by .dockerignore', async (source) => {
    expect(existsSync(join(ROOT, source))).toBe(true);
    expect((await text('.dockerignore')).split('\n')).toContain(`!${source}`);
  });

  test('holds one file beside its base, the one that the bundle script writes', () => {
    expect(all('COPY').filter((args) => args[0] === '--from=build')).toEqual([
      ['--from=build', '/build/dist/operator.mjs', '/operator.mjs'],
    ]);
  });

  test('takes nothing of install scripts, and its packages from the lock file', () => {
    expect(all('RUN')).toContainEqual(['npm', 'ci', '--ignore-scripts']);
  });

  test('runs as a user who is not root, given by number', () => {
    expect(all('USER')).toEqual([['65532:65532']]);
  });
});

describe('the bundle', () => {
  beforeAll(async () => void (await node('scripts/bundle.ts')), 60_000);

  test('is one program with all flags of the sources', async () => {
    const [bundled, sourced] = await Promise.all(
      ['dist/operator.mjs', 'src/main.ts'].map((program) => node(program, 'run', '--help')),
    );
    expect(bundled).toContain('--leader-election');
    expect(bundled).toBe(sourced);
  });

  test('has the version of package.json', async () => {
    const { version } = JSON.parse(await text('package.json')) as { readonly version: string };
    expect((await node('dist/operator.mjs', '--version')).trim()).toBe(version);
  });

  test('is below 4 MiB', async () => {
    expect((await text('dist/operator.mjs')).length).toBeLessThan(4 * 1024 * 1024);
  });
});
