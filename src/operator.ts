import { KubeConfig } from '@kubernetes/client-node';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { Counter } from 'prom-client';
import { reconcileFederatedIdentity } from './controllers/aws-federated-identity/reconcile.ts';
import { IDENTITY_INDEXES, identityWatches } from './controllers/aws-federated-identity/watches.ts';
import { reconcileOidcProvider } from './controllers/aws-oidc-provider/reconcile.ts';
import { providerWatches } from './controllers/aws-oidc-provider/watches.ts';
import { awsAccounts } from './iam/account.ts';
import type { AwsCall } from './iam/calls.ts';
import { type KubernetesClient, kubernetesClient } from './kube/client.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  type AwsPodInjection,
  IDENTITIES,
  INJECTION_TABLES,
  MANAGED_LABEL,
  NAMESPACES,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from './kube/kinds.ts';
import { OwnWrites, readingOwnWrites, recordingWrites } from './kube/own-writes.ts';
import { type KubernetesResource, resourcePath, type ResourceType } from './kube/resource.ts';
import { startController } from './runtime/controller.ts';
import { startHttpServer } from './runtime/http-server.ts';
import { kubernetesLeases } from './runtime/kubernetes-leases.ts';
import { runAsLeader } from './runtime/leader-election.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { ObjectStore, type ObjectStoreOptions } from './runtime/object-store.ts';
import { runReflector } from './runtime/reflector.ts';
import type { Settings } from './settings.ts';
import { stsTokenExchange } from './sts/token-exchange.ts';

const LEASE = 'federated-identity-operator';

/** Wires everything and runs until `shutdown` aborts. Rejects when the start is impossible: bad kubeconfig, port in use. */
export async function runOperator(settings: Settings, shutdown: AbortSignal): Promise<void> {
  const log = logger(settings);
  const config = new KubeConfig();
  config.loadFromDefault();
  const metrics = createMetrics();
  const kubernetes = kubernetesClient(config);
  const stores = createStores(log);
  const reflectors = new AbortController();
  const readiness = Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, () => store.isSynced]));
  await using http = await startHttpServer({ ...address(settings), registry: metrics.registry, readiness, log });
  log.info({ server: config.getCurrentCluster()?.server, port: http.port }, 'federated-identity-operator starts');
  const following = followAll({ config, kubernetes, log }, stores, reflectors.signal);
  await lead({ settings, config, kubernetes, stores, metrics, log }, shutdown);
  reflectors.abort();
  await following;
  log.info('federated-identity-operator has stopped');
}

/** JSON lines; what could ever hold a token is blanked by name, wherever it stands. */
function logger({ logLevel }: Settings): Logger {
  const secrets = ['token', 'authorization', 'Authorization', 'WebIdentityToken', 'Credentials', 'SessionToken'];
  return pino({
    level: logLevel,
    base: null,
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  });
}

interface Stores {
  readonly providers: ObjectStore<AwsOidcProvider>;
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  readonly serviceAccounts: ObjectStore<KubernetesResource>;
  readonly tables: ObjectStore<AwsPodInjection>;
}

function createStores(log: Logger): Stores {
  const options = { log, transform: withoutManagedFields };
  const identityOptions: ObjectStoreOptions<AwsFederatedIdentity> = {
    log,
    transform: withoutManagedFields,
    indexes: IDENTITY_INDEXES,
  };
  return {
    providers: new ObjectStore<AwsOidcProvider>(options),
    identities: new ObjectStore(identityOptions),
    serviceAccounts: new ObjectStore<KubernetesResource>(options),
    tables: new ObjectStore<AwsPodInjection>(options),
  };
}

/** managedFields are half of a small object, and nobody here reads them. */
function withoutManagedFields<T extends KubernetesResource>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown }; // not in ObjectMeta
  return { ...object, metadata };
}

interface Connection {
  readonly config: KubeConfig;
  readonly kubernetes: KubernetesClient;
  readonly log: Logger;
}

async function followAll(connection: Connection, stores: Stores, signal: AbortSignal): Promise<void> {
  await Promise.all([
    follow(connection, PROVIDERS, stores.providers, {}, signal),
    follow(connection, IDENTITIES, stores.identities, {}, signal),
    follow(connection, INJECTION_TABLES, stores.tables, {}, signal),
    follow(connection, SERVICE_ACCOUNTS, stores.serviceAccounts, { labelSelector: `${MANAGED_LABEL}=true` }, signal),
  ]);
}

