// `npm run test:fuzz`: what takes text of strangers is given random text, and more of that which reaches new code.
//   --seconds N    for each target (20)
//   --seed N       of a run that is to be repeated; a random one otherwise
//   --target NAME  only this one
import { parseArgs } from 'node:util';
import { codeCoverage } from '../test/fuzz/coverage.ts';
import { fuzz, FuzzFailure } from '../test/fuzz/fuzz.ts';
import { fetchTarget } from '../test/fuzz/fetch-target.ts';
import { TEXT_TARGETS } from '../test/fuzz/text-targets.ts';
import { watchTarget } from '../test/fuzz/watch-target.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    target: { type: 'string', default: '' },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}: npm run test:fuzz -- --seed ${seed}`);
await using coverage = await codeCoverage();
await using watch = await watchTarget();
await using fetched = await fetchTarget();
for (const target of [...TEXT_TARGETS, watch, fetched].filter(({ name }) => name.includes(values.target))) {
  const end = performance.now() + Number(values.seconds) * 1000;
  try {
    // oxlint-disable-next-line no-await-in-loop -- coverage is of one at a time
    const { tried, slowestMs, kept } = await fuzz(target, {
      seed,
      goesOn: () => performance.now() < end,
      reachedMore: coverage.reachedMore,
    });
    console.log(
      `✔ ${target.name.padEnd(18)} ${String(tried).padStart(8)} inputs, the slowest ${slowestMs.toFixed(1)} ms, ${kept} kept for the code they reached`,
    );
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    console.log(`✘ ${error.message}`);
    process.exitCode = 1;
  }
}
