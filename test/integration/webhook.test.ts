import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AS_OPERATOR,
  manifests,
  metric,
  soon,
  startWebhookCluster,
  type WebhookCluster,
  type WebhookReplica,
} from './webhook-scene.ts';
import { injectionCases } from './admission-cases.ts';
import { injected, untouched } from './admission-expectations.ts';
import { type Facts, type Pod, pod } from './admission-pods.ts';

// A webhook holds in the whole cluster, so this suite has one of its own.
const NAMESPACE = 'workload';
const CONFIGURATION = ['mutatingwebhookconfiguration', 'federated-identity-injection'];
let scene: WebhookCluster;
let replica: WebhookReplica;
beforeAll(async () => {
  scene = await startWebhookCluster();
  replica = await scene.startReplica('one');
  await scene.createTable(NAMESPACE);
}, 120_000);
afterAll(() => scene?.[Symbol.asyncDispose]());

const become = (candidate: Pod, namespace = NAMESPACE): Promise<Facts | string> => scene.become(namespace, candidate);

describe('a pod through the webhook of a real API server', () => {
  test.each(injectionCases)('$name', async ({ pod: candidate, expected }) => {
    const became = await become(candidate);
    if ('denied' in expected) expect(became).toContain(expected.denied);
    else expect(became).toEqual(expected);
  });

  test('is injected again to the same result', async () => {
    const once = (await scene.dryRun(NAMESPACE, pod())) as Pod;
    const again = (await scene.dryRun(NAMESPACE, once)) as Pod;
    expect(again.spec).toEqual(once.spec);
  });

  test.each(['kube-system', 'federated-identity-system'])('in %s never reaches it', async (namespace) => {
    await scene.kubectl(['create', 'serviceaccount', 'reports', '-n', namespace]);
    const before = await metric(replica, 'federated_identity_webhook_review_duration_seconds_count');
    const restricted = {
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      seccompProfile: { type: 'RuntimeDefault' },
      capabilities: { drop: ['ALL'] },
    };
    const candidate = pod();
    const containers = candidate.spec.containers.map((container) => ({ ...container, securityContext: restricted }));
    expect(await become({ ...candidate, spec: { ...candidate.spec, containers } }, namespace)).toEqual(untouched);
    expect(await metric(replica, 'federated_identity_webhook_review_duration_seconds_count')).toBe(before);
  });
});

describe('the caBundle', () => {
  const certificates = async (): Promise<readonly X509Certificate[]> =>
    (await scene.bundle()).map((pem) => new X509Certificate(pem));

  test('is filled again within seconds when somebody empties it, and pods are denied, not bare, meanwhile', async () => {
    const patch = JSON.stringify([{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }]);
    const seen = new Set<unknown>();
    await scene.kubectl(['patch', ...CONFIGURATION, '--type=json', '-p', patch]);
    const begin = performance.now();
    await soon(async () => {
      const became = await become(pod());
      seen.add(typeof became === 'string' ? 'denied' : JSON.stringify(became));
      expect(became).toEqual(injected);
    });
    expect(performance.now() - begin).toBeLessThan(20_000);
    for (const outcome of seen) expect(['denied', JSON.stringify(injected)]).toContain(outcome);
    expect(await certificates()).toHaveLength(1);
  });

  test('is left alone when the manifests are applied again, by either kind of apply', async () => {
    const before = await scene.bundle();
    const { clientConfig } = (
      manifests(0) as readonly { webhooks?: readonly { clientConfig: { url: string } }[] }[]
    ).flatMap(({ webhooks = [] }) => webhooks)[0]!;
    expect(Object.keys(clientConfig)).toEqual(['url']); // ours names no caBundle
    const current = JSON.parse(await scene.kubectl(['get', ...CONFIGURATION, '-o', 'json']));
    const url: string = current.webhooks[0].clientConfig.url;
    const items = manifests(Number(new URL(url).port));
    await scene.kubectl(['apply', '--server-side', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
    expect(await scene.bundle()).toEqual(before);
    await scene.kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
    expect(await scene.bundle()).toEqual(before);
  });

  test('does not grow when a replica crashes again and again', async () => {
    for (let starts = 0; starts < 3; starts += 1) {
      await scene.startReplica('crashing');
      await soon(async () => expect(await certificates()).toHaveLength(2));
      await scene.stopReplica('crashing', 0);
    }
    const names = (await certificates()).map(({ subject }) => subject);
    expect(names.toSorted()).toEqual(['CN=crashing', 'CN=one']);
    expect(await become(pod())).toEqual(injected);
  });
});

describe('two replicas', () => {
  test('both inject, and when one is stopped in order no call is lost', async () => {
    await scene.startReplica('two', { WEBHOOK_DRAIN: '2' });
    const outcomes: unknown[] = [];
    const stopping = { isDone: false };
    const load = Array.from({ length: 4 }, async () => {
      while (!stopping.isDone) outcomes.push(await become(pod()));
    });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await scene.stopReplica('two');
    stopping.isDone = true;
    await Promise.all(load);
    expect(outcomes.length).toBeGreaterThan(100);
    expect(outcomes.filter((outcome) => JSON.stringify(outcome) !== JSON.stringify(injected))).toEqual([]);
  });
});

describe('the rights of the operator', () => {
  const can = (...what: readonly string[]): Promise<string> =>
    scene.kubectl(['auth', 'can-i', AS_OPERATOR, ...what]).then(
      () => 'yes',
      () => 'no',
    );

  test.each([
    { verb: 'patch', name: 'federated-identity-injection', expected: 'yes' },
    { verb: 'watch', name: 'federated-identity-injection', expected: 'yes' },
    { verb: 'patch', name: 'somebody-elses', expected: 'no' },
    { verb: 'delete', name: 'federated-identity-injection', expected: 'no' },
    { verb: 'update', name: 'federated-identity-injection', expected: 'no' },
  ])('$verb of $name: $expected', async ({ verb, name, expected }) => {
    expect(await can(verb, `mutatingwebhookconfigurations/${name}`)).toBe(expected);
  });

  test.each([
    ['create', 'mutatingwebhookconfigurations'],
    ['list', 'mutatingwebhookconfigurations'],
    ['patch', 'validatingwebhookconfigurations'],
    ['get', 'secrets'],
  ])('no %s of %s', async (verb, resource) => {
    expect(await can(verb, resource)).toBe('no');
  });
});

test('a replica is ready only while the configuration is there with its certificate', async () => {
  const ready = async (): Promise<string> => (await fetch(`${replica.process.url}/readyz`)).text();
  expect(await ready()).toContain('ok');
  const installed = JSON.parse(await scene.kubectl(['get', ...CONFIGURATION, '-o', 'json']));
  await scene.kubectl(['delete', ...CONFIGURATION]);
  await soon(async () => expect(await ready()).toContain('not ready: webhook'));
  const { resourceVersion: _, uid: __, ...metadata } = installed.metadata;
  const [webhook] = installed.webhooks;
  const { caBundle: ___, ...clientConfig } = webhook.clientConfig;
  await scene.kubectl(['create', '-f', '-'], { ...installed, metadata, webhooks: [{ ...webhook, clientConfig }] });
  await soon(async () => expect(await ready()).toContain('ok'));
  await soon(async () => expect(await become(pod())).toEqual(injected));
});

test('with every replica gone, pods of the table are denied and others go on [F59]', async () => {
  await scene.stopReplica('one', 0);
  expect(await become(pod())).toContain('AWS_ROLE_ARN');
  expect(await become(pod({ serviceAccountName: 'other' }))).toEqual(untouched);
});
