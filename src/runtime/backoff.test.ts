import { expect, test } from 'vitest';
import { exponentialBackoff } from './backoff.ts';

test.each([
  { name: 'the first failure waits the base', failures: 1, random: 0, expected: 1000 },
  { name: 'each further failure doubles it', failures: 4, random: 0, expected: 8000 },
  { name: 'it never exceeds the maximum', failures: 20, random: 0, expected: 300_000 },
  { name: 'a million failures do not overflow', failures: 1_000_000, random: 0, expected: 300_000 },
  { name: 'jitter takes up to a fifth away', failures: 1, random: 1, expected: 800 },
])('$name', ({ failures, random, expected }) => {
  expect(exponentialBackoff(1000, 300_000, () => random)(failures)).toBe(expected);
});
