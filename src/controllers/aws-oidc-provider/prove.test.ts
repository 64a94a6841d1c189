import { expect, test } from 'vitest';
import { ProofSchedule } from './prove.ts';

const at = (seconds: number): Date => new Date(seconds * 1000);

/** Proven at second 0; random 0.5 leaves the interval as it is. */
function schedule(intervalMs: () => number = () => 400_000): ProofSchedule {
  const proofs = new ProofSchedule({ intervalMs, random: () => 0.5 });
  proofs.proven('uid', 1, at(0));
  return proofs;
}

test.each([
  { second: 299, due: false, soon: false },
  { second: 300, due: false, soon: true },
  { second: 400, due: true, soon: true },
])('at second $second of 400 a proof is due: $due, soon: $soon', ({ second, due, soon }) => {
  expect(schedule().isDue('uid', 1, at(second))).toBe(due);
  expect(schedule().isSoonDue('uid', 1, at(second))).toBe(soon);
});

test('the interval counts that holds when a proof is made', () => {
  let intervalMs = 400_000;
  const proofs = schedule(() => intervalMs);
  intervalMs = 800_000; // more providers have come
  proofs.proven('uid', 1, at(400));
  expect(proofs.dueInMs('uid', at(400))).toBe(800_000);
});
