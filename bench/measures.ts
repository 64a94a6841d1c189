import { readFile, stat } from 'node:fs/promises';
import type { OperatorProcess } from '../dev/stack/operator-process.ts';
import { auditMark, operatorWrites, processFigures, totalOf } from './process-figures.ts';
import { burst, remove, singleTimes } from './ready-times.ts';
import type { IdentityName, Scene } from './scene.ts';

export const seconds = (count: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** Calls of the operator to AWS since a mark, by service. */
function awsCalls(
  { stack }: Scene,
  mark: number,
): { readonly all: number; readonly iam: number; readonly writes: number } {
  const calls = stack.aws.calls.since(mark).filter(({ userAgent }) => userAgent !== 'local-account');
  const iam = calls.filter(({ service }) => service === 'iam');
  return { all: calls.length, iam: iam.length, writes: iam.filter(({ write }) => write).length };
}

export interface Burst {
  readonly seconds: number;
  readonly iamCallsPerIdentity: number;
  readonly apiWritesPerIdentity: number;
}

export async function measureBurst(scene: Scene, names: readonly IdentityName[]): Promise<Burst> {
  const mark = scene.stack.aws.calls.mark();
  const audit = await auditMark(scene.stack.cluster.auditLog);
  const duration = await burst(scene, names);
  await seconds(3); // Events are written a moment later
  const writes = await operatorWrites(scene.stack.cluster.auditLog, audit);
  const result = {
    seconds: duration,
    iamCallsPerIdentity: awsCalls(scene, mark).iam / names.length,
    apiWritesPerIdentity: totalOf(writes.stored) / names.length,
  };
  await scene.stack.restartOperator({ environment: { AWS_CALLS_PER_SECOND: '100' } }); // nobody measures the clean-up
  await remove(scene, names);
  return result;
}

export async function measureSingles(scene: Scene, names: readonly IdentityName[]): Promise<readonly number[]> {
  const [first, ...others] = names;
  if (first !== undefined) await singleTimes(scene, [first]); // the first one pays for the table of the namespace
  const times = await singleTimes(scene, others);
  await remove(scene, names);
  return times;
}

export interface Steady {
  readonly awsCallsPerHour: number;
  readonly awsCallsByOperation: Readonly<Record<string, number>>;
  readonly awsWrites: number;
  /** Beside the renewal of the Lease. */
  readonly apiWritesPerHour: number;
  readonly apiWritesByKind: Readonly<Record<string, number>>;
  readonly tokensPerHour: number;
  readonly leaseWritesPerHour: number;
  /** CPU of the time that was looked at, taken over the time that it stands for: without what idling costs in the rest. */
  readonly cpuPercent: number;
  readonly rssMiB: number;
}

const CYCLE_SECONDS = 600;
/** So many resync intervals are looked at: each identity is reconciled in about every third, and chance evens out. */
const CYCLES = 3;

/** Seconds of a resync interval that was shortened `lapse` times. */
export const cycleSeconds = (lapse: number): number => CYCLE_SECONDS / lapse;

/** All intervals shortened alike: what happens in ten minutes happens in ten minutes through `lapse`. */
export const lapsed = (lapse: number): Readonly<Record<string, string>> => ({
  RESYNC_INTERVAL: String(cycleSeconds(lapse)),
  PROVIDER_VERIFICATION_INTERVAL: String(Math.max(10, cycleSeconds(lapse) / 2)),
  VERIFICATION_INTERVAL: String(Math.max(60, Math.round(21_600 / lapse))),
});

/** Looks on for some resync intervals in which nothing changes. */
export async function measureSteady(scene: Scene, lapse: number): Promise<Steady> {
  const { aws, cluster, operator } = scene.stack;
  const mark = aws.calls.mark();
  const audit = await auditMark(cluster.auditLog);
  const before = await processFigures(operator.pid);
  await seconds(CYCLES * cycleSeconds(lapse));
  const after = await processFigures(operator.pid);
  const perHour = (count: number): number => (count * 3600) / (CYCLES * CYCLE_SECONDS);
  const { stored, leases, tokens } = await operatorWrites(cluster.auditLog, audit);
  const calls = awsCalls(scene, mark);
  return {
    awsCallsPerHour: perHour(calls.all),
    awsCallsByOperation: Object.fromEntries(
      Object.entries(
        Object.groupBy(aws.calls.since(mark), ({ operation, errorCode }) => `${operation} ${errorCode ?? 'OK'}`),
      ).map(([operation, all]) => [operation, perHour(all?.length ?? 0)]),
    ),
    awsWrites: calls.writes,
    apiWritesPerHour: perHour(totalOf(stored)),
    apiWritesByKind: stored,
    tokensPerHour: perHour(tokens),
    leaseWritesPerHour: (leases * 3600) / (CYCLES * cycleSeconds(lapse)),
    cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / (CYCLES * CYCLE_SECONDS)) * 100,
    rssMiB: after.rssMiB,
  };
}

