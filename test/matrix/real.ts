import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../../dev/stack/stack.ts';
import { bundleOperator } from '../../scripts/bundle.ts';
import { type Random, randomOf } from '../simulation/random.ts';
import type { Outcome } from './play.ts';
import { pointText } from './points.ts';
import { openTheatre, type Run, type Story, type Theatre } from './stories.ts';

/** The command that does a run again. */
export const commandOf = ({ story, point, blow }: Run): string =>
  `npm run test:crash -- --story ${story} --point "${pointText(point)}" --blow ${blow}`;

/** Opens theatres on one stack, whose operator is the bundle that an image holds. */
export async function openTheatres(count: number): Promise<AsyncDisposable & { readonly all: readonly Theatre[] }> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-crash-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'operator.mjs');
  await bundleOperator({ outfile: program });
  const accounts = Array.from({ length: count }, (_, index) => `22223333444${index}`);
  const stack = started.use(await startStack({ moreAccounts: accounts, program }));
  await stack.operator.stop(0); // each theatre has its own
  const all: Theatre[] = [];
  for (const account of accounts) all.push(started.use(await openTheatre(stack, account, program))); // oxlint-disable-line no-await-in-loop -- each start takes a core
  const running = started.move();
  return { all, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Performs a run; a write that was not made this time, since all happens at once, gets a second chance. */
export async function performTwice(theatre: Theatre, run: Run): Promise<Outcome> {
  const outcome = await theatre.perform(run);
  return outcome.wasStruck || outcome.violations.length > 0 ? outcome : theatre.perform(run);
}

/** As many runs as asked for, different ones, by the seed. */
export function sampleOf(runs: readonly Run[], count: number, seed: number): readonly Run[] {
  const random: Random = randomOf(seed);
  const left = [...runs];
  return Array.from({ length: Math.min(count, runs.length) }, () => left.splice(random.below(left.length), 1)).flat();
}

interface Tally {
  readonly story: Story;
  readonly points: number;
  runs: number;
  notMet: number;
  wrong: number;
}

/** Does all runs, each theatre the next one, and tells what goes wrong as it does. Resolves with a table. */
export async function performAll(
  theatres: readonly Theatre[],
  runs: readonly Run[],
  print: (line: string) => void,
): Promise<readonly Tally[]> {
  const tallies = new Map(
    [...Map.groupBy(runs, ({ story }) => story)].map(([story, own]): [Story, Tally] => {
      const points = new Set(own.map(({ point }) => pointText(point))).size;
      return [story, { story, points, runs: 0, notMet: 0, wrong: 0 }];
    }),
  );
  const waiting = [...runs];
  let done = 0;
  const work = async (theatre: Theatre): Promise<void> => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      const { violations, wasStruck } = await performTwice(theatre, run); // oxlint-disable-line no-await-in-loop -- a lane does one at a time
      const tally = tallies.get(run.story);
      if (tally === undefined) continue;
      tally.runs += 1;
      tally.notMet += wasStruck ? 0 : 1;
      tally.wrong += violations.length === 0 ? 0 : 1;
      if (!wasStruck) print(`not met: ${commandOf(run)}`);
      if (violations.length > 0) print(commandOf(run));
      for (const { scene, kind, what } of violations) print(`  ${scene}: ${kind}: ${what}`);
      done += 1;
      if (done % 25 === 0) print(`${done} of ${runs.length} runs`);
    }
  };
  await Promise.all(theatres.map(work));
  return [...tallies.values()];
}
