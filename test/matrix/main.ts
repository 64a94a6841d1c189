// `npm run test:crash`: every write of the operator, each with a crash or a lost message before and after it.
import { parseArgs } from 'node:util';
import { type Blow, blowOf, BLOWS, parseBlow, parsePoint, pointText } from './points.ts';
import { openTheatres, performAll, sampleOf } from './real.ts';
import { playSimulated, type Strike } from './simulated.ts';
import { type Run, STORIES, type Story } from './stories.ts';

const { values } = parseArgs({
  options: {
    /** Models on virtual time instead of the real process. */
    simulated: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    point: { type: 'string' },
    blow: { type: 'string' },
    /** All four at each write; else one, which changes with the seed. */
    'all-blows': { type: 'boolean', default: false },
    /** Of the models: people delete everything in the very moment of the blow. */
    deleted: { type: 'boolean', default: false },
    /** Of the real process: which story, how many at a time, how many of all runs. */
    story: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    sample: { type: 'string' },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const minutesSince = (begin: number): string => ((performance.now() - begin) / 60_000).toFixed(1);

const blowsAt = (index: number, seed: number): readonly Blow[] => (values['all-blows'] ? BLOWS : [blowOf(index, seed)]);

/** Everything that goes wrong is printed with the command that shows it again. */
async function simulateOnce(seed: number, strike: Strike): Promise<number> {
  const { violations, wasStruck } = await playSimulated(seed, strike);
  if (violations.length === 0 && wasStruck) return 0;
  const { point, blow, thenDeleted } = strike;
  const more = thenDeleted === true ? ' --deleted' : '';
  print(`npm run test:crash -- --simulated --seed ${seed} --point "${pointText(point)}" --blow ${blow}${more}`);
  if (!wasStruck) print('  the write was not made');
  for (const { invariant, what, at } of violations) print(`  ${invariant} after ${Math.round(at / 1000)} s: ${what}`);
  return 1;
}

async function simulateSeeds(first: number, seeds: number): Promise<number> {
  const begin = performance.now();
  const distinct = new Set<string>();
  const { deleted: thenDeleted } = values;
  let [runs, wrong] = [0, 0];
  for (let seed = first; seed < first + seeds; seed += 1) {
    const calm = await playSimulated(seed); // oxlint-disable-line no-await-in-loop -- they share the timers of this process
    for (const { invariant, what } of calm.violations)
      print(`seed ${seed}, with nothing gone wrong: ${invariant}: ${what}`);
    wrong += calm.violations.length === 0 ? 0 : 1;
    for (const [index, point] of calm.points.entries()) {
      distinct.add(pointText(point));
      for (const blow of blowsAt(index, seed)) {
        wrong += await simulateOnce(seed, { point, blow, thenDeleted }); // oxlint-disable-line no-await-in-loop -- as above
        runs += 1;
      }
    }
    if (seed === first) print(`writes: ${calm.points.map(pointText).join(', ')}`);
    if ((seed - first) % 10 === 9) print(`${seed - first + 1} seeds, ${runs} runs, ${wrong} wrong`);
  }
  print(
    `${distinct.size} points, ${seeds} seeds, ${runs} runs in ${minutesSince(begin)} min: ${wrong} with violations`,
  );
  return wrong;
}

async function simulated(): Promise<number> {
  const { seed, point, blow, deleted: thenDeleted } = values;
  if (point === undefined || blow === undefined)
    return simulateSeeds(Number(seed ?? values.from), seed === undefined ? Number(values.seeds) : 1);
  const strike = { point: parsePoint(point), blow: parseBlow(blow), thenDeleted };
  const wrong = await simulateOnce(Number(seed ?? 1), strike);
  print(wrong === 0 ? 'no violations' : 'violations');
  return wrong;
}

function parseStory(text: string): Story {
  const story = STORIES.find((one) => one === text);
  if (story === undefined) throw new Error(`"${text}" is no story; they are ${STORIES.join(', ')}`);
  return story;
}

async function real(): Promise<number> {
  const begin = performance.now();
  const stories = values.story === undefined ? STORIES : [parseStory(values.story)];
  const { point, blow, sample, seed = '1' } = values;
  const isOne = point !== undefined && blow !== undefined;
  await using theatres = await openTheatres(isOne ? 1 : Number(values.lanes));
  const { all } = theatres;
  const one = (): readonly Run[] =>
    stories.map((story) => ({ story, point: parsePoint(point ?? ''), blow: parseBlow(blow ?? '') }));
  const program = isOne ? one() : ((await all[0]?.program(stories)) ?? []);
  for (const [story, runs] of Map.groupBy(program, (run) => run.story))
    print(`${story}: ${[...new Set(runs.map((run) => pointText(run.point)))].join(', ')}`);
  const isChosen = ({ blow: chosenBlow }: Run, index: number): boolean =>
    blowsAt(Math.floor(index / BLOWS.length), Number(seed)).includes(chosenBlow);
  const chosen = isOne ? program : program.filter(isChosen);
  const runs = sample === undefined ? chosen : sampleOf(chosen, Number(sample), Number(seed));
  const tallies = await performAll(all, runs, print);
  for (const { story, points, runs: count, notMet, wrong } of tallies)
    print(`${story}: ${points} points, ${count} runs, ${notMet} not met, ${wrong} with violations`);
  print(`${minutesSince(begin)} min`);
  return tallies.reduce((sum, { wrong }) => sum + wrong, 0);
}

const wrong = values.simulated ? await simulated() : await real();
process.exitCode = wrong === 0 ? 0 : 1;
