import { pino } from 'pino';
import { reconcileAnnotatedServiceAccounts } from '../../src/controllers/annotated-service-account/reconcile.ts';
import { annotatedWatches } from '../../src/controllers/annotated-service-account/watches.ts';
import { FirstSweeps } from '../../src/controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from '../../src/controllers/aws-federated-identity/known-roles.ts';
import { LeftInOrder } from '../../src/controllers/aws-federated-identity/left-in-order.ts';
import { OrphanedRoles } from '../../src/controllers/aws-federated-identity/orphaned-roles.ts';
import { reconcileFederatedIdentity } from '../../src/controllers/aws-federated-identity/reconcile.ts';
import { sweepDrift } from '../../src/controllers/aws-federated-identity/sweep.ts';
import { identityWatches, sweepWatches } from '../../src/controllers/aws-federated-identity/watches.ts';
import { reconcileOidcProvider } from '../../src/controllers/aws-oidc-provider/reconcile.ts';
import { providerWatches } from '../../src/controllers/aws-oidc-provider/watches.ts';
import type { AwsFederatedIdentity } from '../../src/kube/kinds.ts';
import type { ObjectEvent } from '../../src/kube/events.ts';
import { fencedWrites } from '../../src/kube/fenced-writes.ts';
import { OwnWrites, readingOwnWrites, recordingWrites } from '../../src/kube/own-writes.ts';
import type { ObjectName } from '../../src/kube/resource.ts';
import { startController } from '../../src/runtime/controller.ts';
import { runAsLeader } from '../../src/runtime/leader-election.ts';
import { createStores, type Stores } from '../../src/stores.ts';
import { CLUSTER, ISSUER } from '../support/builders.ts';
import type { InMemoryBucket } from '../support/in-memory-s3.ts';
import { served } from '../support/served.ts';
import { type ApiServer, clientOf } from './api-server.ts';
import type { Aws } from './aws.ts';
import { accountOf } from './aws-account.ts';
import type { StoredLease } from './lease.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import { Process, type VirtualTime } from './virtual-time.ts';
import { type Watching, watchAll } from './watching.ts';

export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly api: ApiServer;
  readonly aws: Aws;
  /** The one bucket that there is. */
  readonly bucket: InMemoryBucket;
  readonly network: Network;
  /** Told of each Event that a process records. */
  readonly onEvent: () => void;
  /** Told of each role that the operator says to have repaired. */
  readonly onRepair: (identity: AwsFederatedIdentity) => void;
  readonly now: () => Date;
}

/** One process of the operator. */
export interface Replica {
  readonly watching: Watching;
  readonly process: Process;
  readonly isLeading: () => boolean;
  /** kill -9. What it had sent may still arrive. */
  kill(): void;
}

/** How a replica stands for election. */
export interface Candidacy {
  readonly lease: StoredLease;
  /** How far its clock is ahead. */
  readonly skewMs: number;
  /** Told of each write to IAM that it sends, and in which term. */
  readonly onWriteSent: (operation: string, term: number) => void;
}

const RESYNC_MS = 600_000;
const CONSISTENCY_WINDOW_MS = 60_000;
/** Longer than the usual ones: there is less to compute. */
const ELECTION = { leaseDurationMs: 30_000, renewDeadlineMs: 20_000, retryPeriodMs: 4_000, lookPeriodMs: 4_000 };
const PREFIX = 'eks.amazonaws.com';
const LOG = pino({ level: 'silent' });
const METRICS = {
  controller: () => ({ started: () => {}, ended: () => {} }),
  queue: () => ({ added: () => {}, taken: () => {}, retried: () => {}, depth: () => {}, follow: () => {} }),
};

type Line = ReturnType<Network['line']>;

/** Starts the operator as src/operator.ts wires it, over the models of API server and AWS; without a candidacy, it always works. */
export function startReplica(world: World, candidacy?: Candidacy): Replica {
  const owner = new Process();
  const line = world.network.line(owner);
  const shutdown = new AbortController();
  const stores = createStores(LOG, PREFIX);
  const watching = watchAll({ ...world, owner }, stores);
  let isLeading = (): boolean => true;
  const work = (term: Term, signal: AbortSignal): Controllers =>
    startControllers(world, { stores, line, ...term }, signal);
  owner.run(() => {
    if (candidacy === undefined) {
      work({ fence: () => {}, onWrite: () => {}, now: world.now }, shutdown.signal);
      return;
    }
    const { lease, skewMs, onWriteSent } = candidacy;
    const now = (): Date => new Date(world.now().getTime() + skewMs);
    isLeading = () => false;
    const election = { leases: lease.through(line), name: 'operator', identity: crypto.randomUUID(), log: LOG };
    const clocks = { date: now, random: world.random.next };
    void runAsLeader({ ...election, ...ELECTION, ...clocks }, shutdown.signal, async (leadership) => {
      isLeading = leadership.isLeading;
      const term = lease.nextTerm();
      const onWrite = (operation: string): void => onWriteSent(operation, term);
      const controllers = work({ fence: leadership.fence, onWrite, now }, leadership.signal);
      await leadership.stopRequested;
      await Promise.all(controllers.map((controller) => controller[Symbol.asyncDispose]()));
    });
  });
  return {
    watching,
    process: owner,
    isLeading: () => isLeading(),
    kill: () => {
      line.kill();
      watching.stop();
      shutdown.abort(new Error('killed'));
    },
  };
}

