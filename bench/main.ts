// `npm run bench`: what the operator costs at rest and under load, at several populations. bench/README.md says how.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Progress, withProgress } from '../dev/cluster/progress.ts';
import {
  cycleSeconds,
  failover,
  lapsed,
  measureBurst,
  measureColdStart,
  measureDrift,
  measureSingles,
  measureSteady,
  seconds,
} from './measures.ts';
import { populate, residentName } from './population.ts';
import { processFigures } from './process-figures.ts';
import { quantile } from './quantiles.ts';
import { type Result, isMissed, tableOf, updated } from './results.ts';
import {
  ACCOUNTS,
  type IdentityName,
  makeNamespaces,
  makeProviders,
  POLICIES,
  type Scene,
  startScene,
} from './scene.ts';

import { CPU_AT_REST, steadyResults } from './steady-results.ts';

interface Summary {
  readonly quick: boolean;
  readonly latencyMs: number;
  readonly machine: { readonly cpus: number; readonly model: string; readonly node: string };
  readonly results: readonly Result[];
  readonly details: Record<string, unknown>;
}

const ALL_PARTS = ['empty', 'populated', 'takeover'];
const RESULTS = fileURLToPath(new URL('results.json', import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    latency: { type: 'string', default: '30' },
    parts: { type: 'string', default: ALL_PARTS.join(',') },
    output: { type: 'string', default: RESULTS },
  },
});
const parts = new Set(values.parts.split(','));
const latencyMs = Number(values.latency);
const strange = [...parts].find((part) => !ALL_PARTS.includes(part));
if (strange !== undefined) refuse(`--parts takes some of ${ALL_PARTS.join(',')}, not ${JSON.stringify(strange)}`);
if (!(values.latency.trim() !== '' && latencyMs >= 0))
  refuse(`--latency takes milliseconds, such as 30, not ${JSON.stringify(values.latency)}`);
const plan = values.quick
  ? { singles: 20, bursts: [50, 100], populations: [100, 500], lapses: [10, 10], takeovers: 1 }
  : { singles: 50, bursts: [200, 1_000], populations: [1_000, 10_000], lapses: [10, 5], takeovers: 2 };

/** IAM calls a second and account, and calls at once after a quiet time: the defaults, and their most for the second burst. */
const RATES = [10, 100] as const;
const CONCURRENCY = 32;

const progress: Progress = (line) => console.error(line);
/** Of the parts that are not measured now, what the output says of them, if it is there. */
const isPartial = parts.size < ALL_PARTS.length && existsSync(values.output);
const earlier: Pick<Summary, 'quick' | 'latencyMs' | 'results' | 'details'> = isPartial
  ? JSON.parse(await readFile(values.output, 'utf8'))
  : { quick: values.quick, latencyMs, results: [], details: {} };
if (earlier.latencyMs !== latencyMs || earlier.quick !== values.quick)
  refuse(
    `${values.output} was measured ${earlier.quick ? 'with' : 'without'} --quick and with --latency ${earlier.latencyMs}: give the same, or another --output`,
  );
let results = earlier.results;
const { details } = earlier;
const add = (result: Result): void => {
  results = updated(results, [{ ...result, measuredAt: new Date().toISOString() }]);
  progress(`  ${result.measure}, ${result.population} identities: ${result.value.toFixed(2)} ${result.unit}`);
};

function refuse(why: string): never {
  console.error(`bench: ${why}`);
  process.exit(2);
}

const named = (prefix: string, count: number): readonly IdentityName[] =>
  Array.from({ length: count }, (_, index) => ({
    namespace: `${prefix}-${Math.floor(index / 100)}`,
    name: `${prefix}-${index}`,
  }));

