import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { obtainTool, type Tool, toolFolder } from './tool.ts';

const TOOL: Tool = {
  name: 'helm',
  version: '9.9.9',
  archive: {
    url: 'https://releases.example/helm-9.9.9.tar.gz',
    checksumUrl: 'https://releases.example/sums.txt',
    member: 'linux-amd64/helm',
  },
  goPackage: 'example.invalid/helm',
  linkerFlags: '',
};

let root: string;
let archive: Buffer<ArrayBuffer>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tool-test-'));
  await mkdir(join(root, 'release', 'linux-amd64'), { recursive: true });
  await writeFile(join(root, 'release', 'linux-amd64', 'helm'), 'the program');
  await writeFile(join(root, 'release', 'linux-amd64', 'LICENSE'), 'not wanted');
  archive = execFileSync('tar', ['-czf', '-', '-C', join(root, 'release'), 'linux-amd64']);
});
afterEach(() => rm(root, { recursive: true }));

/** Without a toolchain on PATH, so that nothing is ever built. */
const environment = (): NodeJS.ProcessEnv => ({ XDG_CACHE_HOME: root, PATH: '/nowhere' });
const sha256 = (): string => createHash('sha256').update(archive).digest('hex');

/** A release whose sums are this text. */
const serving =
  (sums: string) =>
  async (url: unknown): Promise<Response> =>
    new Response(String(url) === TOOL.archive.url ? archive : sums);
const unreachable = async (): Promise<Response> => {
  throw new Error('fetch failed');
};

const obtain = (fetchUrl: typeof fetch): Promise<string> =>
  obtainTool(TOOL, { environment: environment(), progress: () => {}, fetchUrl });

test.each([
  { name: 'the sum alone', sums: () => `${sha256()}\n` },
  { name: 'the sum and the name', sums: () => `${sha256()}  helm-9.9.9.tar.gz\n` },
  {
    name: 'the sums of all archives',
    sums: () => `${'0'.repeat(64)}  other.tar.gz\n${sha256()} *helm-9.9.9.tar.gz\n`,
  },
])('a release is unpacked where $name was published with it', async ({ sums }) => {
  const program = await obtain(serving(sums()));
  expect(program).toBe(join(toolFolder(TOOL, environment()), 'helm'));
  expect(await readFile(program, 'utf8')).toBe('the program');
  expect(await readdir(toolFolder(TOOL, environment()))).toEqual(['helm']);
});

test('the second time it comes from the cache', async () => {
  const program = await obtain(serving(sha256()));
  expect(await obtain(unreachable)).toBe(program);
});

test.each([
  {
    name: 'an archive with another sum is refused',
    fetchUrl: serving('0'.repeat(64)),
    reason: /says 0{64}: refused/,
  },
  {
    name: 'sums of other files are of no use',
    fetchUrl: serving(`${'0'.repeat(64)}  other`),
    reason: /has no SHA-256/,
  },
  { name: 'no network is a reason, too', fetchUrl: unreachable, reason: /release: fetch failed/ },
])('$name, and the error names every way that failed and the next step', async ({ fetchUrl, reason }) => {
  const failed = obtain(fetchUrl);
  await expect(failed).rejects.toThrow(reason);
  await expect(failed).rejects.toThrow(
    /No helm 9\.9\.9 could be prepared:\n  - cache: .*\n[\s\S]*no Go toolchain on PATH/,
  );
  await expect(failed).rejects.toThrow(/Install Go 1\.26 or later, or put helm 9\.9\.9 into /);
});