/** Detaches a policy of a role in each account; minutes until the last one is back, as they would be without `lapse`. */
export async function measureDrift(scene: Scene, roles: readonly [string, string][], lapse: number): Promise<number> {
  const PolicyArn = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess';
  const startedAt = performance.now();
  const open = new Set(roles);
  for (const [account, RoleName] of roles)
    await scene.stack.aws.account(account).perform('DetachRolePolicy', { RoleName, PolicyArn });
  while (open.size > 0) {
    await seconds(0.1);
    for (const entry of open)
      if (scene.stack.aws.account(entry[0]).role(entry[1])?.attachedPolicies.includes(PolicyArn) === true)
        open.delete(entry);
  }
  return ((performance.now() - startedAt) / 60_000) * lapse;
}

interface LogTime {
  readonly time: number;
  readonly msg: string;
  readonly controller?: string;
  readonly object?: string;
}

const sizeOf = async (file: string): Promise<number> => (await stat(file).catch(() => ({ size: 0 }))).size;

async function logSince(file: string, offset: number): Promise<readonly LogTime[]> {
  const text = (await readFile(file)).subarray(offset).toString();
  return text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line): LogTime => JSON.parse(line));
}

async function until<T>(look: () => Promise<T | undefined>, patienceSeconds: number, what: string): Promise<T> {
  const deadline = performance.now() + patienceSeconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${patienceSeconds} s`);
    await seconds(0.2);
  }
}

export interface ColdStart {
  readonly firstReconcileSeconds: number;
  readonly allObservedSeconds: number;
  readonly awsCalls: number;
  readonly awsWrites: number;
  readonly apiWrites: Readonly<Record<string, number>>;
}

/** Starts the process anew, by its own log of reconciles; `population` identities must each be reconciled once. */
export async function measureColdStart(
  scene: Scene,
  population: number,
  environment: Readonly<Record<string, string>>,
): Promise<ColdStart> {
  const { stack } = scene;
  await stack.operator.stop();
  const mark = stack.aws.calls.mark();
  const audit = await auditMark(stack.cluster.auditLog);
  const offset = await sizeOf(stack.operator.logFile);
  const startedAt = Date.now();
  await stack.restartOperator({ environment: { ...environment, LOG_LEVEL: 'debug' } });
  const lines = await until(
    async () => {
      const reconciled = (await logSince(stack.operator.logFile, offset)).filter(({ msg }) => msg === 'reconciled');
      const identities = reconciled.filter(({ controller }) => controller === 'aws-federated-identity');
      const isDone = reconciled.length > 0 && new Set(identities.map(({ object }) => object)).size >= population;
      return isDone ? { reconciled, identities } : undefined;
    },
    300,
    'the reconcile of all identities after a start',
  );
  const all = firstTimes(lines.identities);
  await seconds(3);
  const { stored: apiWrites } = await operatorWrites(stack.cluster.auditLog, audit);
  const calls = awsCalls(scene, mark);
  return {
    firstReconcileSeconds: ((lines.reconciled[0]?.time ?? Number.NaN) - startedAt) / 1000,
    allObservedSeconds: (Math.max(startedAt, ...all) - startedAt) / 1000,
    awsCalls: calls.all,
    awsWrites: calls.writes,
    apiWrites,
  };
}

function firstTimes(lines: readonly LogTime[]): Iterable<number> {
  const first = new Map<string | undefined, number>();
  for (const { object, time } of lines) if (!first.has(object)) first.set(object, time);
  return first.values();
}

/** Seconds from the signal until the standby reconciles; 0 as the grace is SIGKILL, else SIGTERM. */
export async function failover(
  leader: Pick<OperatorProcess, 'stop'>,
  standby: Pick<OperatorProcess, 'logFile'>,
  graceMs: number,
): Promise<number> {
  const offset = await sizeOf(standby.logFile);
  const signalledAt = Date.now();
  const stopped = leader.stop(graceMs);
  const first = await until(
    async () => (await logSince(standby.logFile, offset)).find(({ msg }) => msg === 'reconciled'),
    60,
    'the first reconcile of the standby',
  );
  await stopped;
  return (first.time - signalledAt) / 1000;
}
