import { KubeConfig } from '@kubernetes/client-node';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { reconcileAnnotatedServiceAccounts } from './controllers/annotated-service-account/reconcile.ts';
import { annotatedWatches } from './controllers/annotated-service-account/watches.ts';
import { reconcileFederatedIdentity } from './controllers/aws-federated-identity/reconcile.ts';
import { FirstSweeps } from './controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from './controllers/aws-federated-identity/known-roles.ts';
import { LeftInOrder } from './controllers/aws-federated-identity/left-in-order.ts';
import { OrphanedRoles } from './controllers/aws-federated-identity/orphaned-roles.ts';
import { sweepDrift } from './controllers/aws-federated-identity/sweep.ts';
import { identityWatches, sweepWatches } from './controllers/aws-federated-identity/watches.ts';
import { reconcileOidcProvider } from './controllers/aws-oidc-provider/reconcile.ts';
import { providerWatches } from './controllers/aws-oidc-provider/watches.ts';
import { Pace } from './controllers/pod-stock-take/pace.ts';
import { STOCK_FIELD_MANAGER, type StockDependencies, takeStock } from './controllers/pod-stock-take/reconcile.ts';
import { stockWatches } from './controllers/pod-stock-take/watches.ts';
import { proofIntervalMs, PROOFS_PER_RESYNC } from './controllers/proof-pace.ts';
import type { Drift } from './crds/aws-federated-identity.ts';
import { awsAccounts } from './iam/account.ts';
import { startInjectionWebhook } from './injection-webhook.ts';
import { createInstruments, type Instruments } from './instruments.ts';
import { kubernetesClient } from './kube/client.ts';
import { sharingConnections } from './kube/connection-pool.ts';
import { eventRecorder, type EventRecorder } from './kube/events.ts';
import { fencedWrites } from './kube/fenced-writes.ts';
import { type AwsFederatedIdentity, IDENTITIES, NAMESPACES } from './kube/kinds.ts';
import { OwnWrites, readingOwnWrites, recordingWrites } from './kube/own-writes.ts';
import type { KubernetesResource, ObjectName } from './kube/resource.ts';
import { logLine } from './log-line.ts';
import { showObjects } from './object-metrics.ts';
import { parseConnectTo } from './oidc/connect-to.ts';
import { pinnedFetch } from './oidc/pinned-fetch.ts';
import { publicDns } from './oidc/public-dns.ts';
import { type ControllerOptions, startController } from './runtime/controller.ts';
import { startHttpServer } from './runtime/http-server.ts';
import { kubernetesLeases } from './runtime/kubernetes-leases.ts';
import { runAsLeader } from './runtime/leader-election.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import { annotationDefaultsOf, excludedNamespacesOf, listenAddress, type Settings } from './settings.ts';
import { type Shard, shardOf } from './shard.ts';
import { type Connection, createStores, followAll, type Stores } from './stores.ts';
import { stsTokenExchange } from './sts/token-exchange.ts';
import { VERSION } from './version.ts';

/** A sweep of thousands of roles takes seconds; after that, roles are read one by one. */
const FIRST_SWEEP_PATIENCE_MS = 15_000;
/** Accounts whose roles are looked at together: a page of a thousand takes ten megabytes or more. */
const SWEEP_CONCURRENCY = 4;
/** Namespaces whose pods are looked at together: a page of them is a few megabytes. */
const STOCK_CONCURRENCY = 2;

/** Wires everything and runs until `shutdown` aborts. Rejects when the start is impossible: bad kubeconfig, port in use. */
export async function runOperator(settings: Settings, shutdown: AbortSignal): Promise<void> {
  const log = logger(settings);
  const loaded = new KubeConfig();
  loaded.loadFromDefault();
  const config = sharingConnections(loaded);
  const metrics = createMetrics();
  const kubernetes = kubernetesClient(config);
  const stores = createStores(log, settings.annotationPrefix);
  const reflectors = new AbortController();
  const connection = { config, kubernetes, log };
  await using webhook =
    settings.injection === 'webhook'
      ? await startInjectionWebhook({ ...connection, settings, stores, metrics }, shutdown)
      : undefined;
  const synced = Object.entries(stores).map(([name, store]) => [name, () => store.isSynced] as const);
  const readiness = Object.fromEntries([...synced, ['webhook', () => webhook?.isReady() ?? true]]);
  const instruments = createInstruments(metrics, { ...settings, version: VERSION });
  showObjects(metrics, { ...stores });
  const listening = listenAddress(settings.metricsBindAddress);
  await using http = await startHttpServer({ ...listening, registry: metrics.registry, readiness, log });
  log.info({ server: config.getCurrentCluster()?.server, port: http.port }, 'federated-identity-operator starts');
  const following = followAll(connection, stores, reflectors.signal);
  const replica = `${settings.podName || hostname()}_${crypto.randomUUID()}`;
  const shard = shardOf(settings.providerSelector, stores);
  await Promise.all([
    lead({ ...connection, settings, stores, metrics, instruments, replica, shard }, shutdown),
    webhook?.ended,
  ]);
  reflectors.abort();
  await following;
  log.info('federated-identity-operator has stopped');
}

