import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, startCluster } from '../dev/cluster/cluster.ts';
import { run } from '../dev/cluster/process.ts';
import { type Progress, withProgress } from '../dev/cluster/progress.ts';
import { startOperator } from '../dev/stack/operator-process.ts';
import { admissionFiles, webhookFiles } from '../src/admission/manifests.ts';
import { type AdmissionOptions, defaultAdmissionOptions, operatorUsername } from '../src/admission/options.ts';
import { RoleArn } from '../src/iam/arn.ts';
import { TABLE_NAME, tableEntry } from '../src/kube/injection-table.ts';

export type Mode = 'policy' | 'webhook';

/** ServiceAccounts with a role in one namespace. */
export const POPULATIONS = [0, 1, 100, 1000] as const;
export type Population = (typeof POPULATIONS)[number];

/** Outside of all policies and webhooks of ours: what a pod costs without us. The second one shows the noise. */
export const BASELINES = ['bench-none', 'bench-none-again'] as const;
export const namespaceOf = (mode: Mode, population: Population): string => `bench-${mode}-${population}`;
export const BOUND = 'bound-0';
export const PLAIN = 'plain';

const CONFIG = fileURLToPath(new URL('../config', import.meta.url));
const OPERATOR = 'federated-identity-system/federated-identity-operator';
const namespacesOf = (mode: Mode): readonly string[] => POPULATIONS.map((population) => namespaceOf(mode, population));

export interface Scene extends AsyncDisposable {
  readonly cluster: Cluster;
}

/**
 * One API server that injects by policy in some namespaces and by webhook in others, with the gates of both, and a replica of
 * the operator as a process of its own that answers the webhook. No replica leads, so the tables stay as they are made here.
 */
export async function startScene(progress: Progress): Promise<Scene> {
  await using started = new AsyncDisposableStack();
  const cluster = started.use(await startCluster({ progress }));
  const kubectl = (args: readonly string[], input?: object): Promise<string> =>
    run(cluster.kubectl, args, {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      timeoutMs: 120_000,
      ...(input === undefined ? {} : { input: JSON.stringify(input) }),
    });
  for (const part of ['namespace', 'crd', 'rbac', 'webhook'])
    await kubectl(['apply', '--server-side', '-k', join(CONFIG, part)]);
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  await kubectl(['apply', '-f', '-'], list([LEASE_OF_THE_BENCH, ...namespacedObjects()]));
  const install = (port: number): Promise<string> =>
    kubectl(['apply', '--server-side', '-f', '-'], list(admissionObjects(port)));
  await install(1); // the replica is ready when its certificate is in the caBundle, so that must be there first
  const port = await startWebhook(cluster, started);
  await withProgress(progress, 'installing policies, webhook and tables of 1 to 1000 entries', async () => {
    await install(port);
    for (const table of tables())
      await kubectl(['create', `--as=${operatorUsername(defaultAdmissionOptions)}`, '-f', '-'], table);
  });
  const running = started.move();
  return { cluster, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Resolves with the port on which a replica of the operator answers. */
async function startWebhook(cluster: Cluster, started: AsyncDisposableStack): Promise<number> {
  const operator = await startOperator({
    kubeconfig: await cluster.kubeconfigFor({ serviceAccount: OPERATOR }),
    folder: cluster.folder,
    environment: {
      INJECTION: 'webhook',
      WEBHOOK_BIND_ADDRESS: '127.0.0.1:0',
      WEBHOOK_HOSTS: '127.0.0.1',
      AWS_EC2_METADATA_DISABLED: 'true',
      LOG_LEVEL: 'info',
    },
  });
  started.defer(() => operator.stop(0));
  const line = (await operator.log()).find(({ msg }) => msg === 'the injection webhook listens');
  return Number(line?.['port']);
}

const outside = (...namespaces: readonly string[]): AdmissionOptions => ({
  ...defaultAdmissionOptions,
  excludedNamespaces: [...BASELINES, ...namespaces],
});

/** Injection by policy where the webhook looks away, and the other way round; the gates everywhere. */
function admissionObjects(port: number): readonly object[] {
  const policy = admissionFiles(outside(...namespacesOf('webhook'))).get('injection') ?? [];
  const webhook = webhookFiles(outside(...namespacesOf('policy'))).get('webhook') ?? [];
  const gates = ['pending-gate', 'service-account-gate', 'table-gate', 'table-guard'].flatMap(
    (name) => webhookFiles(outside()).get(name) ?? [],
  );
  const byUrl = webhook.map((object) =>
    'webhooks' in object
      ? {
          ...object,
          webhooks: object.webhooks.map((one) => ({
            ...one,
            clientConfig: { url: `https://127.0.0.1:${port}${one.clientConfig.service.path}` },
          })),
        }
      : object,
  );
  return [...policy, ...byUrl, ...gates];
}

const list = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items });

const LEASE_OF_THE_BENCH = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'federated-identity-operator', namespace: 'federated-identity-system' },
  spec: {
    holderIdentity: 'the-bench',
    leaseDurationSeconds: 3_600,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  },
};

/** Namespaces, and the ServiceAccounts that pods name; the others of a table need not exist for it to be as long. */
function namespacedObjects(): readonly object[] {
  const namespaces = [...BASELINES, ...namespacesOf('policy'), ...namespacesOf('webhook')];
  return namespaces.flatMap((namespace) => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...[BOUND, PLAIN].map((name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } })),
  ]);
}

function tables(): readonly object[] {
  const modes: readonly Mode[] = ['policy', 'webhook'];
  return modes.flatMap((mode) =>
    POPULATIONS.filter((population) => population > 0).map((population) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: TABLE_NAME, namespace: namespaceOf(mode, population) },
      data: Object.fromEntries(Array.from({ length: population }, (_, index) => [`bound-${index}`, entryOf(index)])),
    })),
  );
}

const entryOf = (index: number): string =>
  tableEntry({
    roleArn: RoleArn.parse(`arn:aws:iam::111122223333:role/federated/bench-bound-${index}-0a1b2c3d`),
    audience: 'sts.amazonaws.com',
    tokenExpirationSeconds: 86_400,
    region: 'eu-west-1',
  });
