import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { Decision, FaultCandidate } from '../../dev/aws/faults.ts';
import type { LocalAccount } from '../../dev/aws/local-account.ts';
import type { OperatorProcess } from '../../dev/stack/operator-process.ts';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import type { Stack } from '../../dev/stack/stack.ts';
import { type KubernetesClient, kubernetesClient } from '../../src/kube/client.ts';
import { sharingConnections } from '../../src/kube/connection-pool.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { type KubernetesResource, nameOf, type ResourceType } from '../../src/kube/resource.ts';
import { type Fault, type ProxiedRequest, startApiServerProxy } from '../support/api-server-proxy.ts';
import { viewOf, withBucketRights } from './bucket.ts';
import type { BucketView } from './documents.ts';
import type { AwsWrite } from './oracle.ts';
import { type Blow, type Point, PointCounter, pointText } from './points.ts';

const QUIET_MS = 1_000;
const POLL_MS = 50;
const NAMESPACE = 'federated-identity-system';
const OPERATOR = `${NAMESPACE}/federated-identity-operator` as const;
const USER = 'federated-identity-operator';
const LEASES: ResourceType = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** The one blow of a run. */
export interface Strike {
  readonly point: Point;
  readonly blow: Blow;
}

/** What one run has written so far. */
export interface Take {
  readonly strike: Strike | undefined;
  readonly counter: PointCounter;
  readonly aws: (AwsWrite & { readonly bucket: BucketView })[];
  /** `verb path`. */
  readonly api: string[];
  wasStruck: boolean;
  /** Of AWS or the API server; a Lease does not count. */
  lastWriteAt: number;
}

/** An operator process with an account, a provider and a way to the API server of its own, on a stack that lanes share. */
export interface Lane extends AsyncDisposable {
  /** Also the name of its provider. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly account: LocalAccount;
  readonly stack: Stack;
  /** As a person with kubectl. */
  readonly user: KubernetesClient;
  /** Of all objects that the lane has had: what comes late, after a run, is still theirs. */
  readonly had: {
    readonly uids: Set<string>;
    /** Of those whose role or OIDC provider stays by their own wish. */
    readonly retained: Set<string>;
  };
  /** Counts writes anew, and strikes at one of them. */
  begin(strike?: Strike): Take;
  /** Resolves when an operator works again after a blow that killed it. */
  recovered(): Promise<void>;
  /** Resolves when nothing has been written for a second: what comes after an object has gone belongs to the run that it was of. */
  quiet(): Promise<void>;
  /** SIGTERM, then another process, whose first write is that of its Lease. */
  restart(): Promise<void>;
}

