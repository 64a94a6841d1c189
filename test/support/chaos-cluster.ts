import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import { type OperatorProcess, startOperator } from '../../dev/stack/operator-process.ts';
import { ACCOUNT, type Stack, startStack } from '../../dev/stack/stack.ts';
import { admissionManifests } from '../../src/admission/manifests.ts';
import { defaultAdmissionOptions } from '../../src/admission/options.ts';
import { type KubernetesClient, kubernetesClient } from '../../src/kube/client.ts';
import { type Balancer, manifests, startBalancer } from '../integration/webhook-scene.ts';

export type Mode = 'policy' | 'webhook';

/** A stack whose operator is killed and started again, alone in policy mode, as two replicas behind a balancer in webhook mode. */
export interface ChaosCluster extends AsyncDisposable {
  readonly mode: Mode;
  readonly stack: Stack;
  /** As a cluster admin. */
  readonly kubernetes: KubernetesClient;
  /** With the operator's own rights. */
  readonly asOperator: KubernetesClient;
  /** Names of the replicas that an installation has. */
  readonly replicas: readonly string[];
  /** Those that run now. */
  readonly running: ReadonlyMap<string, OperatorProcess>;
  /** Resolves when the replica is ready. */
  start(replica: string): Promise<void>;
  /** SIGKILL: API servers are still sent to it for a while. */
  kill(replica: string): Promise<void>;
  /** SIGTERM: no new connections from then on. */
  terminate(replica: string): Promise<void>;
}

const OPERATOR = 'federated-identity-system/federated-identity-operator';
const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
const REPLICAS = { policy: ['one'], webhook: ['one', 'two'] } as const;
const ENDPOINT_LAG_MS = 500;
const GRACE_MS = 15_000;

/** Everything is installed, and no replica runs yet. */
export async function startChaosCluster(mode: Mode): Promise<ChaosCluster> {
  await using started = new AsyncDisposableStack();
  const stack = started.use(await startStack());
  await stack.operator.stop(0);
  const balancer = mode === 'webhook' ? started.use(await startBalancer()) : undefined;
  if (balancer !== undefined) await installWebhook(stack, balancer);
  const operatorConfig = await stack.cluster.kubeconfigFor({ serviceAccount: OPERATOR });
  const environment = environmentOf(stack, mode);
  const running = new Map<string, OperatorProcess>();
  const ports = new Map<string, number>();
  started.defer(async () => {
    await Promise.all([...running.values()].map((replica) => replica.stop(0)));
  });
  const leave = (replica: string): void => {
    balancer?.ports.delete(ports.get(replica) ?? 0);
    ports.delete(replica);
  };
  const stop = async (replica: string, graceMs: number): Promise<void> => {
    const process = running.get(replica);
    running.delete(replica);
    await process?.stop(graceMs);
  };
  const disposal = started.move();
  return {
    mode,
    stack,
    kubernetes: clientOf(stack.cluster.kubeconfig),
    asOperator: clientOf(operatorConfig),
    replicas: REPLICAS[mode],
    running,
    start: async (replica) => {
      const folder = join(stack.cluster.folder, replica);
      await mkdir(folder, { recursive: true });
      const options = { kubeconfig: operatorConfig, folder, environment: { ...environment, POD_NAME: replica } };
      const process = await startOperator(options);
      running.set(replica, process);
      if (balancer === undefined) return;
      const line = (await process.log()).findLast(({ msg }) => msg === 'the injection webhook listens');
      ports.set(replica, Number(line?.['port']));
      balancer.ports.add(Number(line?.['port']));
    },
    kill: async (replica) => {
      await stop(replica, 0);
      await new Promise((resolve) => setTimeout(resolve, ENDPOINT_LAG_MS));
      leave(replica);
    },
    terminate: async (replica) => {
      leave(replica);
      await stop(replica, GRACE_MS);
    },
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  };
}

function clientOf(kubeconfig: string): KubernetesClient {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return kubernetesClient(config, 'chaos');
}

/** Takes the policies away that only policy mode has, and installs the webhook as config/default-webhook does. */
async function installWebhook({ kubectl, cluster }: Stack, { port }: Balancer): Promise<void> {
  const list = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items });
  await kubectl(['delete', '-f', '-'], list(admissionManifests(defaultAdmissionOptions)));
  await kubectl(['apply', '--server-side', '-k', join(CONFIG, 'webhook')]);
  await kubectl(['apply', '--server-side', '-f', '-'], list(manifests(port)));
  // Once no binding reads ConfigMaps an API server never follows them again (kubernetes/kubernetes#130887).
  await cluster.restartApiServer();
}

function environmentOf(stack: Stack, mode: Mode): Readonly<Record<string, string>> {
  const { aws, account, cluster, clusterId, issuerEnvironment } = stack;
  const policy = operatorPolicy({ accountId: ACCOUNT, cluster: clusterId, issuer: cluster.issuer });
  const key = account.createUser('federated-identity-operator', policy);
  const webhook = {
    INJECTION: 'webhook',
    WEBHOOK_BIND_ADDRESS: '127.0.0.1:0',
    WEBHOOK_HOSTS: '127.0.0.1',
    WEBHOOK_DRAIN: '2',
  };
  return {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    CONSISTENCY_WINDOW: '1', // the local AWS is consistent at once
    ...issuerEnvironment,
    ...(mode === 'webhook' ? webhook : {}),
  };
}