interface Term {
  /** Throws when the process may not write any more. */
  readonly fence: () => void;
  /** Told of each write to IAM as it is sent. */
  readonly onWrite: (operation: string) => void;
  /** The clock of the machine. */
  readonly now: () => Date;
}

interface Parts extends Term {
  readonly stores: Stores;
  readonly line: Line;
}

type Controllers = readonly AsyncDisposable[];

/** The work of one term. */
function startControllers(world: World, parts: Parts, signal: AbortSignal): Controllers {
  const { stores } = parts;
  const dependencies = dependenciesOf(world, parts);
  const shared = { concurrency: 4, log: LOG, metrics: METRICS, random: world.random.next };
  const run = <const Kinds extends readonly object[]>(
    options: Omit<Parameters<typeof startController<Kinds>>[0], keyof typeof shared>,
  ) => startController({ ...options, ...shared } as Parameters<typeof startController<Kinds>>[0], signal);
  const identities = run({
    name: 'aws-federated-identity',
    reconcile: reconcileFederatedIdentity(dependencies),
    sources: identityWatches(stores),
  });
  const enqueue = (identity: ObjectName): void => identities.enqueue(identity, 'background');
  return [
    run({
      name: 'aws-oidc-provider',
      reconcile: reconcileOidcProvider(dependencies),
      sources: providerWatches(stores),
    }),
    identities,
    run({
      name: 'annotated-service-account',
      reconcile: reconcileAnnotatedServiceAccounts(dependencies),
      sources: annotatedWatches(stores, PREFIX),
    }),
    run({ name: 'drift-sweep', reconcile: sweepDrift({ ...dependencies, enqueue }), sources: sweepWatches(stores) }),
  ];
}

function dependenciesOf(
  { api, aws, bucket, time, random, onEvent, onRepair }: World,
  { stores, line, fence, onWrite, now }: Parts,
) {
  const ownWrites = new OwnWrites([stores.identities, stores.providers, stores.serviceAccounts]);
  const byIndex = stores.identities.byIndex.bind(stores.identities);
  const account = accountOf({ aws, bucket, line, time, fence, onWrite });
  return {
    kubernetes: recordingWrites(fencedWrites(clientOf(api, line), fence), ownWrites),
    identities: { ...readingOwnWrites(stores.identities, ownWrites), byIndex },
    providers: readingOwnWrites(stores.providers, ownWrites),
    serviceAccounts: readingOwnWrites(stores.serviceAccounts, ownWrites),
    annotatedServiceAccounts: stores.serviceAccounts,
    tables: stores.tables,
    accounts: { of: () => account },
    knownRoles: new KnownRoles({ maxAgeMs: 2.5 * RESYNC_MS, consistencyWindowMs: CONSISTENCY_WINDOW_MS }),
    orphanedRoles: new OrphanedRoles({ maxAgeMs: 2.5 * RESYNC_MS, consistencyWindowMs: CONSISTENCY_WINDOW_MS }),
    firstSweeps: new FirstSweeps(15_000),
    leftInOrder: new LeftInOrder(),
    // After each restart the roles that stayed by their own wish are told once, by the second sweep: that is no unrest.
    events: {
      record: (_object: object, { reason }: ObjectEvent) =>
        void (line.isDead || reason === 'RoleOrphaned' || onEvent()),
    },
    onRepair,
    exchange: {
      exchange: (_region: string, role: string, token: string, signal: AbortSignal) =>
        line
          .send(
            { target: 'sts', operation: 'AssumeRoleWithWebIdentity', effect: () => aws.exchange(token, role) },
            signal,
          )
          .catch((error: unknown) => {
            signal.throwIfAborted();
            return { kind: 'unreachable', message: error instanceof Error ? error.message : String(error) } as const;
          }),
    },
    fetchDocument: async (url: URL) =>
      url.href.endsWith('/jwks')
        ? served({ keys: [{ kty: 'RSA', kid: 'k1', n: 'AQ', alg: 'RS256' }] })
        : served({ issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` }),
    serviceAccount: { namespace: 'operator-system', name: 'operator' },
    cluster: CLUSTER,
    settings: {
      verification: 'token' as const,
      annotations: {
        annotationPrefix: PREFIX,
        audience: 'sts.amazonaws.com',
        tokenExpirationSeconds: 86_400,
        region: undefined,
      },
      excludedNamespaces: ['kube-system'],
      resyncIntervalMs: RESYNC_MS,
      verificationIntervalMs: 21_600_000,
      providerVerificationIntervalMs: 300_000,
      consistencyWindowMs: CONSISTENCY_WINDOW_MS,
    },
    now,
    random: random.next,
  };
}
