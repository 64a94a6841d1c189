import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';

// Policies of an installation hold in the whole cluster, so this one has a cluster of its own.
const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
const NAMESPACE = 'federated-identity-system';
const OPERATOR = `system:serviceaccount:${NAMESPACE}:federated-identity-operator`;
const AS_OPERATOR = `--as=${OPERATOR}`;

const exec = promisify(execFile);
let cluster: Cluster;

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** The real kubectl as cluster admin; rejects with its error text. */
function kubectl(args: readonly string[], input?: object): Promise<Output> {
  const running = exec(cluster.kubectl, [...args], { env: { ...process.env, KUBECONFIG: cluster.kubeconfig } });
  running.child.stdin?.end(input === undefined ? '' : JSON.stringify(input));
  return running;
}

/** The pod that the Deployment makes. */
const podOfDeployment = async (): Promise<{ readonly spec: object; readonly [field: string]: unknown }> => {
  const { spec } = parse(await readFile(join(CONFIG, 'manager', 'deployment.yaml'), 'utf8'), { merge: true }) as {
    readonly spec: { readonly template: { readonly spec: object } };
  };
  const metadata = { name: 'operator', namespace: NAMESPACE };
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: spec.template.spec };
};

/** `yes` or `no`; kubectl ends with exit code 1 when it is no. */
async function can(what: string): Promise<string> {
  const { stdout } = await kubectl(['auth', 'can-i', AS_OPERATOR, ...what.split(' ')]).catch((error: Output) => error);
  return stdout.trim();
}

const explained = async (): Promise<string> => {
  const { stdout } = await kubectl(['explain', 'afi.spec.role.managedPolicyArns']);
  return stdout.replaceAll(/\s+/g, ' ');
};

beforeAll(async () => {
  cluster = await startCluster();
  await kubectl(['apply', '--server-side', '-k', join(CONFIG, 'namespace')]);
}, 120_000);
afterAll(() => cluster?.stop());

test('config/default is accepted by an API server that has never seen it, and then applied', async () => {
  const apply = ['apply', '--server-side', '-k', join(CONFIG, 'default')];
  const dryRun = await kubectl([...apply, '--dry-run=server']);
  expect(dryRun.stdout).toContain('deployment.apps/federated-identity-operator serverside-applied');
  expect(dryRun.stderr).not.toContain('Warning');
  const applied = await kubectl(apply);
  expect(applied.stdout.split('\n').length).toBe(dryRun.stdout.split('\n').length);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
});

describe('the Deployment', () => {
  const create = ['create', '--dry-run=server', '-f', '-'];

  test('makes pods that the restricted Pod Security Standard admits without a warning', async () => {
    expect((await kubectl(create, await podOfDeployment())).stderr).toBe('');
  });

  test('stands in a namespace that enforces it [S12]', async () => {
    const pod = await podOfDeployment();
    await expect(kubectl(create, { ...pod, spec: { ...pod.spec, hostNetwork: true } })).rejects.toThrow(
      'violates PodSecurity "restricted:latest"',
    );
  });
});

describe('the rights of the operator', () => {
  test.each([
    'get secrets',
    'list secrets --all-namespaces',
    'watch secrets --all-namespaces',
    `get secrets -n ${NAMESPACE}`,
    'get pods',
    'patch pods',
    'delete pods',
    'create pods',
    'get configmaps',
    'list configmaps --all-namespaces',
    'patch configmaps/kube-root-ca.crt -n kube-system',
    'update awsfederatedidentities.federatedidentity.dev',
    'delete awsfederatedidentities.federatedidentity.dev',
    'patch clusterroles',
    'create clusterrolebindings',
    'impersonate serviceaccounts',
    'patch mutatingadmissionpolicies',
    'delete leases -n kube-system',
  ])('do not let it %s [S6 S12]', async (what) => {
    expect(await can(what)).toBe('no');
  });

  test.each([
    'patch awsfederatedidentities.federatedidentity.dev --subresource=status',
    'list awsoidcproviders.federatedidentity.dev',
    'list pods --all-namespaces',
    'patch configmaps/aws-pod-injection -n default',
    `update leases/federated-identity-operator -n ${NAMESPACE}`,
  ])('let it %s', async (what) => {
    expect(await can(what)).toBe('yes');
  });

  const token = (...args: readonly string[]): Promise<Output> =>
    kubectl(['create', 'token', 'federated-identity-operator', '-n', NAMESPACE, AS_OPERATOR, ...args]);

  test('let it request a token for AWS', async () => {
    expect((await token('--audience=sts.amazonaws.com')).stdout).toMatch(/^eyJ/);
  });

  test.each([
    { name: 'the API server, by naming no audience', args: [] },
    { name: 'the issuer', args: ['--audience=https://oidc.federated-identity.example'] },
    { name: 'AWS and something else', args: ['--audience=sts.amazonaws.com', '--audience=vault'] },
    { name: 'AWS, for longer than an hour', args: ['--audience=sts.amazonaws.com', '--duration=2h'] },
  ])('do not let it request a token for $name [S6]', async ({ args }) => {
    // A policy is in force a moment after it was applied.
    const denied = async (): Promise<void> => {
      await expect(token(...args)).rejects.toThrow('federated-identity-token-audience');
    };
    await vi.waitFor(denied, { timeout: 30_000, interval: 500 });
  });

  test('hold no wildcard, no Secret and no way to more rights in any rule [S12]', async () => {
    const folder = join(CONFIG, 'rbac');
    const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')));
    const rules = texts
      .flatMap((text) => parseAllDocuments(text))
      .flatMap((document) => (document.toJS() as { readonly rules?: readonly object[] } | null)?.rules ?? []);
    expect(rules.length).toBeGreaterThan(8);
    const words = rules.flatMap((rule) => Object.values(rule) as readonly string[][]).flat();
    const forbidden = ['*', 'secrets', 'escalate', 'bind', 'impersonate'];
    expect(words.filter((word) => forbidden.includes(word) || word.includes('*'))).toEqual([]);
  });
});

test('the samples are accepted', async () => {
  await kubectl(['create', 'namespace', 'analytics']);
  const { stdout } = await kubectl(['apply', '--server-side', '--dry-run=server', '-k', join(CONFIG, 'samples')]);
  expect(stdout.trim().split('\n')).toEqual([
    'awsoidcprovider.federatedidentity.dev/default serverside-applied (server dry run)',
    'awsfederatedidentity.federatedidentity.dev/reports serverside-applied (server dry run)',
  ]);
});

test('kubectl explain tells what a field is for', async () => {
  await expect
    .poll(explained, { timeout: 20_000 })
    .toContain(
      "ARNs of managed policies to attach. Others are detached. The provider's guardrails say which are allowed.",
    );
});
