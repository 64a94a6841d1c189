import type { Step } from './script.ts';
import { type Run, simulate } from './simulate.ts';

/** Leaves out steps of a run that violates an invariant, as long as it still violates the same one. */
export async function shrink(run: Run): Promise<Run> {
  const [first] = run.violations;
  if (first === undefined) return run;
  let smallest = run;
  for (let size = Math.ceil(run.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < smallest.steps.length;) {
      const steps: readonly Step[] = [...smallest.steps.slice(0, start), ...smallest.steps.slice(start + size)];
      const shorter = await simulate(run.seed, steps); // oxlint-disable-line no-await-in-loop -- each rests on the one before
      if (shorter.violations.some(({ invariant }) => invariant === first.invariant)) smallest = shorter;
      else start += size;
    }
  }
  return smallest;
}
