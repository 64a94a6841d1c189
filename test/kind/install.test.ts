import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run, whenThisProcessEnds } from '../../dev/cluster/process.ts';
import { KUBERNETES_VERSION } from '../../dev/cluster/version.ts';
import { ALLOW_DELETION } from '../../src/admission/policy/crd-guard.ts';
import { identity, pod, provider, S3_READ } from '../support/stories.ts';

// What only a whole cluster shows: the image as a Deployment, with scheduler, kubelets, probes and the rights of its pod. It has no AWS.
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const IMAGE = 'federated-identity-operator:kind';
const SYSTEM = 'federated-identity-system';
const DEPLOYMENT = 'deployment/federated-identity-operator';
const CLUSTER = `federated-identity-${randomUUID().slice(0, 8)}`;
const PATIENCE = { timeout: 120_000, interval: 1000 };

const folder = await mkdtemp(join(tmpdir(), 'federated-identity-kind-'));
const env = { ...process.env, KUBECONFIG: join(folder, 'kubeconfig') };
const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run('kubectl', args, { env, cwd: ROOT, ...(input === undefined ? {} : { input: JSON.stringify(input) }) });
const cleanup = whenThisProcessEnds('kind delete cluster --name "$1"', CLUSTER);

beforeAll(async () => {
  await run('docker', ['build', '--tag', IMAGE, '.'], { env, cwd: ROOT });
  const image = `kindest/node:v${KUBERNETES_VERSION}`;
  const config = join(ROOT, 'test', 'e2e', 'kind.yaml');
  await run('kind', ['create', 'cluster', '--name', CLUSTER, '--image', image, '--config', config, '--wait', '180s'], {
    env,
  });
  await run('kind', ['load', 'docker-image', IMAGE, '--name', CLUSTER], { env });
  await kubectl(['apply', '--server-side', '-k', 'config/default']);
  await kubectl(['set', 'image', DEPLOYMENT, '-n', SYSTEM, `operator=${IMAGE}`]);
}, 900_000);

afterAll(async () => {
  await run('kind', ['delete', 'cluster', '--name', CLUSTER], { env });
  cleanup[Symbol.dispose]();
  await rm(folder, { recursive: true });
}, 120_000);

test('both replicas become ready in a namespace that enforces the restricted standard, on two nodes', async () => {
  await kubectl(['rollout', 'status', DEPLOYMENT, '-n', SYSTEM, '--timeout=180s']);
  const nodes = await kubectl(['get', 'pods', '-n', SYSTEM, '-o', 'jsonpath={.items[*].spec.nodeName}']);
  expect(new Set(nodes.split(' ')).size).toBe(2);
});

test('one leads, and another one does when its pod goes', async () => {
  const holder = (): Promise<string> =>
    kubectl(['get', 'lease', '-n', SYSTEM, '-o', 'jsonpath={.items[0].spec.holderIdentity}']);
  await expect.poll(holder, PATIENCE).toMatch(/^federated-identity-operator-/);
  const first = await holder();
  await kubectl(['delete', 'pod', first.split('_')[0] ?? '', '-n', SYSTEM, '--wait=false']);
  await expect.poll(holder, PATIENCE).not.toBe(first);
});

test('without AWS credentials the provider says so, and a pod of its identity is denied with the reason', async () => {
  await kubectl(['apply', '-f', '-'], provider());
  const reason = ['get', 'aop/default', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'];
  await expect.poll(() => kubectl(reason), PATIENCE).toMatch(/Credentials/);
  await kubectl(['create', 'serviceaccount', 'app']);
  const spec = { role: { managedPolicyArns: [S3_READ] }, serviceAccount: { name: 'app', create: false } };
  await kubectl(['apply', '-f', '-'], identity('default', spec));
  await expect.poll(() => kubectl(['get', 'afi/app', '-o', 'jsonpath={.status.conditions}']), PATIENCE).not.toBe('');
  await expect(kubectl(['create', '-f', '-'], pod('default', 'app'))).rejects.toThrow('AwsFederatedIdentity');
});

test('the pod of an annotated ServiceAccount has a token for AWS', async () => {
  const roleArn = 'arn:aws:iam::111122223333:role/by-hand';
  const annotations = { 'eks.amazonaws.com/role-arn': roleArn };
  const metadata = { name: 'annotated', namespace: 'default', annotations };
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  const claims = `JSON.parse(Buffer.from(fs.readFileSync(process.env.AWS_WEB_IDENTITY_TOKEN_FILE, 'utf8').split('.')[1], 'base64url'))`;
  const script = `const { aud, sub } = ${claims}; console.log(process.env.AWS_ROLE_ARN, aud.join(), sub)`;
  const container = { name: 'main', image: IMAGE, command: ['node', '--eval', script] };
  const spec = { serviceAccountName: 'annotated', restartPolicy: 'Never', containers: [container] };
  const workload = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'reader', namespace: 'default' }, spec };
  const create = async (): Promise<string> => kubectl(['create', '-f', '-'], workload).catch(String); // denied until it is bound
  await expect.poll(create, PATIENCE).toContain('created');
  await kubectl(['wait', 'pod/reader', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=120s']);
  expect(await kubectl(['logs', 'reader'])).toBe(
    `${roleArn} sts.amazonaws.com system:serviceaccount:default:annotated\n`,
  );
});

test('it leaves: nothing made AWS objects, so nothing waits', async () => {
  await kubectl(['delete', 'afi', '--all', '-A', '--timeout=120s']);
  await kubectl(['delete', 'aop', '--all', '--timeout=120s']);
  await kubectl([
    'annotate',
    'crd',
    '-l',
    'app.kubernetes.io/part-of=federated-identity-operator',
    `${ALLOW_DELETION}=true`,
  ]);
  await kubectl(['delete', '-k', 'config/default', '--timeout=180s']);
});
