import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { bundleOperator } from './bundle.ts';
import { readDockerfile, startOf } from './dockerfile.ts';
import { buildRootfs, filesOf, startRootfs, whyNoRoot } from './image-rootfs.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const node = async (...args: readonly string[]): Promise<string> =>
  (await run(process.execPath, [...args], { cwd: ROOT })).stdout;
const text = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8');

const instructions = await readDockerfile(join(ROOT, 'Dockerfile'));
const all = (wanted: string): readonly (readonly string[])[] =>
  instructions.filter(({ name }) => name === wanted).map(({ args }) => args);
const sources = all('COPY')
  .filter((args) => !args[0]?.startsWith('--from='))
  .flatMap((args) => args.slice(0, -1));

const folder = await mkdtemp(join(tmpdir(), 'federated-identity-image-'));
afterAll(() => rm(folder, { recursive: true }));

describe('the Dockerfile', () => {
  test.each(sources)('%s, which the Dockerfile copies, exists and is let through by .dockerignore', async (source) => {
    expect(existsSync(join(ROOT, source))).toBe(true);
    expect((await text('.dockerignore')).split('\n')).toContain(`!${source}`);
  });

  test('copies one file beside its base, the one that the bundle script writes', () => {
    expect(all('COPY').filter((args) => args[0] === '--from=build')).toEqual([
      ['--from=build', '/build/dist/operator.mjs', '/operator.mjs'],
    ]);
  });

  test('takes nothing of install scripts, and its packages from the lock file [S14]', () => {
    expect(all('RUN')).toContainEqual(['npm', 'ci', '--ignore-scripts']);
  });

  test('runs as a user who is not root, given by number, and so does the Deployment', async () => {
    expect(startOf(instructions).user).toBe('65532:65532');
    const { spec } = parse(await text('config/manager/deployment.yaml'));
    const [container] = spec.template.spec.containers;
    expect(spec.template.spec.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  });
});

describe('the bundle', () => {
  const program = join(folder, 'operator.mjs');
  beforeAll(async () => void (await bundleOperator({ outfile: program })), 180_000);

  test('is one program with all flags of the sources', async () => {
    const [bundled, sourced] = await Promise.all([program, 'src/main.ts'].map((file) => node(file, 'run', '--help')));
    expect(bundled).toContain('--leader-election');
    expect(bundled).toBe(sourced);
  });

  test('has the version of package.json', async () => {
    const { version } = JSON.parse(await text('package.json')) as { readonly version: string };
    expect((await node(program, '--version')).trim()).toBe(version);
  });

  test('is below 4 MiB', async () => {
    expect((await readFile(program, 'utf8')).length).toBeLessThan(4 * 1024 * 1024);
  });
});

// Without a container engine: the files that the Dockerfile asks for on a base of this Node, as the root of a process.
describe.runIf(process.platform === 'linux')('the file system of the image', () => {
  let rootfs: Awaited<ReturnType<typeof buildRootfs>>;
  beforeAll(async () => void (rootfs = await buildRootfs(join(folder, 'rootfs'))), 180_000);

  test('holds Node, its libraries and the operator: no shell, no package manager, nothing to write', async () => {
    const files = await filesOf(rootfs);
    expect(files.filter((file) => !/^\/(usr\/)?lib(64)?\//.test(file))).toEqual([
      '/dev/null',
      '/dev/urandom',
      '/etc/passwd',
      '/nodejs/bin/node',
      '/operator.mjs',
    ]);
    expect(rootfs.start.command).toEqual(['node', '/operator.mjs', 'run']);
  });

  test('starts the operator: as its user, read-only and without capabilities', async () => {
    const obstacle = await whyNoRoot();
    await using running = await startRootfs(rootfs, obstacle !== undefined);
    expect(await readFile(running.logFile, 'utf8')).toContain('federated-identity-operator starts');
    expect((await fetch(`${running.url}/readyz`)).status).toBe(503); // there is no cluster to read
    if (obstacle !== undefined) {
      console.log(`the operator ran from the files of the image, but without a root of its own: ${obstacle}`);
      return;
    }
    const status = await readFile(`/proc/${running.pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const mounts = (await readFile(`/proc/${running.pid}/mountinfo`, 'utf8'))
      .split('\n')
      .map((line) => line.split(' '));
    expect(mounts.find(([, , , , place]) => place === '/')?.[5]).toMatch(/^ro\b/);
  });
});
