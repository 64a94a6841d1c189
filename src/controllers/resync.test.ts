import { expect, test } from 'vitest';
import { resyncInMs } from './resync.ts';

test.each([0, 0.5, 0.999])('no look is later than the resync interval, and none much sooner (random %d)', (random) => {
  const ms = resyncInMs({ settings: { resyncIntervalMs: 600_000 }, random: () => random });
  expect(ms).toBeGreaterThanOrEqual(570_000);
  expect(ms).toBeLessThanOrEqual(600_000);
});
