import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BinariesOptions, obtainBinaries } from './binaries.ts';
import { cacheFolder } from './cache.ts';
import { KUBERNETES_VERSION } from './version.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'binaries-test-'));
});
afterEach(() => rm(root, { recursive: true }));

const programs = async (folder: string, names: readonly string[]): Promise<string> => {
  await mkdir(folder, { recursive: true });
  const script = '#!/bin/sh\necho Kubernetes v1.36.1\n';
  for (const name of names) await writeFile(join(folder, name), script, { mode: 0o755 });
  return folder;
};
const fillCache = (names: readonly string[], version?: string): Promise<string> =>
  programs(cacheFolder(join(root, 'federated-identity-operator'), version), names);
const obtain = (environment: NodeJS.ProcessEnv, more: Partial<BinariesOptions> = {}) =>
  obtainBinaries({
    environment: { XDG_CACHE_HOME: root, ...environment },
    progress: () => {},
    version: KUBERNETES_VERSION,
    ...more,
  });

test('KUBEBUILDER_ASSETS goes before the cache, and its version is asked from its kube-apiserver', async () => {
  await fillCache(['kube-apiserver', 'etcd', 'kubectl']);
  const assets = await programs(join(root, 'assets'), ['kube-apiserver', 'etcd', 'kubectl']);
  expect(await obtain({ KUBEBUILDER_ASSETS: assets })).toEqual({
    apiServer: join(assets, 'kube-apiserver'),
    etcd: join(assets, 'etcd'),
    kubectl: join(assets, 'kubectl'),
    version: '1.36.1',
  });
});

test('KUBEBUILDER_ASSETS that lacks a program is an error, not a reason to use others in silence', async () => {
  await fillCache(['kube-apiserver', 'etcd', 'kubectl']);
  const assets = await programs(join(root, 'assets'), ['kube-apiserver', 'etcd']);
  await expect(obtain({ KUBEBUILDER_ASSETS: assets })).rejects.toThrow(`${assets}, which has no executable kubectl`);
});

test('the cache serves without network, and kube-controller-manager only when it was asked for', async () => {
  const folder = await fillCache(['kube-apiserver', 'etcd', 'kubectl', 'kube-controller-manager']);
  expect(await obtain({})).toEqual({
    apiServer: join(folder, 'kube-apiserver'),
    etcd: join(folder, 'etcd'),
    kubectl: join(folder, 'kubectl'),
    version: KUBERNETES_VERSION,
  });
  expect((await obtain({}, { controllerManager: true })).controllerManager).toBe(
    join(folder, 'kube-controller-manager'),
  );
});

test('another version has its own folder in the cache, and KUBEBUILDER_ASSETS of another minor version are passed over', async () => {
  const all = ['kube-apiserver', 'etcd', 'kubectl'];
  await fillCache(all);
  const folder = await fillCache(all, '1.30.14');
  const assets = await programs(join(root, 'assets'), all);
  const obtained = await obtain({ KUBEBUILDER_ASSETS: assets }, { version: '1.30.14' });
  expect(obtained).toMatchObject({ apiServer: join(folder, 'kube-apiserver'), version: '1.30.14' });
});
