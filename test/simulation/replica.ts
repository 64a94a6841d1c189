import { pino } from 'pino';
import { reconcileAnnotatedServiceAccounts } from '../../src/controllers/annotated-service-account/reconcile.ts';
import { annotatedWatches } from '../../src/controllers/annotated-service-account/watches.ts';
import { FirstSweeps } from '../../src/controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from '../../src/controllers/aws-federated-identity/known-roles.ts';
import { reconcileFederatedIdentity } from '../../src/controllers/aws-federated-identity/reconcile.ts';
import { sweepDrift } from '../../src/controllers/aws-federated-identity/sweep.ts';
import { identityWatches, sweepWatches } from '../../src/controllers/aws-federated-identity/watches.ts';
import { reconcileOidcProvider } from '../../src/controllers/aws-oidc-provider/reconcile.ts';
import { providerWatches } from '../../src/controllers/aws-oidc-provider/watches.ts';
import type { AwsFederatedIdentity } from '../../src/kube/kinds.ts';
import { OwnWrites, readingOwnWrites, recordingWrites } from '../../src/kube/own-writes.ts';
import type { ObjectName } from '../../src/kube/resource.ts';
import { startController } from '../../src/runtime/controller.ts';
import { createStores, type Stores } from '../../src/stores.ts';
import { CLUSTER, ISSUER } from '../support/builders.ts';
import { served } from '../support/provider-scene.ts';
import { type ApiServer, clientOf } from './api-server.ts';
import type { Aws } from './aws.ts';
import { accountOf } from './aws-account.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';
import { type Watching, watchAll } from './watching.ts';

export interface World {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly api: ApiServer;
  readonly aws: Aws;
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
  /** kill -9. What it had sent may still arrive. */
  kill(): void;
}

const RESYNC_MS = 600_000;
const CONSISTENCY_WINDOW_MS = 60_000;
const PREFIX = 'eks.amazonaws.com';
const LOG = pino({ level: 'silent' });
const METRICS = {
  controller: () => ({ started: () => {}, ended: () => {} }),
  queue: () => ({ added: () => {}, taken: () => {}, retried: () => {}, depth: () => {}, follow: () => {} }),
};

/** Starts the operator as src/operator.ts wires it, over the models of API server and AWS. */
export function startReplica(world: World): Replica {
  const { random } = world;
  const line = world.network.line();
  const term = new AbortController();
  const stores = createStores(LOG, PREFIX);
  const watching = watchAll(world, stores);
  const dependencies = dependenciesOf(world, stores, line);
  const shared = { concurrency: 4, log: LOG, metrics: METRICS, random: random.next };
  const run = <const Kinds extends readonly object[]>(
    options: Omit<Parameters<typeof startController<Kinds>>[0], keyof typeof shared>,
  ) => startController({ ...options, ...shared } as Parameters<typeof startController<Kinds>>[0], term.signal);
  run({ name: 'aws-oidc-provider', reconcile: reconcileOidcProvider(dependencies), sources: providerWatches(stores) });
  const identities = run({
    name: 'aws-federated-identity',
    reconcile: reconcileFederatedIdentity(dependencies),
    sources: identityWatches(stores),
  });
  run({
    name: 'annotated-service-account',
    reconcile: reconcileAnnotatedServiceAccounts(dependencies),
    sources: annotatedWatches(stores, PREFIX),
  });
  const enqueue = (identity: ObjectName): void => identities.enqueue(identity, 'background');
  run({ name: 'drift-sweep', reconcile: sweepDrift({ ...dependencies, enqueue }), sources: sweepWatches(stores) });
  return {
    watching,
    kill: () => {
      line.kill();
      watching.stop();
      term.abort(new Error('killed'));
    },
  };
}

function dependenciesOf(
  { api, aws, time, random, onEvent, onRepair, now }: World,
  stores: Stores,
  line: ReturnType<Network['line']>,
) {
  const ownWrites = new OwnWrites();
  const byIndex = stores.identities.byIndex.bind(stores.identities);
  const account = accountOf({ aws, line, time });
  return {
    kubernetes: recordingWrites(clientOf(api, line), ownWrites),
    identities: { ...readingOwnWrites(stores.identities, ownWrites), byIndex },
    providers: readingOwnWrites(stores.providers, ownWrites),
    serviceAccounts: readingOwnWrites(stores.serviceAccounts, ownWrites),
    annotatedServiceAccounts: stores.serviceAccounts,
    tables: stores.tables,
    accounts: { of: () => account },
    knownRoles: new KnownRoles({ maxAgeMs: 2.5 * RESYNC_MS, consistencyWindowMs: CONSISTENCY_WINDOW_MS }),
    firstSweeps: new FirstSweeps(15_000),
    events: { record: () => void (line.isDead || onEvent()) },
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
    },
    now,
    random: random.next,
  };
}
