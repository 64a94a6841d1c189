import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { kubernetesClient } from '../../src/kube/client.ts';
import { eventRecorder, type ObjectEvent } from '../../src/kube/events.ts';
import { IDENTITIES, PROVIDERS } from '../../src/kube/kinds.ts';

const namespace = `events-${randomUUID().slice(0, 8)}`;
const run = promisify(execFile);

async function kubectl(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: inject('kubeconfig') };
  return (await run(inject('kubectl'), [...args], { env })).stdout;
}

beforeAll(() => kubectl('create', 'namespace', namespace));
afterAll(() => kubectl('delete', 'namespace', namespace, '--wait=false'));

/** A recorder on the real API server. What it could not write is in `lost`. */
function setup() {
  const config = new KubeConfig();
  config.loadFromFile(inject('kubeconfig'));
  const lost: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lost.push(line) });
  const kubernetes = kubernetesClient(config);
  return {
    lost,
    recorder: eventRecorder({ kubernetes, now: () => new Date(), reportingInstance: 'test', log }),
  };
}

const event: ObjectEvent = {
  type: 'Warning',
  reason: 'RoleNotOwned',
  action: 'CreateRole',
  note: `IAM role reports exists and is left untouched. ${'é'.repeat(600)}`,
};

test('kubectl get events shows an Event of an identity, and counts its repeats', async () => {
  const { recorder, lost } = setup();
  const metadata = { namespace, name: 'reports', uid: randomUUID(), resourceVersion: '1' };
  for (let repeat = 0; repeat < 3; repeat += 1) {
    recorder.record({ ...IDENTITIES, metadata }, event);
    await recorder.settled();
  }
  expect(lost).toEqual([]);
  const shown = await kubectl('get', 'events', '-n', namespace);
  expect(shown.trim().split('\n')).toHaveLength(2);
  expect(shown).toMatch(/Warning +RoleNotOwned +awsfederatedidentity\/reports +IAM role reports exists/);
  const { items } = JSON.parse(await kubectl('get', 'events.events.k8s.io', '-n', namespace, '-o', 'json'));
  expect(items).toMatchObject([{ series: { count: 3 }, regarding: metadata, reportingInstance: 'test' }]);
  expect(await kubectl('events', '-n', namespace, '--for', 'awsfederatedidentity/reports')).toContain('x3 over');
});

test('an Event of a provider, which has no namespace, is accepted too', async () => {
  const { recorder, lost } = setup();
  const name = `provider-${namespace}`;
  recorder.record({ ...PROVIDERS, metadata: { name, uid: randomUUID(), resourceVersion: '1' } }, event);
  await recorder.settled();
  expect(lost).toEqual([]);
  expect(await kubectl('get', 'events', '-n', 'default')).toContain(`awsoidcprovider/${name}`);
});

test('what the API server refuses is lost without harm', async () => {
  const { recorder, lost } = setup();
  const metadata = { namespace: `${namespace}-missing`, name: 'reports', uid: randomUUID() };
  expect(() => recorder.record({ ...IDENTITIES, metadata }, event)).not.toThrow();
  await recorder.settled();
  expect(lost).toHaveLength(1);
});
