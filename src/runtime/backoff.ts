/** Milliseconds to wait after the n-th failure in a row; n starts at 1. */
export type Backoff = (failures: number) => number;

/** Doubles from `baseMs` up to `maxMs`, less up to 20 % at random, so that what failed together does not return together. */
export const exponentialBackoff =
  (baseMs: number, maxMs: number, random: () => number = Math.random): Backoff =>
  (failures) =>
    Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30)) * (1 - 0.2 * random());
