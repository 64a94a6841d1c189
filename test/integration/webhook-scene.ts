import { mkdir } from 'node:fs/promises';
import { Agent, request, type RequestOptions } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { expect, vi } from 'vitest';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import { type OperatorProcess, startOperator } from '../../dev/stack/operator-process.ts';
import { webhookManifests } from '../../src/admission/manifests.ts';
import { defaultAdmissionOptions, operatorUsername } from '../../src/admission/options.ts';
import { WEBHOOK_NAME } from '../../src/admission/webhook/webhook-configuration.ts';
import { TABLE_NAME } from '../../src/kube/injection-table.ts';
import { tableData } from './admission-expectations.ts';
import { type Facts, factsOf, type Pod, pod } from './admission-pods.ts';

const SOON = { timeout: 30_000, interval: 100 };
const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
export const AS_OPERATOR = `--as=${operatorUsername(defaultAdmissionOptions)}`;
const OPERATOR = 'federated-identity-system/federated-identity-operator';

/** One replica of the operator, as a process of its own. */
export interface WebhookReplica {
  readonly process: OperatorProcess;
  readonly port: number;
}

/** A cluster in webhook mode, without a Service network: API servers call a balancer on loopback instead. */
export interface WebhookCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  /** What the API server would make of a pod, or why it refuses it. */
  dryRun(namespace: string, pod: object): Promise<object | string>;
  kubectl(args: readonly string[], input?: object): Promise<string>;
  /** Starts a replica and, when it is ready, lets the balancer send calls to it. */
  startReplica(name: string, environment?: Readonly<Record<string, string>>): Promise<WebhookReplica>;
  /** As kubelet and endpoint controller do: SIGTERM, and no new connections from then on. */
  stopReplica(name: string, graceMs?: number): Promise<void>;
  /** Makes the table of `tableData` in a new namespace, with its ServiceAccounts, and waits until injection and gates are in force. */
  createTable(namespace: string): Promise<void>;
  /** The facts of a pod as the API server would store it, or its refusal. */
  become(namespace: string, pod: Pod): Promise<Facts | string>;
  /** The certificates in the caBundle now, PEM. */
  bundle(): Promise<readonly string[]>;
}

/** Installs what config/default-webhook installs, but for the Deployment, on a Kubernetes of this version. */
export async function startWebhookCluster(version?: string): Promise<WebhookCluster> {
  await using started = new AsyncDisposableStack();
  const cluster = started.use(await startCluster(version === undefined ? {} : { version }));
  const balancer = started.use(await startBalancer());
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  const kubectl: WebhookCluster['kubectl'] = (args, input) =>
    run(cluster.kubectl, args, { env, ...(input === undefined ? {} : { input: JSON.stringify(input) }) });
  for (const part of ['namespace', 'crd', 'rbac', 'webhook'])
    await kubectl(['apply', '--server-side', '-k', join(CONFIG, part)]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await kubectl(['apply', '--server-side', '-f', '-'], list([...manifests(balancer.port), leaseOfSomebodyElse]));
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const replicas = new Map<string, WebhookReplica>();
  started.defer(async () => {
    await Promise.all([...replicas.values()].map((replica) => replica.process.stop(0)));
  });
  const kubeconfig = await cluster.kubeconfigFor({ serviceAccount: OPERATOR });
  const dryRun = await dryRunWith(config);
  const become: WebhookCluster['become'] = async (namespace, candidate) => {
    const stored = await dryRun(namespace, candidate);
    return typeof stored === 'string' ? stored : factsOf(stored as Pod);
  };
  const running = started.move();
  return {
    cluster,
    kubectl,
    dryRun,
    become,
    startReplica: async (name, environment = {}) => {
      const replica = await startReplica({ name, kubeconfig, folder: join(cluster.folder, name) }, environment);
      replicas.set(name, replica);
      balancer.ports.add(replica.port);
      return replica;
    },
    stopReplica: async (name, graceMs) => {
      const replica = replicas.get(name);
      if (replica === undefined) throw new Error(`no replica ${name}`);
      balancer.ports.delete(replica.port);
      replicas.delete(name);
      await replica.process.stop(graceMs);
    },
    createTable: async (namespace) => {
      const accounts = [...Object.keys(tableData), 'other'].map((name) => object('ServiceAccount', name, namespace));
      await kubectl(['apply', '-f', '-'], list([object('Namespace', namespace), ...accounts]));
      const table = { ...object('ConfigMap', TABLE_NAME, namespace), data: tableData };
      await kubectl(['create', AS_OPERATOR, '-f', '-'], table);
      // Policies are in force a moment after they were written.
      await vi.waitUntil(async () => isInjected(await become(namespace, pod())), SOON);
      const unready = pod({ serviceAccountName: 'unready' });
      await vi.waitUntil(async () => typeof (await become(namespace, unready)) === 'string', SOON);
    },
    bundle: async () => {
      const path = '-o=jsonpath={.webhooks[0].clientConfig.caBundle}';
      const text = await kubectl(['get', 'mutatingwebhookconfiguration', WEBHOOK_NAME, path]);
      return (
        Buffer.from(text, 'base64')
          .toString()
          .match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []
      );
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

const object = (kind: string, name: string, namespace?: string): object => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});

/** No replica leads, so tables are the test's own; and whatever works, works in every replica. */
const leaseOfSomebodyElse = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'federated-identity-operator', namespace: 'federated-identity-system' },
  spec: { holderIdentity: 'the-test', leaseDurationSeconds: 3_600, renewTime: '2026-01-01T00:00:00.000000Z' },
};