{
  await using scene = await startScene(lapsed(1), progress);
  scene.delayAws(latencyMs);
  await makeProviders(scene, 1);
  if (parts.has('empty')) await emptyCluster(scene);
  await makeProviders(scene, ACCOUNTS.length);
  let from = 0;
  const populations = parts.has('populated') ? plan.populations : [];
  for (const [index, population] of populations.entries()) {
    await populate(scene, { from, to: population, providers: ACCOUNTS.length }, progress);
    scene.delayAws(latencyMs);
    await populated(scene, population, plan.lapses[index] ?? 1);
    from = population;
  }
  const largest = populations.at(-1) ?? 0;
  if (largest > 0) await singles(scene, 'beside', largest);
  if (parts.has('takeover')) await takeovers(scene, largest);
}
await report();

async function emptyCluster(scene: Scene): Promise<void> {
  await coldStart(scene, 0, { first: 1, all: undefined });
  await seconds(20);
  const before = await processFigures(scene.stack.operator.pid);
  await withProgress(progress, 'a minute at rest', () => seconds(60));
  const after = await processFigures(scene.stack.operator.pid);
  add({ measure: 'RSS at rest', population: 0, value: after.rssMiB, unit: 'MiB' });
  add({
    measure: CPU_AT_REST,
    population: 0,
    value: ((after.cpuSeconds - before.cpuSeconds) / 60) * 100,
    unit: '% of a core',
    most: 2,
  });
  await singles(scene, 'empty', 0);
  for (const [index, count] of plan.bursts.entries()) await bursts(scene, count, RATES[index] ?? 10);
}

async function singles(scene: Scene, prefix: string, population: number): Promise<void> {
  const names = named(prefix, plan.singles + 1);
  await makeNamespaces(
    scene,
    names.map(({ namespace }) => namespace),
  );
  const times = await withProgress(progress, `${plan.singles} identities, one after the other`, () =>
    measureSingles(scene, names),
  );
  const empty = results.find(({ measure }) => measure === 'time to Ready, p99')?.value;
  // CreateRole, two attachments, one inline policy and the exchange follow each other; so does half a second for the gate.
  const limit = {
    value: 500 + (POLICIES + 2) * latencyMs,
    why: 'the gate waits 500 ms, and five calls follow each other',
  };
  add({ measure: 'time to Ready, p50', population, value: quantile(times, 0.5), unit: 'ms', limit });
  add({
    measure: 'time to Ready, p99',
    population,
    value: quantile(times, 0.99),
    unit: 'ms',
    ...(empty === undefined ? {} : { most: 1.5 * empty }),
    limit,
  });
}

async function bursts(scene: Scene, count: number, callsPerSecond: number): Promise<void> {
  await scene.stack.restartOperator({ environment: { AWS_CALLS_PER_SECOND: String(callsPerSecond) } });
  await seconds(5);
  const names = named(`burst-${count}`, count);
  await makeNamespaces(
    scene,
    names.map(({ namespace }) => namespace),
  );
  const burst = await withProgress(progress, `${count} identities at once, ${callsPerSecond} calls a second`, () =>
    measureBurst(scene, names),
  );
  const perIdentity = POLICIES + 1;
  const byRate = (perIdentity * count - 2 * callsPerSecond) / callsPerSecond;
  const byLatency = (count * (500 + (perIdentity + 1) * latencyMs)) / CONCURRENCY / 1000;
  const limit =
    byRate > byLatency
      ? { value: byRate, why: `${perIdentity} calls each at ${callsPerSecond} a second, ${2 * callsPerSecond} at once` }
      : {
          value: byLatency,
          why: `${CONCURRENCY} workers, 500 ms and ${perIdentity + 1} calls of ${latencyMs} ms each`,
        };
  add({
    measure: `burst of ${count}, all Ready`,
    population: 0,
    value: burst.seconds,
    unit: 's',
    most: 1.3 * limit.value,
    limit,
  });
  add({
    measure: `burst of ${count}, IAM calls`,
    population: 0,
    value: burst.iamCallsPerIdentity,
    unit: 'per identity',
    most: 4.1,
    limit: { value: perIdentity, why: 'a call for the role and for each policy' },
  });
  add({
    measure: `burst of ${count}, API writes`,
    population: 0,
    value: burst.apiWritesPerIdentity,
    unit: 'per identity',
  });
}

