import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

test('a namespace that is woken is looked at a second later, however often it is woken meanwhile', () => {
  const pace = new Pace();
  expect([pace.wake('a', 0), pace.wake('a', 500)]).toEqual([true, false]);
  expect(pace.enter('a', 600)).toBe(400);
  expect(pace.enter('a', 1_000)).toBe(0);
});

test('what happens during or after a look is news, but waits for its turn', () => {
  const pace = new Pace();
  pace.wake('a', 0);
  pace.enter('a', 1_000);
  expect(pace.wake('a', 1_500)).toBe(true);
  expect(pace.enter('a', 2_500)).toBe(8_500);
  expect(pace.enter('a', 11_000)).toBe(0);
});

test('a clock that is set back holds nothing up', () => {
  const pace = new Pace();
  pace.wake('a', 3_600_000);
  expect(pace.enter('a', 0)).toBe(0);
  pace.wake('b', 3_600_000);
  pace.enter('b', 3_601_000);
  pace.wake('b', 1_000);
  expect(pace.enter('b', 2_000)).toBe(0);
});

test('a look that nobody asked for, such as a resync or a retry, is not held up, and namespaces are apart', () => {
  const pace = new Pace();
  pace.wake('a', 0);
  expect(pace.enter('b', 0)).toBe(0);
  pace.forget('a');
  expect(pace.enter('a', 0)).toBe(0);
});