/** Starts a lane; the account must be among those of the stack. */
export async function startLane(stack: Stack, accountId: string, program?: string): Promise<Lane> {
  const name = `lane-${accountId}`;
  const account = stack.aws.account(accountId);
  const { cluster, clusterId } = stack;
  const policy = operatorPolicy({ accountId, cluster: clusterId, issuer: cluster.issuer });
  const key = account.createUser(USER, withBucketRights(policy, account));
  const folder = join(cluster.folder, name);
  await mkdir(folder, { recursive: true });
  const proxy = await startApiServerProxy(cluster);
  const direct = await cluster.kubeconfigFor({ serviceAccount: OPERATOR });
  const kubeconfig = await proxy.kubeconfigOf(direct, folder);
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  const user = kubernetesClient(sharingConnections(config), 'a-person');
  const start = (): Promise<OperatorProcess> =>
    stack.startReplica(
      name,
      {
        KUBECONFIG: kubeconfig.file,
        AWS_ACCESS_KEY_ID: key.accessKeyId,
        AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
        PROVIDER_SELECTOR: `lane=${accountId}`,
      },
      program,
    );
  let operator = start();
  await operator;
  let recovery: Promise<void> = Promise.resolve();
  const freeLease = (): Promise<void> => deleteLeases(user, name);
  const startAnew = async (): Promise<void> => {
    await freeLease();
    operator = start();
    await operator;
  };
  const kill = async (): Promise<void> => {
    await (await operator).stop(0);
    recovery = startAnew();
    recovery.catch(() => {}); // told to whoever waits for it
  };
  let take = newTake(undefined);
  const hooks = proxy.hook(apiHook(() => take, kill));
  const faults = stack.aws.faults.add({
    operation: '*',
    match: ({ write, principal }) => write && principal === `arn:aws:iam::${accountId}:user/${USER}`,
    effect: { kind: 'ask', decide: (candidate) => decide(take, { candidate, account, kill }) },
  });
  return {
    name,
    labels: { lane: accountId },
    account,
    stack,
    user,
    had: { uids: new Set(), retained: new Set() },
    begin: (strike) => (take = newTake(strike)),
    recovered: () => recovery,
    quiet: async () => {
      while (Date.now() - take.lastWriteAt < QUIET_MS) await sleep(POLL_MS); // oxlint-disable-line no-await-in-loop -- polled
    },
    restart: async () => {
      await (await operator).stop();
      await startAnew();
    },
    async [Symbol.asyncDispose]() {
      await recovery;
      await (await operator).stop(0);
      hooks[Symbol.dispose]();
      faults[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const newTake = (strike: Strike | undefined): Take => ({
  strike,
  counter: new PointCounter(),
  aws: [],
  api: [],
  wasStruck: false,
  lastWriteAt: 0,
});

/** Whether the blow falls at this write. */
function strikes(take: Take, write: string): Blow | undefined {
  const point = take.counter.next(write);
  if (!write.endsWith(' leases')) take.lastWriteAt = Date.now();
  if (take.strike === undefined || take.wasStruck || pointText(point) !== pointText(take.strike.point))
    return undefined;
  take.wasStruck = true;
  return take.strike.blow;
}

async function decide(
  take: Take,
  {
    candidate,
    account,
    kill,
  }: { readonly candidate: FaultCandidate; readonly account: LocalAccount; readonly kill: () => Promise<void> },
): Promise<Decision> {
  const { service, operation, resource } = candidate;
  const before = { roles: account.roles(), oidcProviders: account.providers() };
  take.aws.push({ call: { service, operation, resource }, before, bucket: viewOf(account) });
  const blow = strikes(take, `${service} ${operation}`);
  switch (blow) {
    case undefined:
      return 'proceed';
    case 'request-lost':
      return 'dropRequest';
    case 'response-lost':
      return 'dropResponse';
    case 'killed-before':
      await kill();
      return 'dropRequest';
    case 'killed-after': // it takes effect, and nobody is left to be told
      await kill();
      return 'proceed';
    default:
      return blow satisfies never;
  }
}

const RESET: Fault = { kind: 'reset' };
const READS = new Set(['get', 'list', 'watch']);

/** Tokens are minted by POST and are no writes. */
const isWrite = ({ verb, resource }: ProxiedRequest): boolean =>
  !READS.has(verb) && resource !== 'serviceaccounts/token' && resource !== '';

function apiHook(current: () => Take, kill: () => Promise<void>) {
  const struck = new Map<ProxiedRequest, Blow>();
  return {
    beforeRequest: async (request: ProxiedRequest): Promise<Fault | undefined> => {
      if (!isWrite(request)) return undefined;
      const take = current();
      take.api.push(`${request.verb} ${request.path}`);
      const blow = strikes(take, `api ${request.verb} ${request.resource}`);
      if (blow === undefined) return undefined;
      if (blow === 'killed-before') await kill();
      if (blow === 'killed-before' || blow === 'request-lost') return RESET;
      struck.set(request, blow);
      return undefined;
    },
    afterResponse: async (request: ProxiedRequest): Promise<Fault | undefined> => {
      const blow = struck.get(request);
      if (blow === undefined) return undefined;
      if (blow === 'killed-after') await kill();
      return RESET;
    },
  };
}

/** As if the Lease of the dead process had run out, which takes 15 s. */
async function deleteLeases(user: KubernetesClient, holder: string): Promise<void> {
  interface Lease extends KubernetesResource {
    readonly spec?: { readonly holderIdentity?: string };
  }
  const signal = AbortSignal.timeout(30_000);
  const { items } = await user.list<Lease>(LEASES, {}, signal);
  const held = items.filter(({ spec }) => spec?.holderIdentity?.startsWith(`${holder}_`) === true);
  const remove = async (lease: Lease): Promise<void> => {
    try {
      await user.delete(LEASES, nameOf(lease), {}, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
  await Promise.all(held.map(remove));
}
