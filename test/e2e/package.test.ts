import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { pack } from '../../scripts/pack.ts';

// The CLI as people get it: from the archive of a release, by npm and by krew, on a machine that has neither our tree nor a network.
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = await realpath(await mkdtemp(join(tmpdir(), 'federated-identity-package-')));
const run = promisify(execFile);
let cluster: Cluster;
let packed: Awaited<ReturnType<typeof pack>>;

beforeAll(async () => {
  cluster = await startCluster();
  packed = await pack({ to: join(folder, 'release'), repository: 'acme/federated-identity-operator' });
  await run(cluster.kubectl, ['apply', '--server-side', '-k', join(ROOT, 'config', 'crd')], environment());
  const established = ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'];
  await run(cluster.kubectl, established, environment());
}, 240_000);
afterAll(async () => {
  await cluster.stop();
  await rm(folder, { recursive: true });
});

interface Environment {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What a user's shell has; `first` goes before everything on PATH. */
const environment = (cwd = folder, first: readonly string[] = []): Environment => ({
  cwd,
  env: {
    PATH: [...first, dirname(process.execPath), process.env['PATH']].join(delimiter),
    HOME: folder,
    KUBECONFIG: cluster.kubeconfig,
    npm_config_update_notifier: 'false',
  },
});

test('npm installs it into an empty folder without another package, and npx and kubectl run it', async () => {
  const empty = join(folder, 'empty');
  await mkdir(empty);
  await run('npm', ['install', '--offline', '--no-audit', packed.archive], environment(empty));
  const installed = await readdir(join(empty, 'node_modules'));
  expect(installed.filter((name) => !name.startsWith('.'))).toEqual(['federated-identity-operator']);

  const npx = await run('npx', ['--offline', 'kubectl-aws_identity', '--help'], environment(empty));
  expect(npx.stdout).toContain('Usage: kubectl aws-identity');
  const onPath = environment(empty, [join(empty, 'node_modules', '.bin')]);
  const status = await run(cluster.kubectl, ['aws-identity', 'status', '-o', 'json'], onPath);
  expect(JSON.parse(status.stdout)).toEqual([]);
});

test('npx runs the archive as it is, and says the version of the release', async () => {
  const elsewhere = join(folder, 'elsewhere');
  await mkdir(elsewhere);
  const npx = ['--offline', '--yes', '--package', packed.archive, '--', 'kubectl-aws_identity', '--version'];
  const { stdout } = await run('npx', npx, environment(elsewhere));
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  expect(stdout.trim()).toBe(version);
});

test('krew unpacks it as its manifest says, and links the plugin', async () => {
  const text = await readFile(packed.manifest, 'utf8');
  expect(text).not.toMatch(/\b(VERSION|REPOSITORY|URI|SHA256|OWNER)\b/);
  const { metadata, spec } = parse(text);
  expect([metadata.name, spec.version]).toEqual(['aws-identity', expect.stringMatching(/^v\d+\.\d+\.\d+$/)]);
  const [{ uri, sha256, files, bin }] = spec.platforms;
  expect(uri).toBe(
    `https://github.com/acme/federated-identity-operator/releases/download/${spec.version}/${basename(packed.archive)}`,
  );
  const sum = createHash('sha256').update(await readFile(packed.archive));
  expect(sha256).toBe(sum.digest('hex'));

  // What krew does: unpack, move what matches into the plugin's folder, link `bin` as kubectl-<name> with _ for -.
  const [unpacked, store, bins] = ['unpacked', 'store', 'bins'].map((name) => join(folder, 'krew', name));
  if (unpacked === undefined || store === undefined || bins === undefined) throw new Error('three folders are wanted');
  for (const path of [unpacked, store, bins]) await mkdir(path, { recursive: true });
  await run('tar', ['-xzf', packed.archive, '-C', unpacked]);
  expect(files).toEqual([{ from: 'package/*', to: '.' }]);
  for (const name of await readdir(join(unpacked, 'package')))
    await rename(join(unpacked, 'package', name), join(store, name));
  expect(await readdir(store)).toContain('LICENSE'); // krew's index asks for it
  await symlink(join(store, bin), join(bins, `kubectl-${metadata.name.replaceAll('-', '_')}`));
  const { stdout } = await run(cluster.kubectl, ['aws-identity', '--help'], environment(folder, [bins]));
  expect(stdout).toContain('Usage: kubectl aws-identity');
});

test('an older Node is told what is missing', async () => {
  const old = join(folder, 'old');
  await mkdir(old);
  await run('/bin/sh', ['-c', `printf '#!/bin/sh\\necho v20.19.0\\n' > "$1/node"; chmod +x "$1/node"`, 'sh', old]);
  await run('tar', ['-xzf', packed.archive, '-C', old]);
  const { env, cwd } = environment(old, [old]);
  const failed = run(join(old, 'package', 'bin', 'kubectl-aws_identity'), ['--help'], { env, cwd });
  await expect(failed).rejects.toThrow('kubectl aws-identity needs Node 24 or later on PATH');
});