// oxlint-disable-next-line max-params -- the last one is the signal, as everywhere
const follow = <T extends KubernetesResource>(
  { config, kubernetes, log }: Connection,
  type: ResourceType,
  store: ObjectStore<T>,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> =>
  runReflector<T>(
    {
      config,
      path: resourcePath(type),
      query,
      store,
      log,
      list: (limited) => kubernetes.list<T>(type, query, limited),
    },
    signal,
  );

interface Parts extends Connection {
  readonly settings: Settings;
  readonly stores: Stores;
  readonly metrics: Metrics;
}

/** Runs the controllers while this replica leads. */
async function lead(parts: Parts, shutdown: AbortSignal): Promise<void> {
  const { settings, config, metrics, log } = parts;
  if (settings.leaderElection === 'off') {
    await control(parts, { signal: new AbortController().signal, stopRequested: whenAborted(shutdown) });
    return;
  }
  const identity = `${settings.podName || hostname()}_${crypto.randomUUID()}`;
  const leases = kubernetesLeases(config, settings.namespace);
  await runAsLeader({ leases, name: LEASE, identity, log, metrics }, shutdown, (leadership) =>
    control(parts, leadership),
  );
}

async function control(
  { settings, kubernetes, stores, metrics, log }: Parts,
  leadership: { readonly signal: AbortSignal; readonly stopRequested: Promise<void> },
): Promise<void> {
  const cluster = await clusterId(kubernetes, log, leadership);
  if (cluster === undefined) return;
  const onCall = awsCallCounter(metrics);
  const accounts = awsAccounts(onCall);
  const exchange = stsTokenExchange(onCall);
  const ownWrites = new OwnWrites();
  const common = {
    kubernetes: recordingWrites(kubernetes, ownWrites),
    identities: {
      ...readingOwnWrites(stores.identities, ownWrites),
      byIndex: stores.identities.byIndex.bind(stores.identities),
    },
    providers: readingOwnWrites(stores.providers, ownWrites),
    serviceAccounts: readingOwnWrites(stores.serviceAccounts, ownWrites),
    tables: stores.tables,
    accounts,
    exchange,
    cluster,
    now: () => new Date(),
    random: Math.random,
  };
  const controllerSettings = {
    verification: settings.verification,
    resyncIntervalMs: settings.resyncInterval * 1000,
    verificationIntervalMs: settings.verificationInterval * 1000,
  };
  const serviceAccount = { namespace: settings.namespace, name: settings.serviceAccount };
  const shared = { concurrency: settings.concurrency, log, metrics, drainMs: settings.shutdownGrace * 1000 };
  await using providers = startController(
    {
      ...shared,
      name: 'aws-oidc-provider',
      reconcile: reconcileOidcProvider({ ...common, serviceAccount, settings: controllerSettings }),
      sources: providerWatches(stores),
    },
    leadership.signal,
  );
  await using identities = startController(
    {
      ...shared,
      name: 'aws-federated-identity',
      reconcile: reconcileFederatedIdentity({ ...common, settings: controllerSettings }),
      sources: identityWatches(stores),
    },
    leadership.signal,
  );
  await Promise.race([leadership.stopRequested, Promise.all([providers.ended, identities.ended])]);
} // leaving disposes in reverse order: identities first, then providers

/** The UID of kube-system stands for the cluster. Waits as long as the API server cannot be reached. */
async function clusterId(
  kubernetes: KubernetesClient,
  log: Logger,
  { signal, stopRequested }: { readonly signal: AbortSignal; readonly stopRequested: Promise<void> },
): Promise<string | undefined> {
  const stopped = new AbortController();
  void stopRequested.then(() => stopped.abort());
  while (!stopped.signal.aborted && !signal.aborted) {
    try {
      const namespace = await kubernetes.get<KubernetesResource>(NAMESPACES, { name: 'kube-system' }, stopped.signal);
      if (namespace.metadata.uid !== undefined) return namespace.metadata.uid;
    } catch (error) {
      log.warn(
        { reason: error instanceof Error ? error.message : String(error) },
        'cannot read namespace kube-system, waiting',
      );
    }
    await Promise.race([stopRequested, sleep(3_000)]);
  }
  return undefined;
}

function awsCallCounter({ registry }: Metrics): (call: AwsCall) => void {
  const calls = new Counter({
    name: 'aws_api_requests_total',
    help: 'Calls to AWS by service, operation and code; OK is success.',
    labelNames: ['service', 'operation', 'code'],
    registers: [registry],
  });
  return ({ service, operation, code }) => calls.inc({ service, operation, code });
}

function address({ metricsBindAddress }: Settings): { readonly host: string; readonly port: number } {
  const separator = metricsBindAddress.lastIndexOf(':');
  return {
    host: metricsBindAddress.slice(0, separator) || '0.0.0.0',
    port: Number(metricsBindAddress.slice(separator + 1)),
  };
}

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
