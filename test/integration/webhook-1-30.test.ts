import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OLDEST_KUBERNETES_VERSION } from '../../dev/cluster/version.ts';
import { objectsOf, render } from '../support/helm.ts';
import { AS_OPERATOR, soon, startWebhookCluster, type WebhookCluster } from './webhook-scene.ts';
import { injectionCases } from './admission-cases.ts';
import { untouched } from './admission-expectations.ts';
import { type Facts, type Pod, pod } from './admission-pods.ts';
import { expectMark, markCases, ROLE_BY_HAND, serviceAccount, withRole, writesBy } from './mark-cases.ts';

// The oldest Kubernetes that we support: its CEL knows less, and policies that change objects are not there yet.
const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
const NAMESPACE = 'workload';
let scene: WebhookCluster;
beforeAll(async () => {
  scene = await startWebhookCluster(OLDEST_KUBERNETES_VERSION);
  await scene.startReplica('one');
  await scene.createTable(NAMESPACE);
}, 600_000); // the first time on a machine, its programs are built
afterAll(() => scene?.[Symbol.asyncDispose]());

const become = (candidate: Pod): Promise<Facts | string> => scene.become(NAMESPACE, candidate);

const refusal = (attempt: Promise<unknown>): Promise<string> => attempt.then(() => 'accepted', String);

const identity = (name: string): object => ({
  apiVersion: 'federatedidentity.dev/v1alpha1',
  kind: 'AwsFederatedIdentity',
  metadata: { name, namespace: NAMESPACE },
  spec: { serviceAccount: { name: 'other' } },
});

test('it is the version that is meant', () => {
  expect(scene.cluster.version).toMatch(/^1\.30\./);
});

test('config/default-webhook is accepted as it is', async () => {
  const folder = join(CONFIG, 'default-webhook');
  const applied = await scene.kubectl([
    'apply',
    '--server-side',
    '--dry-run=server',
    '--force-conflicts',
    '-k',
    folder,
  ]);
  for (const what of [
    'deployment.apps/federated-identity-operator',
    'mutatingwebhookconfiguration',
    'service/federated-identity-webhook',
  ])
    expect(applied).toContain(what);
});

test('what the chart renders for it is accepted', async () => {
  const items = objectsOf(await render({}, [`--kube-version=${scene.cluster.version}`]));
  expect(items.map(({ kind }) => kind)).toContain('MutatingWebhookConfiguration');
  const apply = ['apply', '--server-side', '--dry-run=server', '--force-conflicts', '-f', '-'];
  const applied = await scene.kubectl(apply, { apiVersion: 'v1', kind: 'List', items });
  expect(applied.trim().split('\n')).toHaveLength(items.length);
}, 900_000); // the first time on a machine, helm is built

test('the API server finds no fault with the types in any policy', async () => {
  const { items } = JSON.parse(await scene.kubectl(['get', 'validatingadmissionpolicies', '-o', 'json']));
  expect(items).toHaveLength(7);
  for (const { metadata, status } of items)
    expect([metadata.name, status?.typeChecking ?? {}]).toEqual([metadata.name, {}]);
});

describe('a pod', () => {
  test.each(injectionCases)('$name', async ({ pod: candidate, expected }) => {
    const became = await become(candidate);
    if ('denied' in expected) expect(became).toContain(expected.denied);
    else expect(became).toEqual(expected);
  });
});

describe('the gates', () => {
  test('hold back a pod of an identity that nobody has looked at', async () => {
    await scene.kubectl(['create', '-f', '-'], identity('waiting'));
    await soon(async () => expect(await become(pod({ serviceAccountName: 'other' }))).toContain('waiting'));
    await scene.kubectl(['delete', 'afi', 'waiting', '-n', NAMESPACE]);
    await soon(async () => expect(await become(pod({ serviceAccountName: 'other' }))).toEqual(untouched));
  });

  test('let only the operator write a table, set the label and ask for tokens, and the operator only for AWS', async () => {
    const table = [
      'patch',
      'configmap',
      'aws-pod-injection',
      '-n',
      NAMESPACE,
      '--type=merge',
      '-p',
      '{"data":{"a":"b"}}',
    ];
    expect(await refusal(scene.kubectl(table))).toContain('federated-identity-table-guard');
    const labelled = {
      ...identity('labelled'),
      metadata: { name: 'labelled', namespace: NAMESPACE, labels: { 'federatedidentity.dev/bound': 'true' } },
    };
    expect(await refusal(scene.kubectl(['create', '-f', '-'], labelled))).toContain('federated-identity-bound-label');
    const token = ['create', 'token', 'reports', '-n', NAMESPACE, AS_OPERATOR];
    expect(await refusal(scene.kubectl(token))).toContain('federated-identity-token-audience');
    expect(await scene.kubectl([...token, '--audience=sts.amazonaws.com'])).toMatch(/^eyJ/);
  });

  const writes = writesBy((...args) => scene.kubectl(...args));

  test.each(markCases)('mark: $name is $expected', (one) => expectMark(one, writes));

  test('hold back pods of a ServiceAccount whose role was set by hand, from the very moment that it is set', async () => {
    await soon(async () => {
      await writes.apply([serviceAccount('probe', withRole(`${ROLE_BY_HAND}-${Date.now()}`))]);
      expect(await become(pod({ serviceAccountName: 'probe' }))).toContain('federated-identity-service-account-gate');
    });
    for (let index = 0; index < 20; index += 1) {
      const name = `app-${index}`;
      await writes.apply([serviceAccount(name, withRole())]);
      expect(await become(pod({ serviceAccountName: name }))).toContain(`the AWS role of ServiceAccount ${name}`);
    }
    await writes.mark('app-0', 'bound');
    await soon(async () => expect(await become(pod({ serviceAccountName: 'app-0' }))).toEqual(untouched));
  });

  test('deny pods of the table when the webhook is down, and no others', async () => {
    await scene.stopReplica('one', 0);
    expect(await become(pod())).toContain('has the AWS role');
    expect(await become(pod({ serviceAccountName: 'other' }))).toEqual(untouched);
  });

  test('while the webhook is down let no role be set by hand, and all other writes of ServiceAccounts', async () => {
    const refused = await refusal(writes.apply([serviceAccount('unlucky', withRole())]));
    expect(refused).toContain('failed calling webhook "mark-service-account.federatedidentity.dev"');
    await writes.apply([serviceAccount('lucky')]);
    await writes.annotate('app-0', 'team=analytics');
    expect(await refusal(writes.annotate('app-0', 'eks.amazonaws.com/role-arn-'))).toContain('failed calling webhook');
  });
});
