// `npm run bench:injection`: what injection adds to the creation of a pod, by policy and by webhook. bench/README.md says how.
import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, request, type RequestOptions } from 'node:https';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import {
  BASELINES,
  BOUND,
  type Mode,
  namespaceOf,
  PLAIN,
  type Population,
  POPULATIONS,
  startScene,
} from './injection-scene.ts';
import { addedAtTheFloor, addedInPairs, type Quantiles, quantile } from './quantiles.ts';

const RESULTS = join(dirname(fileURLToPath(import.meta.url)), 'results', 'injection.json');

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '150' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 10) throw new Error(`--rounds ${values.rounds}: a whole number from 10 on`);

/** Variables that a container of a bound pod gets. */
const INJECTED = 5;

const SHAPES = [
  { name: '1 container', serviceAccount: BOUND, containers: 1 },
  { name: '3 containers', serviceAccount: BOUND, containers: 3 },
  { name: 'plain pod beside', serviceAccount: PLAIN, containers: 1 },
] as const;
type Shape = (typeof SHAPES)[number];

interface Row {
  readonly mode: Mode | 'noise';
  readonly population: Population | undefined;
  readonly shape: Shape;
  readonly namespace: string;
  readonly milliseconds: number[];
}

const MODES: readonly Mode[] = ['policy', 'webhook'];
const rowsOf = (mode: Mode, population: Population): readonly Row[] =>
  SHAPES.filter(({ serviceAccount }) => population > 0 || serviceAccount === PLAIN).map((shape) => ({
    mode,
    population,
    shape,
    namespace: namespaceOf(mode, population),
    milliseconds: [],
  }));

const baselines = new Map(SHAPES.map((shape): [string, number[]] => [shape.name, []]));
const rows: readonly Row[] = [
  ...MODES.flatMap((mode) => POPULATIONS.flatMap((population) => rowsOf(mode, population))),
  ...SHAPES.map((shape): Row => ({
    mode: 'noise',
    population: undefined,
    shape,
    namespace: BASELINES[1],
    milliseconds: [],
  })),
];

const progress = (line: string): void => console.error(line);
await using scene = await startScene(progress);
const create = await podCreator(scene.cluster.kubeconfig);
await untilInForce();
await measure();
await report();

/** Resolves with the milliseconds of a dry-run creation, and the variables that the first container came back with. */
async function podCreator(kubeconfig: string) {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const options: RequestOptions = { agent: new Agent({ keepAlive: true, maxSockets: 1 }) };
  await config.applyToHTTPSOptions(options);
  const server = config.getCurrentCluster()?.server ?? '';
  return (namespace: string, { serviceAccount, containers }: Shape): Promise<{ milliseconds: number; env: number }> => {
    const body = JSON.stringify(pod(serviceAccount, containers));
    const url = `${server}/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const { promise, resolve, reject } = Promise.withResolvers<{ milliseconds: number; env: number }>();
    const begin = performance.now();
    const headers = { 'content-type': 'application/json' };
    const outgoing = request(url, { ...options, method: 'POST', headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const milliseconds = performance.now() - begin;
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode !== 201) return reject(new Error(`pod in ${namespace}: ${text}`));
        const created = JSON.parse(text) as { spec: { containers: { env?: unknown[] }[] } };
        return resolve({
          milliseconds,
          env: created.spec.containers.reduce((sum, { env = [] }) => sum + env.length, 0),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
    return promise;
  };
}

function pod(serviceAccountName: string, containers: number): object {
  const names = Array.from({ length: containers }, (_, index) => `c${index}`);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'bench-' },
    spec: { serviceAccountName, containers: names.map((name) => ({ name, image: 'registry.example/app:1' })) },
  };
}

/** Every row must measure what it says: bound pods come back whole, others as they went. */
async function problemOf({ namespace, mode, shape }: Row): Promise<string | undefined> {
  const wanted = mode !== 'noise' && shape.serviceAccount === BOUND ? INJECTED * shape.containers : 0;
  try {
    const { env } = await create(namespace, shape);
    return env === wanted ? undefined : `${shape.name} in ${namespace} has ${env} variables rather than ${wanted}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function untilInForce(): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (const row of rows) {
    for (let problem = await problemOf(row); problem !== undefined; problem = await problemOf(row)) {
      if (Date.now() > deadline) throw new Error(`${row.mode} is not in force after a minute: ${problem}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** Round by round, each row and each baseline once, in another order each time, so that the machine's moods hit all alike. */
async function measure(): Promise<void> {
  const baseline = SHAPES.map((shape) => ({
    namespace: BASELINES[0],
    shape,
    milliseconds: baselines.get(shape.name) ?? [],
  }));
  for (let round = 0; round < rounds; round += 1) {
    for (const one of shuffled([...rows, ...baseline]))
      one.milliseconds.push((await create(one.namespace, one.shape)).milliseconds);
    if ((round + 1) % 25 === 0) progress(`round ${round + 1} of ${rounds}`);
  }
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

interface Result extends Quantiles {
  readonly floor: number;
  readonly mode: string;
  readonly bound: number | null;
  readonly pod: string;
}

async function report(): Promise<void> {
  const results = rows.map(({ mode, population, shape, milliseconds }): Result => ({
    mode,
    bound: population ?? null,
    pod: shape.name,
    ...addedInPairs(milliseconds, baselines.get(shape.name) ?? []),
    floor: addedAtTheFloor(milliseconds, baselines.get(shape.name) ?? []),
  }));
  const without = quantile(baselines.get('1 container') ?? [], 0.5);
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? '',
    node: process.version,
    kubernetes: scene.cluster.version,
  };
  const summary = {
    unit: 'ms added to a pod creation',
    rounds,
    medianWithoutMs: Math.round(without * 100) / 100,
    machine,
    results,
  };
  await mkdir(dirname(RESULTS), { recursive: true });
  await writeFile(RESULTS, `${JSON.stringify(summary, undefined, 2)}\n`);
  console.log(
    `Milliseconds that are added to a pod creation of ${summary.medianWithoutMs} ms (median), ${rounds} rounds:\n`,
  );
  console.log('mode      bound in namespace   pod                 p10      p50      p99    floor');
  for (const { mode, bound, pod: name, p10, p50, p99, floor } of results) {
    const cells = [p10, p50, p99, floor].map((value) => value.toFixed(2).padStart(9)).join('');
    console.log(`${mode.padEnd(10)}${String(bound ?? '-').padEnd(21)}${name.padEnd(16)}${cells}`);
  }
}
