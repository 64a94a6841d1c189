// Loaded by scripts/mutation.ts before each test file. After a test has passed it is run once more for each mutant that it
// came across and that no test has found yet, which takes microseconds where a run of its own would take a second.
import { appendFileSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, TestRunner } from 'vitest';

/** A mutant may go on for ever. It may need so many times what its test needs, and so much on top. */
const TIMES = 10;
const MORE = { looks: 100_000, ms: 20_000 };

const NONE = -1;
const NO_LIMIT = { looks: Infinity, at: Infinity };

const { MUTATION_REPORT: report = '', MUTATION_ACTIVE: choice = '' } = process.env;
const chosen = readFileSync(choice, 'utf8');
let active = chosen === '' ? NONE : Number(chosen);
/** Looks at mutants of the run that is going on, and how many there may be, and until when. */
let looks = 0;
let limit = active === NONE ? NO_LIMIT : { looks: 50_000_000, at: performance.now() + 60_000 };
let needed = { looks: 0, ms: 0 };
let covered = new Set<number>();

Object.assign(globalThis, {
  __mutant: (id: number): boolean => {
    looks += 1;
    if (active === NONE) covered.add(id);
    requireProgress();
    return active === id;
  },
  __step: (): void => {
    looks += 1;
    requireProgress();
  },
});

function requireProgress(): void {
  if (active === NONE) return;
  if (looks > limit.looks || (looks % 100 === 0 && performance.now() > limit.at))
    throw new Error('the mutant goes on for ever');
}

const tell = (lines: readonly string[]): void => appendFileSync(report, lines.map((line) => `${line}\n`).join(''));

const foundBefore = (): ReadonlySet<number> =>
  new Set(
    readFileSync(report, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('found '))
      .map((line) => Number(line.split(' ')[1])),
  );

async function fails(run: () => unknown, id: number): Promise<boolean> {
  active = id;
  looks = 0;
  try {
    await run();
    return false;
  } catch {
    return true; // whatever it is, it was seen
  } finally {
    active = NONE;
  }
}

/** Sets the limits by a run without any mutant; false if the test fails when it is run a second time. */
async function isRepeatable(run: () => unknown): Promise<boolean> {
  limit = NO_LIMIT;
  const begin = performance.now();
  if (await fails(run, NONE)) return false;
  needed = { looks, ms: performance.now() - begin };
  return true;
}

function limitNext(): void {
  limit = { looks: TIMES * needed.looks + MORE.looks, at: performance.now() + TIMES * needed.ms + MORE.ms };
}

if (active === NONE) {
  const known = new Set(foundBefore());
  beforeEach(({ task }) => {
    // Before the first test: of what is computed once, at the import. These can only be tried one by one.
    tell([...covered].map((id) => `covered ${id} ${task.file.filepath}`));
    covered = new Set();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') return;
    const run = TestRunner.getTestFn(task);
    const met = [...covered];
    tell(met.map((id) => `covered ${id} ${task.file.filepath}`));
    covered = new Set();
    // A test that does not pass twice would find mutants that it does not find.
    if (!(await isRepeatable(run))) return;
    for (const id of met.filter((each) => !known.has(each))) {
      limitNext();
      const isFound = await fails(run, id); // oxlint-disable-line no-await-in-loop -- one mutant at a time
      if (!isFound) continue;
      // What it left behind would find the next.
      if (!(await isRepeatable(run))) return; // oxlint-disable-line no-await-in-loop
      known.add(id);
      tell([`found ${id}`]);
    }
  }, 600_000);
}
