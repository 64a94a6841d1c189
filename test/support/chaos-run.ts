import { IDENTITIES, type AwsFederatedIdentity } from '../../src/kube/kinds.ts';
import { type Pod, pod as podOf } from '../integration/admission-pods.ts';
import { type ChaosCluster, type Mode, startChaosCluster } from './chaos-cluster.ts';
import { type Disturbance, Disturber } from './chaos-disturbances.ts';
import { createAll, PODS, type Sent } from './chaos-load.ts';
import { judge, type Verdict } from './chaos-oracle.ts';
import { createdOutcome, type Outcome, randomPods, refusedOutcome } from './chaos-pods.ts';
import { random, type Random } from './chaos-random.ts';
import { Lives, NAMESPACES, pause, tenants, type Tenant, watchTables } from './chaos-tenants.ts';
import { provider } from './stories.ts';

export interface ChaosOptions {
  readonly mode: Mode;
  readonly pods: number;
  /** Pods a second. */
  readonly rate: number;
  readonly seed: number;
  /** At which shares of the pods the API server is killed. */
  readonly restarts: readonly number[];
  /** Whether a table is deleted with the operator's own rights. */
  readonly losesTable: boolean;
  readonly progress?: (line: string) => void;
}

export interface ChaosResult {
  readonly mode: Mode;
  readonly seed: number;
  readonly pods: number;
  readonly seconds: number;
  /** How many pods got which verdict: its kind, with the gate or the gap. */
  readonly verdicts: ReadonlyMap<string, number>;
  /** By gap: how late the latest pod in it was created, in milliseconds. */
  readonly gaps: ReadonlyMap<string, number>;
  readonly disturbances: ReadonlyMap<Disturbance, number>;
  /** Writes about identities and annotations. */
  readonly writes: number;
  /** Each with what failed, a pod or a write of an owner, and the history of its ServiceAccount. */
  readonly violations: readonly string[];
}

const signal = new AbortController().signal;
const PATIENCE_MS = 90_000;
/** A lost table comes once, early: until it is back nothing else is disturbed. */
const LOSE_TABLE_AT = 0.15;

/** Creates pods in one mode while everything that may fail does, and judges each of them. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { mode, seed, progress = () => {} } = options;
  progress(`${mode}: starting the stack, seed ${seed}`);
  await using cluster = await startChaosCluster(mode);
  const all = tenants();
  const lives = new Lives(cluster, random(seed, 'lives'));
  const disturber = new Disturber(cluster, all, random(seed, 'disturbances'));
  const watching = new AbortController();
  const watch = watchTables(cluster, all, watching.signal);
  await prepare(cluster, all, lives);
  progress(`${mode}: creating ${options.pods} pods`);
  const begin = performance.now();
  const { sent, writes, failures } = await storm({ cluster, all, lives, disturber }, options);
  const seconds = (performance.now() - begin) / 1000;
  progress(`${mode}: waiting until everything is as it should be`);
  const late = await converge(cluster, all, lives);
  watching.abort();
  await watch;
  const judged = sent.map((one) => ({ one, verdict: judge(one, disturber.disruptions) }));
  return {
    mode,
    seed,
    pods: sent.length,
    seconds,
    writes,
    disturbances: disturber.counts,
    ...sums(judged.map(({ verdict }) => verdict)),
    violations: [
      ...judged.flatMap(({ one, verdict }) =>
        verdict.kind === 'violation' ? [describeViolation(one, verdict.why)] : [],
      ),
      ...failures,
      ...late,
    ],
  };
}

function sums(verdicts: readonly Verdict[]): Pick<ChaosResult, 'verdicts' | 'gaps'> {
  const counts = new Map<string, number>();
  const gaps = new Map<string, number>();
  for (const verdict of verdicts) {
    const name =
      verdict.kind === 'denied'
        ? `denied by ${verdict.gate}`
        : verdict.kind === 'gap'
          ? `gap: ${verdict.gap}`
          : verdict.kind;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (verdict.kind === 'gap') gaps.set(verdict.gap, Math.max(gaps.get(verdict.gap) ?? 0, verdict.afterMs));
  }
  return { verdicts: counts, gaps };
}

const describeViolation = ({ pod, begun, ended, outcome, history }: Sent, why: string): string =>
  `pod ${begun.toFixed(0)}-${ended.toFixed(0)} was ${why}\n  outcome: ${JSON.stringify(outcome)}\n  pod: ${JSON.stringify(pod)}\n  ${history.around(begun)}`;

interface Scene {
  readonly cluster: ChaosCluster;
  readonly all: readonly Tenant[];
  readonly lives: Lives;
  readonly disturber: Disturber;
}

/** Pods, the lives of their ServiceAccounts and the disturbances, all at the same time, until the last pod has its outcome. */
async function storm(
  { cluster, all, lives, disturber }: Scene,
  { seed, pods, rate, restarts, losesTable }: ChaosOptions,
): Promise<{ readonly sent: readonly Sent[] } & Pick<State, 'writes' | 'failures'>> {
  const state: State = { share: 0, isDone: false, writes: 0, failures: [] };
  const recent: Tenant[] = [];
  const living = NAMESPACES.map((namespace) => {
    const decisions = random(seed, namespace);
    const mine = all.filter(({ tenancy, history }) => history.namespace === namespace && tenancy !== 'never');
    return live(mine, { lives, decisions, recent, state });
  });
  const disturbing = disturb(disturber, random(seed, 'pauses'), { restarts: [...restarts], losesTable, state });
  const candidates = randomPods(seed, pods, random(seed, 'pods'));
  const sent = await createAll(cluster, candidates, all, {
    rate,
    random: random(seed, 'load'),
    recent,
    onProgress: (share) => (state.share = share),
  });
  state.isDone = true;
  await Promise.all([...living, disturbing]);
  return { sent, writes: state.writes, failures: state.failures };
}

