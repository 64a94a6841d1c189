import { expect, test } from 'vitest';
import { isMissed, tableOf, updated } from './results.ts';

const figure = { measure: 'RSS', population: 10_000, value: 180.4, unit: 'MiB' };

test.each([
  { most: 256, missed: false },
  { most: 180, missed: true },
  { most: undefined, missed: false },
])('180.4 with a most of $most is missed: $missed', ({ most, missed }) => {
  expect(isMissed({ ...figure, ...(most === undefined ? {} : { most }) })).toBe(missed);
});

test('a figure that could not be measured is missed', () => {
  expect(isMissed({ ...figure, value: Number.NaN, most: 256 })).toBe(true);
});

test('a part that is measured again leaves the other results as they were, in their order', () => {
  const other = { ...figure, population: 0 };
  const again = { ...figure, value: 170 };
  expect(updated([figure, other], [again])).toEqual([again, other]);
});

test('the table says what each figure should be, and what it could be', () => {
  expect(tableOf([{ ...figure, most: 256, limit: { value: 45.25, why: 'an empty Node' } }])).toBe(
    [
      'measure  identities  value    target      limit',
      'RSS      10000       180 MiB  ok, <= 256  45.3: an empty Node',
    ].join('\n'),
  );
});
