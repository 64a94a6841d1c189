import { randomUUID } from 'node:crypto';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { defaultAdmissionOptions } from '../../src/admission/options.ts';
import { observePods } from '../../src/controllers/pod-stock-take/observe.ts';
import { kubernetesClient } from '../../src/kube/client.ts';
import { NAMESPACES, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import { type Pod, PODS } from '../../src/kube/pods.ts';
import type { KubernetesResource } from '../../src/kube/resource.ts';
import { createStores, followAll } from '../../src/stores.ts';
import { roleArn } from '../support/builders.ts';

const namespace = `pods-${randomUUID().slice(0, 8)}`;
const { signal } = new AbortController();
const PODS_OF_APP = 1_100;

const config = new KubeConfig();
const connect = () => kubernetesClient(config);

const podOf = (serviceAccountName: string, name: string): Pod => ({
  metadata: { namespace, name, labels: { app: 'web' }, annotations: { 'example.com/long': 'x'.repeat(1000) } },
  spec: {
    serviceAccountName,
    containers: [{ name: 'main', image: 'registry.example/workload:1' } as { name: string }],
  },
});

/** Ends a pod as its kubelet would. */
const end = (name: string): Promise<unknown> => {
  const status = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, status: { phase: 'Succeeded' } };
  return connect().applyStatus(PODS, status as KubernetesResource, signal);
};

beforeAll(async () => {
  config.loadFromFile(inject('kubeconfig'));
  const kubernetes = connect();
  await kubernetes.create(NAMESPACES, { metadata: { name: namespace } }, signal);
  for (const name of ['app', 'other']) {
    await kubernetes.create(SERVICE_ACCOUNTS, { metadata: { namespace, name } }, signal);
  }
  const names = Array.from({ length: PODS_OF_APP }, (_, index) => `app-${String(index).padStart(4, '0')}`);
  const work = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await kubernetes.create(PODS, podOf('app', name), signal);
    }
  };
  await Promise.all(Array.from({ length: 16 }, work));
  await kubernetes.create(PODS, podOf('other', 'other'), signal);
}, 180_000);
afterAll(() => connect().delete(NAMESPACES, { name: namespace }, {}, signal));

test('the pods of more than two pages are judged to the last one, without those that have ended', async () => {
  await end('app-0000');
  const roles = new Map([['app', roleArn()]]);
  const stocks = await observePods(connect(), namespace, { roles, form: defaultAdmissionOptions }, signal);
  const { bound, notInjected = [] } = stocks.get('app') ?? {};
  expect({ bound, bare: notInjected.length, of: [...stocks.keys()] }).toEqual({
    bound: PODS_OF_APP - 1,
    bare: PODS_OF_APP - 1,
    of: ['app'],
  });
  expect(notInjected.at(-1)?.name).toBe(`app-${PODS_OF_APP - 1}`);
});

test('of every pod only its name is kept, until it ends', async () => {
  const log = pino({ level: 'silent' });
  const stores = createStores(log, 'eks.amazonaws.com');
  const stop = new AbortController();
  const following = followAll({ config, kubernetes: connect(), log }, stores, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await following;
  });
  await stores.pods.synced;
  const name = { namespace, name: 'app-0001' };
  expect(stores.pods.get(name)).toEqual({ metadata: { ...name, uid: expect.any(String) } });
  await connect().create(PODS, podOf('app', 'late'), signal);
  await expect.poll(() => stores.pods.get({ namespace, name: 'late' })?.metadata).toBeDefined();
  expect(stores.pods.get({ namespace, name: 'late' })).not.toHaveProperty('spec');
  await end('app-0001');
  await expect.poll(() => stores.pods.get(name)).toBeUndefined();
});