interface State {
  share: number;
  isDone: boolean;
  writes: number;
  /** Writes of owners that were refused. */
  readonly failures: string[];
}

interface Living {
  readonly lives: Lives;
  readonly decisions: Random;
  readonly recent: Tenant[];
  readonly state: State;
}

async function live(mine: readonly Tenant[], { lives, decisions, recent, state }: Living): Promise<void> {
  const steps = new Map<Tenant, Promise<void>>();
  const step = async (tenant: Tenant): Promise<void> => {
    try {
      await lives.step(tenant);
    } catch (error) {
      state.failures.push(
        `a write of the owner failed: ${String(error)}\n  ${tenant.history.around(performance.now())}`,
      );
    }
    steps.delete(tenant);
  };
  while (!state.isDone) {
    await pause(decisions.between(100, 1_200));
    const tenant = decisions.pick(mine);
    if (steps.has(tenant)) continue; // one owner does one thing at a time, however long the API server is away
    state.writes += 1;
    steps.set(tenant, step(tenant));
    recent.push(tenant);
  }
  await Promise.all(steps.values());
}

async function disturb(
  disturber: Disturber,
  decisions: Random,
  { restarts, losesTable, state }: { readonly restarts: number[]; readonly losesTable: boolean; readonly state: State },
): Promise<void> {
  let hasLostTable = !losesTable;
  while (!state.isDone) {
    await pause(decisions.between(200, 2_000));
    if (!hasLostTable && state.share >= LOSE_TABLE_AT) {
      hasLostTable = true;
      await disturber.carryOut('loseTable');
    } else if (restarts[0] !== undefined && state.share >= restarts[0]) {
      restarts.shift();
      await disturber.carryOut('restartApiServer');
    } else {
      await disturber.carryOut(disturber.next());
    }
  }
}

const plain = (namespace: string, serviceAccountName: string): Pod => {
  const one = podOf({ serviceAccountName, automountServiceAccountToken: false });
  return { ...one, metadata: { ...one.metadata, namespace } as Pod['metadata'] };
};

/** What would become of a plain pod now. */
async function dryRun({ kubernetes }: ChaosCluster, namespace: string, serviceAccount: string): Promise<Outcome> {
  const candidate = plain(namespace, serviceAccount);
  try {
    return createdOutcome(candidate, await kubernetes.tryCreate<Pod>(PODS, candidate, signal));
  } catch (error) {
    return refusedOutcome(error) ?? { kind: 'failed', message: String(error) };
  }
}

/** Whether a plain pod of the ServiceAccount is given just what it claims. */
async function isServed(cluster: ChaosCluster, { namespace, name, claim }: Tenant['history']): Promise<boolean> {
  const outcome = await dryRun(cluster, namespace, name);
  if (outcome.kind !== 'created') return false;
  return claim.kind === 'none' ? outcome.untouched : outcome.complete && outcome.roles.join() === claim.roleArn;
}

async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) return false;
    await pause(200);
  }
  return true;
}

/** Namespaces, ServiceAccounts and those that are bound from the start; policies, gates and operator are in force. */
async function prepare(cluster: ChaosCluster, all: readonly Tenant[], lives: Lives): Promise<void> {
  const { stack, replicas, start, kubernetes } = cluster;
  const object = (kind: string, metadata: object): object => ({ apiVersion: 'v1', kind, metadata });
  const items = [
    ...NAMESPACES.map((name) => object('Namespace', { name })),
    ...all.map(({ history: { namespace, name } }) => object('ServiceAccount', { namespace, name })),
  ];
  await stack.kubectl(['apply', '--server-side', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  await stack.kubectl(['apply', '-f', '-'], provider());
  const steady = all.filter(({ tenancy }) => tenancy.startsWith('steady'));
  for (const { tenancy, history } of steady) if (tenancy === 'steadyIdentity') await lives.createIdentity(history);
  // No operator has run: only the pending gate can deny these.
  const [{ history: first } = { history: undefined }] = steady.filter(({ tenancy }) => tenancy === 'steadyIdentity');
  if (first === undefined) throw new Error('there is no steady identity');
  const isGated = await until(async () => (await dryRun(cluster, first.namespace, first.name)).kind === 'denied');
  if (!isGated) throw new Error('the pending gate is not in force');
  await Promise.all(replicas.map(start));
  for (const { tenancy, history } of steady) if (tenancy === 'steadyAnnotation') await lives.annotate(history);
  const identities = await kubernetes.list<AwsFederatedIdentity>(IDENTITIES, {}, signal);
  for (const { metadata } of identities.items)
    await kubernetes.mergePatch(
      IDENTITIES,
      { namespace: metadata.namespace, name: metadata.name ?? '' },
      { spec: { suspend: false } },
      signal,
    );
  for (const { history } of steady)
    if (!(await until(() => isServed(cluster, history))))
      throw new Error(`pods are not injected:\n${history.around(performance.now())}`);
}

/** After the storm every ServiceAccount gets what it claims, by itself; what does not is told. */
async function converge(cluster: ChaosCluster, all: readonly Tenant[], lives: Lives): Promise<readonly string[]> {
  const identities = all.filter(({ history: { claim } }) => claim.kind === 'role' && claim.by === 'identity');
  for (const { history } of identities) await lives.resume(history);
  const late = await Promise.all(
    all.map(async ({ history }) =>
      (await until(() => isServed(cluster, history)))
        ? []
        : [
            `after the storm its pods are not given what it claims: ${JSON.stringify(history.claim)}\n  ${history.around(performance.now())}`,
          ],
    ),
  );
  return late.flat();
}
