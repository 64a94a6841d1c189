import type { ResourceType } from '../../src/kube/resource.ts';
import type { Pod } from '../integration/admission-pods.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import type { PodRequest } from './chaos-oracle.ts';
import { BATCH_LABEL, createdOutcome, optsOut, type Outcome, refusedOutcome, REQUEST_LABEL } from './chaos-pods.ts';
import type { Random } from './chaos-random.ts';
import { NAMESPACES, pause, persist, type Tenant } from './chaos-tenants.ts';

export const PODS: ResourceType = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
const BURST = 8;
const BATCH = 200;
const MAX_IN_FLIGHT = 32;
/** Pods are created most where something has just changed. */
const CHANGED_SHARE = 0.3;
const signal = new AbortController().signal;

export interface Sent extends PodRequest {
  readonly pod: Pod;
}

export interface Load {
  /** Pods a second. */
  readonly rate: number;
  readonly random: Random;
  /** ServiceAccounts that something was written about a moment ago, the newest last. */
  readonly recent: readonly Tenant[];
  /** Share of the pods that were sent, 0 to 1. */
  readonly onProgress: (share: number) => void;
}

/** Creates the pods in bursts, each of a random ServiceAccount, and deletes them again; resolves when each has an outcome. */
export async function createAll(
  cluster: ChaosCluster,
  pods: readonly Pod[],
  all: readonly Tenant[],
  { rate, random, recent, onProgress }: Load,
): Promise<readonly Sent[]> {
  const results: Promise<Sent>[] = [];
  const batches: Promise<void>[] = [];
  const inFlight = new Set<Promise<Sent>>();
  let batchStart = 0;
  const begin = performance.now();
  while (results.length < pods.length) {
    const burst = pods.slice(results.length, results.length + 1 + Math.floor(random.between(0, BURST)));
    for (const pod of burst) {
      const tenant =
        recent.length > 0 && random.chance(CHANGED_SHARE) ? random.pick(recent.slice(-3)) : random.pick(all);
      const labels = { [REQUEST_LABEL]: String(results.length), [BATCH_LABEL]: String(batches.length) };
      const result = createOne(cluster, pod, { tenant, labels }).finally(() => inFlight.delete(result));
      inFlight.add(result);
      results.push(result);
    }
    if (results.length - batchStart >= BATCH) {
      batches.push(deleteBatch(cluster, String(batches.length), results.slice(batchStart)));
      batchStart = results.length;
    }
    onProgress(results.length / pods.length);
    await pause(
      Math.max(0, (results.length / rate) * 1_000 * random.between(0.97, 1.03) - (performance.now() - begin)),
    );
    while (inFlight.size > MAX_IN_FLIGHT) await Promise.race(inFlight);
  }
  const done = await Promise.all(results);
  await Promise.all([...batches, deleteBatch(cluster, String(batches.length), [])]);
  return done;
}

interface Addressed {
  readonly tenant: Tenant;
  readonly labels: Readonly<Record<string, string>>;
}

async function createOne(
  { kubernetes }: ChaosCluster,
  random: Pod,
  { tenant: { history }, labels }: Addressed,
): Promise<Sent> {
  const { namespace, name } = history;
  const pod = {
    ...random,
    metadata: { ...random.metadata, namespace, labels },
    spec: { ...random.spec, serviceAccountName: name },
  };
  const begun = performance.now();
  const find = async (): Promise<Outcome> => {
    const query = { labelSelector: `${REQUEST_LABEL}=${labels[REQUEST_LABEL]}` };
    const [stored] = (await persist(() => kubernetes.list<Pod>(PODS, query, signal))).items;
    return stored === undefined ? { kind: 'failed', message: 'no answer' } : createdOutcome(pod, stored);
  };
  try {
    const stored = await kubernetes.create<Pod>(PODS, pod, signal);
    const ended = performance.now();
    return { history, pod, optsOut: optsOut(pod), begun, ended, outcome: createdOutcome(pod, stored) };
  } catch (error) {
    const ended = performance.now();
    return { history, pod, optsOut: optsOut(pod), begun, ended, outcome: refusedOutcome(error) ?? (await find()) };
  }
}

/** etcd stays small; a pod without a node is gone at once. */
async function deleteBatch({ stack }: ChaosCluster, batch: string, results: readonly Promise<Sent>[]): Promise<void> {
  await Promise.all(results);
  const query = ['-l', `${BATCH_LABEL}=${batch}`, '--force', '--grace-period=0', '--wait=false'];
  for (const namespace of NAMESPACES) await persist(() => stack.kubectl(['delete', 'pods', '-n', namespace, ...query]));
}
