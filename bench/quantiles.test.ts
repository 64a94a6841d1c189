import { expect, test } from 'vitest';
import { addedAtTheFloor, addedInPairs, quantile } from './quantiles.ts';

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

test.each([
  { share: 0, value: 1 },
  { share: 0.1, value: 11 },
  { share: 0.5, value: 51 },
  { share: 0.99, value: 100 },
  { share: 1, value: 100 },
])('the quantile $share of 1 to 100 is $value', ({ share, value }) => {
  expect(quantile(hundred, share)).toBe(value);
});

test('what is added is taken round by round', () => {
  const baseline = [1, 10, 1];
  const samples = [3, 12, 3];
  expect(addedInPairs(samples, baseline)).toEqual({ p10: 2, p50: 2, p99: 2 });
});

test('the floors are compared with each other', () => {
  expect(
    addedAtTheFloor(
      hundred.map((value) => value + 2.5),
      hundred.toReversed(),
    ),
  ).toBe(2.5);
});

test('no samples are an error rather than a zero', () => {
  expect(() => quantile([], 0.5)).toThrow('no samples');
});
