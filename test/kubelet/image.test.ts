import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { NODE_IN_IMAGE, type Image, writeImages } from '../../dev/node/image.ts';
import { type Node, startNode } from '../../dev/node/node.ts';
import { freePort } from '../../dev/stack/operator-process.ts';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import { ACCOUNT } from '../../dev/stack/stack.ts';
import { buildRootfs, filesOf } from '../../scripts/image-rootfs.ts';
import { identity, newNamespace, provider, untilReady, useStack } from '../support/stories.ts';
import { WAIT } from './node-scene.ts';

// The image under a real kubelet and runc, as the Deployment runs it: by its own ServiceAccount, read-only, not as root.
const IMAGE = 'registry.example/federated-identity-operator:1';
const PAUSE = 'registry.example/pause:1';
const SYSTEM = 'federated-identity-system';
const NAME = 'operator';
const DEPLOYMENT = fileURLToPath(new URL('../../config/manager/deployment.yaml', import.meta.url));

const stack = useStack();
let node: Node;
let port: number;

beforeAll(async () => {
  const { cluster, kubectl, operator } = stack();
  await operator.stop(); // the one in the pod is to lead
  const images = await buildImages();
  node = await startNode(cluster, { programs: inject('nodePrograms'), images, pauseImage: PAUSE });
  port = await freePort();
  const authority = `--from-literal=ca.crt=${cluster.caCertificate}`;
  await kubectl(['create', 'configmap', 'kube-root-ca.crt', '-n', SYSTEM, authority]);
  // Without CNI plugins the pod has the machine's network, which the restricted standard does not allow; all else it does.
  await kubectl(['label', 'namespace', SYSTEM, 'pod-security.kubernetes.io/enforce=privileged', '--overwrite']);
  await kubectl(['create', '-f', '-'], await podOfDeployment());
  const ready = ['--for=condition=Ready', '--timeout=90s'];
  await kubectl(['wait', `pod/${NAME}`, '-n', SYSTEM, ...ready]).catch(async (error: unknown) => {
    const described = await kubectl(['describe', `pod/${NAME}`, '-n', SYSTEM]);
    throw new Error(`the pod is not ready:\n${described}\n${await node.clues()}`, { cause: error });
  });
}, 240_000);
afterAll(() => node[Symbol.asyncDispose]());

const folder = await mkdtemp(join(tmpdir(), 'federated-identity-image-'));
afterAll(() => rm(folder, { recursive: true }));

async function buildImages(): Promise<string> {
  const rootfs = await buildRootfs(join(folder, 'rootfs'));
  const paths = (await filesOf(rootfs)).filter((path) => !path.startsWith('/dev/')); // the runtime brings them
  const files = await Promise.all(
    paths.map(async (path) => {
      const content = await readFile(join(rootfs.folder, path));
      return { path: path.slice(1), mode: path.includes('/bin/') || path.includes('/lib') ? 0o755 : 0o644, content };
    }),
  );
  const { command, environment, user } = rootfs.start;
  const images: readonly Image[] = [
    { name: IMAGE, entrypoint: command.slice(0, 2), command: command.slice(2), environment, user },
    { name: PAUSE, entrypoint: [`/nodejs${NODE_IN_IMAGE}`, '--eval', WAIT] },
  ];
  const archive = join(folder, 'images.tar');
  await writeImages(archive, files, images);
  return archive;
}

/** The pod of the Deployment, on the only node, with this machine's addresses, and with keys instead of a role of its own. */
async function podOfDeployment(): Promise<object> {
  const { aws, account, cluster, clusterId } = stack();
  const { template } = parse(await readFile(DEPLOYMENT, 'utf8')).spec;
  const [container] = template.spec.containers;
  const key = account.createUser(
    'image',
    operatorPolicy({ accountId: ACCOUNT, cluster: clusterId, issuer: cluster.issuer }),
  );
  const { hostname, port: apiPort } = new URL(cluster.url);
  const local = Object.entries({
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: apiPort,
    METRICS_BIND_ADDRESS: `127.0.0.1:${port}`,
    CONSISTENCY_WINDOW: '1',
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
  }).map(([name, value]) => ({ name, value }));
  const probe = (path: string): object => ({ httpGet: { host: '127.0.0.1', path, port }, periodSeconds: 2 });
  const own = {
    ...container,
    image: IMAGE,
    env: [...container.env, ...local],
    ports: [],
    livenessProbe: { ...probe('/healthz'), failureThreshold: 30 },
    readinessProbe: probe('/readyz'),
  };
  const spec = { ...template.spec, nodeName: node.name, hostNetwork: true, containers: [own] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: NAME, namespace: SYSTEM, ...template.metadata }, spec };
}

test('the operator of the image makes an identity ready, with the rights of its ServiceAccount', async () => {
  const { kubectl } = stack();
  await kubectl(['apply', '-f', '-'], provider({ issuer: { check: 'Skip' } }));
  await untilReady(stack(), 'aop/default');
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  const log = await node.log({ namespace: SYSTEM, pod: NAME, container: 'operator' });
  expect(log).toContain('"action":"CreateRole"');
});