const list = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items });

/** As installed, except that API servers find the webhook by a URL. */
export const manifests = (port: number): readonly object[] =>
  webhookManifests(defaultAdmissionOptions).map((manifest) =>
    'webhooks' in manifest
      ? {
          ...manifest,
          webhooks: manifest.webhooks.map((webhook) => ({
            ...webhook,
            clientConfig: { url: `https://127.0.0.1:${port}${webhook.clientConfig.service.path}` },
          })),
        }
      : manifest,
  );

interface Place {
  readonly name: string;
  readonly kubeconfig: string;
  readonly folder: string;
}

async function startReplica(
  { name, kubeconfig, folder }: Place,
  environment: Readonly<Record<string, string>>,
): Promise<WebhookReplica> {
  await mkdir(folder, { recursive: true });
  const started = await startOperator({
    kubeconfig,
    folder,
    environment: {
      INJECTION: 'webhook',
      WEBHOOK_BIND_ADDRESS: '127.0.0.1:0',
      WEBHOOK_HOSTS: '127.0.0.1',
      POD_NAME: name,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...environment,
    },
  });
  const line = (await started.log()).find(({ msg }) => msg === 'the injection webhook listens');
  return { process: started, port: Number(line?.['port']) };
}

export interface Balancer extends AsyncDisposable {
  readonly port: number;
  /** Where connections go, one after the other. */
  readonly ports: Set<number>;
}

/** Stands for the Service: passes each connection on to one of the replicas. */
export async function startBalancer(): Promise<Balancer> {
  const ports = new Set<number>();
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((incoming) => {
    const port = [...ports][turn++ % Math.max(1, ports.size)];
    if (port === undefined) return incoming.destroy();
    const outgoing = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
    return undefined;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    ports,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type DryRun = WebhookCluster['dryRun'];

/** As the wire has it, since the types of a client would add fields; their order is kubectl's. */
async function dryRunWith(config: KubeConfig): Promise<DryRun> {
  const options = { agent: new Agent({ keepAlive: true, maxSockets: 8 }) };
  const tls: RequestOptions = {};
  await config.applyToHTTPSOptions(tls);
  const server = config.getCurrentCluster()?.server ?? '';
  return (namespace, candidate) => {
    const { promise, resolve, reject } = Promise.withResolvers<object | string>();
    const url = `${server}/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const headers = { 'content-type': 'application/json' };
    const outgoing = request(url, { ...tls, ...options, method: 'POST', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const body = JSON.parse(text, sortedKeys) as { readonly message: string };
        resolve(response.statusCode === 201 ? body : body.message);
      });
    });
    outgoing.on('error', reject);
    outgoing.end(JSON.stringify(candidate));
    return promise;
  };
}

const isInjected = (became: Facts | string): boolean => typeof became === 'object' && became.token !== undefined;

const sortedKeys = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Waits until `attempt` no longer throws. */
export const soon = (attempt: () => Promise<void>): Promise<void> => vi.waitFor(attempt, SOON);

/** The value of a metric of a replica, summed over what the labels leave open. */
export async function metric({ process: { url } }: WebhookReplica, name: string, labels = ''): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(labels));
  expect(lines, `${name}${labels} in /metrics`).not.toEqual([]);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
