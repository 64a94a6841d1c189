import { expect, test } from 'vitest';
import { proofIntervalMs, PROOFS_PER_RESYNC } from './proof-pace.ts';

const HOUR_MS = 3_600_000;
const base = { resyncIntervalMs: 600_000, intervalMs: 6 * HOUR_MS, perResync: PROOFS_PER_RESYNC.identities };

test.each([
  { count: 0, hours: 6 },
  { count: 36, hours: 6 },
  { count: 360, hours: 60 },
])('$count identities are proven every $hours hours', ({ count, hours }) => {
  expect(proofIntervalMs({ ...base, count })).toBe(hours * HOUR_MS);
});

test.each([10, 1_000, 10_000])('%i identities mean no more than 6 proofs an hour', (count) => {
  expect((count * HOUR_MS) / proofIntervalMs({ ...base, count })).toBeLessThanOrEqual(6 + 1e-9);
});

test('two providers are proven as often as the setting says', () => {
  const providers = { ...base, intervalMs: 300_000, perResync: PROOFS_PER_RESYNC.providers };
  expect([1, 2, 10].map((count) => proofIntervalMs({ ...providers, count }))).toEqual([300_000, 300_000, 1_500_000]);
});
