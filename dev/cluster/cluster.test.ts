import { expect, test } from 'vitest';
import { localSources, remoteSources } from './binaries.ts';
import { clusterSources, startCluster } from './cluster.ts';
import { type Source, passedOver } from './sources.ts';
import { KUBERNETES_VERSION } from './version.ts';

const kind: Source<never> = { name: 'kind', find: async () => passedOver('not asked here') };

const namesWith = (environment: NodeJS.ProcessEnv): readonly string[] => {
  const options = { environment, progress: () => {}, version: KUBERNETES_VERSION };
  return clusterSources(localSources(options), kind, remoteSources(options)).map(({ name }) => name);
};

test('what is on the machine comes first, then kind, then the download, and the long build last', () => {
  expect(namesWith({ KUBEBUILDER_ASSETS: '/assets' })).toEqual([
    'KUBEBUILDER_ASSETS',
    'cache',
    'kind',
    'envtest archive',
    'Go build',
  ]);
});

test.each([{ environment: {} }, { environment: { KUBEBUILDER_ASSETS: '' } }])(
  'KUBEBUILDER_ASSETS that is not set is no source: $environment',
  ({ environment }) => {
    expect(namesWith(environment)).toEqual(['cache', 'kind', 'envtest archive', 'Go build']);
  },
);

test('a kind cluster that was asked for is not replaced by another one', async () => {
  const environment = { PATH: '', KUBEBUILDER_ASSETS: '/assets' };
  await expect(startCluster({ kind: true, environment })).rejects.toThrow(
    /^No Kubernetes control plane could be prepared:\n {2}- kind: the Docker daemon does not answer .*\nStart Docker and install kind/,
  );
});
