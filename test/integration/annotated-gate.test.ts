import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import { defaultAdmissionOptions, operatorUsername } from '../../src/admission/options.ts';
import { serviceAccountGate } from '../../src/admission/policy/service-account-gate.ts';
import { serviceAccountMark } from '../../src/admission/policy/service-account-mark.ts';
import { pod } from './admission-pods.ts';
import {
  expectMark,
  INJECTION_LABEL,
  markCases,
  ROLE_BY_HAND,
  serviceAccount,
  withRole,
  writesBy,
} from './mark-cases.ts';

// The policies hold in the whole cluster and the API server is restarted, so the cluster is this suite's own. No operator
// runs: whatever is not denied here would be a pod without its role.
const OPERATOR = `--as=${operatorUsername(defaultAdmissionOptions)}`;
const namespace = 'workload';
const soon = { timeout: 60_000, interval: 100 };

let cluster: Cluster;
let core: CoreV1Api;

beforeAll(async () => {
  cluster = await startCluster();
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
  await apply([serviceAccountMark(defaultAdmissionOptions), serviceAccountGate(defaultAdmissionOptions)].flat());
  await apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, serviceAccount('plain')]);
  await kubectl([
    'create',
    'clusterrolebinding',
    'operator',
    '--clusterrole=cluster-admin',
    OPERATOR.replace('--as=', '--user='),
  ]);
  const probe = serviceAccount('probe', withRole());
  await apply([probe]);
  await vi.waitUntil(async () => {
    await kubectl([
      'annotate',
      'sa',
      'probe',
      '-n',
      namespace,
      '--overwrite',
      `eks.amazonaws.com/audience=${randomUUID()}`,
    ]);
    return (await labelOf('probe')) === 'pending' && (await outcome('probe')) === 'denied';
  }, soon);
}, 120_000);
afterAll(() => cluster?.stop());

describe('the mark', () => {
  test.each(markCases)('of $name is $expected', (one) => expectMark(one, writesBy(kubectl)));

  test('is not lifted by a user, whatever is tried [S10]', async () => {
    await apply([serviceAccount('held', withRole())]);
    await kubectl(['label', 'sa', 'held', '-n', namespace, '--overwrite', `${INJECTION_LABEL}=bound`]);
    await kubectl(['label', 'sa', 'held', '-n', namespace, `${INJECTION_LABEL}-`]);
    expect(await labelOf('held')).toBe('pending');
    expect(await outcome('held')).toBe('denied');
  });

  test('is none of a ServiceAccount that the operator makes for an identity, nor of one in an excluded namespace', async () => {
    await apply([serviceAccount('of-identity', withRole())], OPERATOR);
    await apply([serviceAccount('system', withRole(), {}, 'kube-system')]);
    expect(await labelOf('of-identity')).toBeUndefined();
    expect(await labelOf('system', 'kube-system')).toBeUndefined();
  });

  test('is the same in a dry run, which leaves nothing', async () => {
    const dry = JSON.parse(
      await kubectl(
        ['apply', '--server-side', '--dry-run=server', '-o', 'json', '-f', '-'],
        serviceAccount('dry', withRole()),
      ),
    ) as { metadata: { labels?: Readonly<Record<string, string>> } };
    expect(dry.metadata.labels).toEqual({ [INJECTION_LABEL]: 'pending' });
    await expect(labelOf('dry')).rejects.toThrow('not found');
  });

  test('is set where a later policy, or a webhook, sets the role', async () => {
    const late = serviceAccount('late', {}, { 'late-role': 'true' });
    await apply(lateRole());
    const made = await vi.waitFor(async () => {
      const text = await kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], late);
      const { metadata } = JSON.parse(text) as { metadata: Readonly<Record<string, Readonly<Record<string, string>>>> };
      expect(metadata['annotations']).toEqual(withRole());
      return metadata;
    }, soon);
    expect(made['labels']).toEqual({ 'late-role': 'true', [INJECTION_LABEL]: 'pending' });
  });

  test('is no drift to a manifest in git: kubectl diff finds nothing', async () => {
    await apply([serviceAccount('in-git', withRole())], '--server-side');
    await mark('in-git', 'bound');
    expect(await kubectl(['diff', '--server-side', '-f', '-'], serviceAccount('in-git', withRole()))).toBe('');
  });
});