async function coldStart(
  scene: Scene,
  population: number,
  most: { readonly first: number | undefined; readonly all: number | undefined },
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const start = await withProgress(progress, `a start with ${population} identities`, () =>
    measureColdStart(scene, population, environment),
  );
  details[`start at ${population}`] = start;
  add({
    measure: 'start to first reconcile',
    population,
    value: start.firstReconcileSeconds,
    unit: 's',
    ...(most.first && { most: most.first }),
  });
  if (population === 0) return;
  add({
    measure: 'start to all observed',
    population,
    value: start.allObservedSeconds,
    unit: 's',
    ...(most.all && { most: most.all }),
  });
  add({
    measure: 'AWS calls of a start',
    population,
    value: start.awsCalls,
    unit: '',
    most: Math.max(15 * ACCOUNTS.length, (15 * population) / 1000),
  });
  add({ measure: 'AWS writes of a start', population, value: start.awsWrites, unit: '', most: 0 });
  const apiWrites = Object.values(start.apiWrites).reduce((sum, count) => sum + count, 0);
  add({ measure: 'API writes of a start', population, value: apiWrites, unit: '' });
}

async function populated(scene: Scene, population: number, lapse: number): Promise<void> {
  await coldStart(scene, population, { first: undefined, all: 30 }, lapsed(lapse));
  await scene.stack.restartOperator({ environment: lapsed(lapse) });
  // The accounts are swept at about the same time since the start: what is looked at begins and ends between two sweeps.
  await withProgress(progress, 'a resync interval and a half', () => seconds(1.5 * cycleSeconds(lapse)));
  const steady = await withProgress(progress, 'some resync intervals of rest', () => measureSteady(scene, lapse));
  details[`steady at ${population}`] = { lapse, ...steady };
  const idlePercent = results.find((result) => result.measure === CPU_AT_REST && result.population === 0)?.value ?? 0;
  for (const result of steadyResults(steady, { population, lapse, idlePercent })) add(result);
  if (lapse === 1) return;
  const roles = ACCOUNTS.map((account, index): [string, string] => [
    account,
    roleName(scene, residentName(index, ACCOUNTS.length)),
  ]);
  const minutes = await withProgress(progress, 'drift in each account', () => measureDrift(scene, roles, lapse));
  add({
    measure: 'drift repaired within',
    population,
    value: minutes,
    unit: 'min',
    most: 10.5,
    limit: { value: 10, why: 'the resync interval' },
    note: `intervals shortened ${lapse} times`,
  });
}

function roleName({ identities }: Scene, name: IdentityName): string {
  return identities.get(name)?.status?.roleArn?.split('/').at(-1) ?? '';
}

async function takeovers({ stack }: Scene, population: number): Promise<void> {
  const settings = { LOG_LEVEL: 'debug' };
  await stack.restartOperator({ environment: settings });
  let leader = stack.operator;
  for (const [signal, graceMs, most] of [
    ['SIGTERM', 15_000, 3],
    ['kill -9', 0, 17],
  ] as const) {
    const times: number[] = [];
    for (let round = 0; round < plan.takeovers; round += 1) {
      const standby = await stack.startReplica(`standby-${graceMs}-${round}`, settings);
      await seconds(5 * Math.random() + 5);
      times.push(await withProgress(progress, `take-over after ${signal}`, () => failover(leader, standby, graceMs)));
      leader = standby;
    }
    add({ measure: `take-over after ${signal}`, population, value: Math.max(...times), unit: 's', most });
  }
  await leader.stop();
}

async function report(): Promise<void> {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', node: process.version };
  const summary: Summary = { quick: values.quick, latencyMs, machine, results, details };
  await writeFile(values.output, `${JSON.stringify(summary, undefined, 2)}\n`);
  console.log(tableOf(results));
  const missed = results.filter(isMissed).length;
  console.log(`\n${results.length - missed} of ${results.length} as they should be; ${values.output}`);
}
