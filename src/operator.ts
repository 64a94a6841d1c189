import { KubeConfig } from '@kubernetes/client-node';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { reconcileFederatedIdentity } from './controllers/aws-federated-identity/reconcile.ts';
import { FirstSweeps } from './controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from './controllers/aws-federated-identity/known-roles.ts';
import { sweepDrift } from './controllers/aws-federated-identity/sweep.ts';
import { identityWatches, sweepWatches } from './controllers/aws-federated-identity/watches.ts';
import { reconcileOidcProvider } from './controllers/aws-oidc-provider/reconcile.ts';
import { providerWatches } from './controllers/aws-oidc-provider/watches.ts';
import type { Drift } from './crds/aws-federated-identity.ts';
import { awsAccounts } from './iam/account.ts';
import { createInstruments, type Instruments } from './instruments.ts';
import { kubernetesClient } from './kube/client.ts';
import { eventRecorder, type EventRecorder } from './kube/events.ts';
import { type AwsFederatedIdentity, IDENTITIES, NAMESPACES } from './kube/kinds.ts';
import { OwnWrites, readingOwnWrites, recordingWrites } from './kube/own-writes.ts';
import type { KubernetesResource } from './kube/resource.ts';
import { startController } from './runtime/controller.ts';
import { startHttpServer } from './runtime/http-server.ts';
import { kubernetesLeases } from './runtime/kubernetes-leases.ts';
import { runAsLeader } from './runtime/leader-election.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';
import type { Settings } from './settings.ts';
import { type Connection, createStores, followAll, type Stores } from './stores.ts';
import { stsTokenExchange } from './sts/token-exchange.ts';

const LEASE = 'federated-identity-operator';
/** A sweep of thousands of roles takes seconds; after that, roles are read one by one. */
const FIRST_SWEEP_PATIENCE_MS = 15_000;

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
  const replica = `${settings.podName || hostname()}_${crypto.randomUUID()}`;
  const instruments = createInstruments(metrics);
  await lead({ settings, config, kubernetes, stores, metrics, instruments, replica, log }, shutdown);
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
}

/** Runs the controllers while this replica leads. */
async function lead(parts: Parts, shutdown: AbortSignal): Promise<void> {
  const { settings, config, metrics, replica, log } = parts;
  if (settings.leaderElection === 'off') {
    await control(parts, {
      signal: new AbortController().signal,
      stopRequested: whenAborted(shutdown),
      fence: () => {},
    });
    return;
  }
  const leases = kubernetesLeases(config, settings.namespace);
  await runAsLeader({ leases, name: LEASE, identity: replica, log, metrics }, shutdown, (leadership) =>
    control(parts, leadership),
  );
}

/** Starts the controllers, and ends with them. */
async function control(parts: Parts, leadership: Term): Promise<void> {
  const cluster = await clusterId(parts, leadership);
  if (cluster === undefined) return;
  const { settings, stores, metrics, log } = parts;
  const events = recorderOf(parts);
  const dependencies = { ...dependenciesOf(parts, leadership.fence), cluster, ...repairsTo(parts, events) };
  const shared = { concurrency: settings.concurrency, log, metrics, drainMs: settings.shutdownGrace * 1000 };
  await using providers = startController(
    {
      ...shared,
      name: 'aws-oidc-provider',
      reconcile: reconcileOidcProvider(dependencies),
      sources: providerWatches(stores),
    },
    leadership.signal,
  );
  await using identities = startController(
    {
      ...shared,
      name: 'aws-federated-identity',
      reconcile: reconcileFederatedIdentity(dependencies),
      sources: identityWatches(stores),
    },
    leadership.signal,
  );
  const enqueue = identities.enqueue.bind(identities);
  await using sweeps = startController(
    {
      ...shared,
      name: 'drift-sweep',
      reconcile: sweepDrift({ ...dependencies, enqueue }),
      sources: sweepWatches(stores),
    },
    leadership.signal,
  );
  await Promise.race([leadership.stopRequested, Promise.all([providers.ended, identities.ended, sweeps.ended])]);
  await events.settled();
} // leaving disposes in reverse order: sweeps, identities, providers

/** What the controllers work with; each takes what it needs. */
function dependenciesOf({ settings, kubernetes, stores, instruments }: Parts, fence: () => void) {
  const ownWrites = new OwnWrites();
  const onCall = instruments.countCall;
  const byIndex = stores.identities.byIndex.bind(stores.identities);
  const accounts = awsAccounts({ onCall, fence, callsPerSecond: settings.awsCallsPerSecond });
  instruments.showRates(accounts.rates);
  return {
    kubernetes: recordingWrites(kubernetes, ownWrites),
    identities: { ...readingOwnWrites(stores.identities, ownWrites), byIndex },
    providers: readingOwnWrites(stores.providers, ownWrites),
    serviceAccounts: readingOwnWrites(stores.serviceAccounts, ownWrites),
    tables: stores.tables,
    accounts,
    exchange: stsTokenExchange(onCall),
    serviceAccount: { namespace: settings.namespace, name: settings.serviceAccount },
    now: () => new Date(),
    random: Math.random,
    knownRoles: new KnownRoles({
      maxAgeMs: settings.resyncInterval * 2_500, // two sweeps in a row have failed: each role is read on its own
      consistencyWindowMs: settings.consistencyWindow * 1000,
    }),
    firstSweeps: new FirstSweeps(FIRST_SWEEP_PATIENCE_MS),
    settings: {
      verification: settings.verification,
      excludedNamespaces: ['kube-system', settings.namespace],
      resyncIntervalMs: settings.resyncInterval * 1000,
      verificationIntervalMs: settings.verificationInterval * 1000,
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