/** JSON lines; what could ever hold a token is blanked by name, and by its form wherever it stands. */
function logger({ logLevel }: Settings): Logger {
  const secrets = ['token', 'authorization', 'Authorization', 'WebIdentityToken', 'Credentials', 'SessionToken'];
  return pino({
    level: logLevel,
    base: null,
    redact: { paths: secrets.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    hooks: { streamWrite: logLine },
  });
}

/** The time in which this replica works. */
interface Term {
  /** Aborts when leadership is lost. */
  readonly signal: AbortSignal;
  /** Resolves when the work should come to its end. */
  readonly stopRequested: Promise<void>;
  /** Throws when this replica may not write any more. */
  readonly fence: () => void;
}

interface Parts extends Connection {
  readonly settings: Settings;
  readonly stores: Stores;
  readonly metrics: Metrics;
  readonly instruments: Instruments;
  /** Name of this process among the replicas; another one at each start. */
  readonly replica: string;
  readonly shard: Shard;
}

/** Runs the controllers while this replica leads. */
async function lead(parts: Parts, shutdown: AbortSignal): Promise<void> {
  const { settings, config, metrics, replica, log, shard } = parts;
  if (settings.leaderElection === 'off') {
    await control(parts, {
      signal: new AbortController().signal,
      stopRequested: whenAborted(shutdown),
      fence: () => {},
    });
    return;
  }
  const leases = kubernetesLeases(config, settings.namespace);
  await runAsLeader({ leases, name: shard.leaseName, identity: replica, log, metrics }, shutdown, (leadership) =>
    control(parts, leadership),
  );
}

/** Starts the controllers, and ends with them. */
async function control(parts: Parts, leadership: Term): Promise<void> {
  const cluster = await clusterId(parts, leadership);
  if (cluster === undefined) return;
  const { settings, stores, metrics, log, shard } = parts;
  const events = recorderOf(parts);
  using ownWrites = new OwnWrites([stores.identities, stores.providers, stores.serviceAccounts]);
  const dependencies = { ...dependenciesOf(parts, leadership.fence, ownWrites), cluster, ...repairsTo(parts, events) };
  const shared = { concurrency: settings.concurrency, log, metrics, drainMs: settings.shutdownGrace * 1000 };
  await using providers = startController(
    {
      ...shared,
      name: 'aws-oidc-provider',
      reconcile: shard.ofProviders(reconcileOidcProvider(dependencies)),
      sources: providerWatches(stores),
    },
    leadership.signal,
  );
  await using identities = startController(
    {
      ...shared,
      name: 'aws-federated-identity',
      reconcile: shard.ofIdentities(reconcileFederatedIdentity(dependencies)),
      sources: identityWatches(stores, shard.comesToUs),
    },
    leadership.signal,
  );
  await using annotated = startController(
    {
      ...shared,
      name: 'annotated-service-account',
      reconcile: shard.ofTheRest(reconcileAnnotatedServiceAccounts(dependencies)),
      sources: annotatedWatches(stores, dependencies.settings.annotations.annotationPrefix),
    },
    leadership.signal,
  );
  const enqueue = (identity: ObjectName): void => identities.enqueue(identity, 'background');
  await using sweeps = startController(
    {
      ...shared,
      name: 'drift-sweep',
      concurrency: SWEEP_CONCURRENCY,
      reconcile: shard.ofProviders(sweepDrift({ ...dependencies, enqueue })),
      sources: sweepWatches(stores, shard.comesToUs),
    },
    leadership.signal,
  );
  await using stock = startController(podStockTake(parts, { ...shared, ...dependencies }), leadership.signal);
  const controllers = [stock, sweeps, annotated, identities, providers];
  await Promise.race([leadership.stopRequested, Promise.all(controllers.map((one) => one.ended))]);
  // All at the same time: each may take the whole grace, and a successor waits for the last one.
  await Promise.all(controllers.map((one) => one[Symbol.asyncDispose]()));
  await events.settled();
}

type Shared = Pick<StockDependencies, 'tables' | 'events' | 'settings' | 'now' | 'random'> &
  Pick<ControllerOptions<readonly []>, 'log' | 'metrics' | 'drainMs'>;

/** The controller that looks at running pods. */
function podStockTake({ settings, config, stores, shard }: Parts, shared: Shared) {
  const pace = new Pace();
  const kubernetes = kubernetesClient(config, STOCK_FIELD_MANAGER);
  const dependencies = { ...shared, kubernetes, identities: stores.identities, pace, form: settings };
  return {
    ...shared,
    name: 'pod-stock-take',
    concurrency: STOCK_CONCURRENCY,
    reconcile: shard.ofTheRest(takeStock(dependencies)),
    sources: stockWatches(stores, dependencies),
  };
}

/** What the controllers work with; each takes what it needs. */
function dependenciesOf({ settings, kubernetes, stores, instruments }: Parts, fence: () => void, ownWrites: OwnWrites) {
  const onCall = instruments.countCall;
  const byIndex = stores.identities.byIndex.bind(stores.identities);
  const accounts = awsAccounts({ onCall, fence, callsPerSecond: settings.awsCallsPerSecond });
  instruments.showRates(accounts.rates);
  const consistencyWindowMs = settings.consistencyWindow * 1000;
  const maxAgeMs = settings.resyncInterval * 2_500; // two sweeps in a row have failed
  const orphanedRoles = new OrphanedRoles({ consistencyWindowMs, maxAgeMs });
  instruments.showOrphanedRoles(() => orphanedRoles.counts(new Date()));
  return {
    kubernetes: recordingWrites(fencedWrites(kubernetes, fence), ownWrites),
    identities: { ...readingOwnWrites(stores.identities, ownWrites), byIndex },
    providers: readingOwnWrites(stores.providers, ownWrites),
    serviceAccounts: readingOwnWrites(stores.serviceAccounts, ownWrites),
    annotatedServiceAccounts: stores.serviceAccounts,
    tables: stores.tables,
    accounts,
    exchange: stsTokenExchange({ onCall, onClocks: instruments.showClocks }),
    fetchDocument: pinnedFetch({ resolve: publicDns(), connectTo: parseConnectTo(settings.issuerConnectTo) }),
    serviceAccount: { namespace: settings.namespace, name: settings.serviceAccount },
    now: () => new Date(),
    random: Math.random,
    knownRoles: new KnownRoles({ maxAgeMs, consistencyWindowMs }), // of an older look, each role is read on its own
    orphanedRoles,
    firstSweeps: new FirstSweeps(FIRST_SWEEP_PATIENCE_MS),
    leftInOrder: new LeftInOrder(),
    settings: controllerSettings(settings, stores),
  };
}

/** The settings of the controllers; some of them change with the number of objects, and are asked for each time. */
function controllerSettings(settings: Settings, { identities, providers }: Pick<Stores, 'identities' | 'providers'>) {
  const resyncIntervalMs = settings.resyncInterval * 1000;
  const paced = (seconds: number, count: number, perResync: number): number =>
    proofIntervalMs({ intervalMs: seconds * 1000, resyncIntervalMs, count, perResync });
  return {
    verification: settings.verification,
    annotations: annotationDefaultsOf(settings),
    excludedNamespaces: excludedNamespacesOf(settings),
    resyncIntervalMs,
    consistencyWindowMs: settings.consistencyWindow * 1000,
    get verificationIntervalMs() {
      return paced(settings.verificationInterval, identities.size, PROOFS_PER_RESYNC.identities);
    },
    get providerVerificationIntervalMs() {
      return paced(settings.providerVerificationInterval, providers.size, PROOFS_PER_RESYNC.providers);
    },
  };
}

const recorderOf = ({ kubernetes, log, replica }: Parts): EventRecorder =>
  eventRecorder({ kubernetes, log, now: () => new Date(), reportingInstance: replica });

/** A repair is told to whoever looks: as a metric, in the log and as an Event of the identity. */
function repairsTo({ instruments, log }: Parts, events: EventRecorder) {
  const onRepair = (identity: AwsFederatedIdentity, drift: readonly Drift[]): void => {
    const fields = [...new Set(drift.map(({ path }) => path.replace(/\[.*/, '')))];
    instruments.countRepair(fields);
    log.warn({ object: `${identity.metadata.namespace}/${identity.metadata.name}`, fields }, 'repaired drift');
    const note = `AWS differed from the spec in ${fields.join(', ')}, and was repaired.`;
    events.record({ ...identity, ...IDENTITIES }, { type: 'Warning', reason: 'DriftRepaired', action: 'Repair', note });
  };
  return { events, onRepair };
}

/** The UID of kube-system stands for the cluster. Waits as long as the API server cannot be reached. */
async function clusterId(
  { kubernetes, log }: Connection,
  { signal, stopRequested }: Term,
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

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