describe('the gate', () => {
  test('denies a pod that comes in the same kubectl apply as its ServiceAccount, 50 times of 50', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, async (_, worker) => {
        const seen: string[] = [];
        for (let turn = 0; turn < 10; turn += 1) {
          const name = `race-${worker}-${turn}`;
          const { metadata, ...rest } = pod({ serviceAccountName: name });
          const failure = await apply([
            serviceAccount(name, withRole()),
            { ...rest, apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name, namespace } },
          ]).then(
            () => 'let in',
            (error: unknown) => String(error),
          );
          seen.push(failure.includes('federated-identity-service-account-gate') ? 'denied' : failure);
        }
        return seen;
      }),
    );
    expect(outcomes.flat()).toEqual(Array.from({ length: 50 }, () => 'denied'));
  });

  test('says what is the matter and what to do', async () => {
    await apply([serviceAccount('told', withRole()), serviceAccount('odd', withRole('by-hand'))]);
    expect(await refusalOf('told')).toContain(
      `the AWS role of ServiceAccount told was set or changed, and is not in force yet (the operator has not taken it up yet; is it running?). Its pods wait for it, since they would run without AWS credentials or with those of another role; controllers retry by themselves. Next: kubectl describe serviceaccount told -n workload. To run the pod without AWS credentials set its annotation federatedidentity.dev/inject: "false"`,
    );
    expect(await refusalOf('odd')).toContain(
      '(annotation eks.amazonaws.com/role-arn is no ARN of an IAM role: correct or remove it)',
    );
  });

  test('lets in pods of others, of bound ones, of those that were annotated before the policy, and those that opt out', async () => {
    await apply([serviceAccount('free', withRole())]);
    await mark('free', 'bound');
    await apply([serviceAccount('older', withRole())], OPERATOR);
    await vi.waitUntil(async () => (await outcome('free')) === 'let in', soon);
    expect(await outcome('older')).toBe('let in');
    expect(await outcome('plain')).toBe('let in');
    expect(await outcome('probe', { 'federatedidentity.dev/inject': 'false' })).toBe('let in');
  });

  test('around a restart of the API server denies what it denied, and nobody else once the server is ready', async () => {
    const state = { ready: false, ended: false };
    const watched = async (name: string) => {
      const seen: { readonly is: string; readonly ready: boolean }[] = [];
      while (!state.ended) {
        const { ready } = state;
        const is = await outcome(name);
        if (is !== 'unreachable') seen.push({ is, ready });
        await sleep(50);
      }
      return seen;
    };
    const watching = Promise.all([watched('probe'), watched('plain')]);
    await cluster.restartApiServer();
    state.ready = true;
    await sleep(5_000);
    state.ended = true;
    const [held, others] = await watching;
    expect(new Set(held.map(({ is }) => is))).toEqual(new Set(['denied']));
    expect(new Set(others.flatMap(({ is, ready }) => (ready ? [is] : [])))).toEqual(new Set(['let in']));
    expect(Math.min(held.length, others.length)).toBeGreaterThan(20);
  });

  test('is opened for all by one command, should the operator be gone for ever', async () => {
    expect(await outcome('probe')).toBe('denied');
    await kubectl(['delete', 'validatingadmissionpolicybinding', 'federated-identity-service-account-gate']);
    await vi.waitUntil(async () => (await outcome('probe')) === 'let in', soon);
  });
});

/** A policy that gives ServiceAccounts a role after ours has run (policies run in the order of their names), as Kyverno might. */
function lateRole(): readonly object[] {
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: 'zz-late-role' };
  const expression = `[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'eks.amazonaws.com/role-arn': '${ROLE_BY_HAND}'}}]`;
  const wanted = `object.metadata.?labels['late-role'].hasValue() && !has(object.metadata.annotations)`;
  const spec = {
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['serviceaccounts'] }],
    },
    matchConditions: [{ name: 'wanted', expression: wanted }],
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
  };
  return [
    { apiVersion, kind: 'MutatingAdmissionPolicy', metadata, spec },
    { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata, spec: { policyName: metadata.name } },
  ];
}

/** What the API server would do with a pod of the ServiceAccount. */
async function outcome(serviceAccountName: string, annotations: object = {}): Promise<string> {
  const refused = await refusalOf(serviceAccountName, annotations);
  if (refused === '') return 'let in';
  return refused.includes('federated-identity-') ? 'denied' : 'unreachable';
}

async function refusalOf(serviceAccountName: string, annotations: object = {}): Promise<string> {
  const { metadata, ...rest } = pod({ serviceAccountName });
  try {
    await core.createNamespacedPod({
      namespace,
      body: { ...rest, metadata: { ...metadata, annotations } } as never,
      dryRun: 'All',
    });
    return '';
  } catch (error) {
    if (!(error instanceof ApiException)) return String(error);
    const { message } = JSON.parse(String(error.body)) as { message: string };
    return message;
  }
}

const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run(cluster.kubectl, args, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });

const { apply, mark, labelOf } = writesBy(kubectl);
