// `npm run test:simulation -- --seeds 10000`, or `--seed N` for one, with its shortest script that still goes wrong.
import { parseArgs } from 'node:util';
import type { Step } from './script.ts';
import { shrink } from './shrink.ts';
import { type Run, simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const seconds = (ms: number): string => (ms / 1000).toFixed(2).padStart(9);

/** One seed, told in full. */
async function tell(seed: number): Promise<number> {
  const run = await simulate(seed);
  print(`seed ${seed}: ${run.steps.length} steps, ${run.writes.length} writes, ${run.violations.length} violations`);
  if (run.violations.length === 0) return 0;
  const shortest = await shrink(run);
  print(`the shortest script that still goes wrong has ${shortest.steps.length} steps:`);
  for (const line of chronicle(shortest)) print(line);
  return 1;
}

function chronicle({ steps, violations, writes }: Run): readonly string[] {
  const until = violations[0]?.at ?? Infinity;
  const entries = [
    ...steps.map((step) => ({ at: step.at, text: textOf(step) })),
    ...writes.filter(({ at }) => at <= until).map(({ at, what }) => ({ at, text: `  operator writes ${what}` })),
    ...violations.map(({ at, invariant, what }) => ({ at, text: `! ${invariant}: ${what}` })),
  ];
  return entries.toSorted((a, b) => a.at - b.at).map(({ at, text }) => `${seconds(at)} s  ${text}`);
}

const textOf = (step: Step): string => `${step.do} ${JSON.stringify({ ...step, at: undefined, do: undefined })}`;

/** Many seeds; only those that go wrong are named. */
async function count(first: number, seeds: number): Promise<number> {
  Error.stackTraceLimit = 0; // errors are the daily bread of these runs, and nobody reads where they were made
  const begin = process.hrtime.bigint();
  const bad = new Map<string, number[]>();
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { violations } = await simulate(seed); // oxlint-disable-line no-await-in-loop -- they share the timers of this process
    for (const invariant of new Set(violations.map((one) => one.invariant))) {
      bad.set(invariant, [...(bad.get(invariant) ?? []), seed]);
      print(`seed ${seed} violates ${invariant}`);
    }
  }
  const ms = Number(process.hrtime.bigint() - begin) / 1e6;
  for (const [invariant, list] of bad) print(`${invariant}: ${list.length} seeds, such as --seed ${list[0]}`);
  print(`${seeds} seeds from ${first} in ${Math.round(ms / 1000)} s: ${[...bad.values()].flat().length} violations`);
  return bad.size;
}

const wrong =
  values.seed === undefined ? await count(Number(values.from), Number(values.seeds)) : await tell(Number(values.seed));
process.exitCode = wrong === 0 ? 0 : 1;
