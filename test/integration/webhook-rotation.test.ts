import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startWebhookCluster, type WebhookCluster, type WebhookReplica } from './webhook-scene.ts';
import { injected } from './admission-expectations.ts';
import { type Facts, pod } from './admission-pods.ts';

// Certificates that live for seconds instead of a day; a replica replaces each after two thirds of its life.
const LIFETIME_S = 6;
const ROTATIONS = 3;
const NAMES = ['one', 'two'];
let scene: WebhookCluster;
let replicas: readonly WebhookReplica[];
beforeAll(async () => {
  scene = await startWebhookCluster();
  const environment = { WEBHOOK_CERTIFICATE_LIFETIME: String(LIFETIME_S), WEBHOOK_LEARNING_TIME: '1' };
  replicas = await Promise.all(NAMES.map((name) => scene.startReplica(name, environment)));
  await scene.createTable('workload');
}, 120_000);
afterAll(() => scene?.[Symbol.asyncDispose]());

const become = (): Promise<Facts | string> => scene.become('workload', pod());

const rotations = async ({ process }: WebhookReplica): Promise<number> =>
  (await process.log()).filter(({ msg }) => msg === 'shows a new webhook certificate').length;

/** Calls to the webhook that the API server gave up and let pass, by its own count. */
async function failedCalls(): Promise<number> {
  const text = await scene.kubectl(['get', '--raw', '/metrics']);
  const lines = text
    .split('\n')
    .filter((line) => /^apiserver_admission_webhook_fail_open_count\{.*inject-pod/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('certificates are replaced under load without a failed call, a bare pod or a denied one [F59]', async () => {
  const before = await failedCalls();
  const outcomes = new Map<string, number>();
  const state = { isDone: false };
  const load = Array.from({ length: 4 }, async () => {
    while (!state.isDone) {
      const outcome = await become();
      const name = JSON.stringify(outcome) === JSON.stringify(injected) ? 'injected' : JSON.stringify(outcome);
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
    }
  });
  const patience = { timeout: 60_000, interval: 500 };
  for (const replica of replicas)
    await expect.poll(() => rotations(replica), patience).toBeGreaterThanOrEqual(ROTATIONS);
  state.isDone = true;
  await Promise.all(load);
  expect([...outcomes.keys()]).toEqual(['injected']);
  expect(outcomes.get('injected')).toBeGreaterThan(100);
  expect(await failedCalls()).toBe(before);
  const names = (await scene.bundle()).map((pem) => new X509Certificate(pem).subject);
  for (const name of NAMES) expect(names.filter((subject) => subject === `CN=${name}`).length).toBeLessThanOrEqual(3);
  console.info(
    `${outcomes.get('injected')} pods through ${ROTATIONS} rotations of ${NAMES.length} replicas: all injected`,
  );
}, 120_000);

test('a call that fails is counted, so that the count of none above means something', async () => {
  const before = await failedCalls();
  for (const name of NAMES) await scene.stopReplica(name, 0);
  expect(await become()).toContain('has the AWS role');
  expect(await failedCalls()).toBeGreaterThan(before);
});
