import { describe, expect, test } from 'vitest';
import { Spacing } from './spacing.ts';

/** Starts of a key that is woken every `everyMs` for `forMs`. */
function starts(spacing: Spacing<string>, everyMs: number, forMs: number): readonly number[] {
  const times = new Set<number>();
  for (let now = 0; now < forMs; now += everyMs) times.add(now + spacing.wait('a/1', now));
  return [...times].filter((time) => time < forMs).toSorted((a, b) => a - b);
}

describe('Spacing', () => {
  test('ten wakes a second become three at once, and then one in five seconds [F55]', () => {
    const times = starts(new Spacing({ burst: 3, intervalMs: 5000 }), 100, 60_000);
    expect(times.slice(0, 5)).toEqual([0, 100, 200, 5000, 10_000]);
    expect(times).toHaveLength(3 + 11);
  });

  test('a person who edits every five seconds never waits', () => {
    const spacing = new Spacing({ burst: 3, intervalMs: 5000 });
    expect(Array.from({ length: 20 }, (_, index) => spacing.wait('a/1', index * 5000))).toEqual(Array(20).fill(0));
  });

  test('the last wake is never lost: it is answered by a start after it', () => {
    const spacing = new Spacing({ burst: 3, intervalMs: 5000 });
    for (let now = 0; now < 3000; now += 100) expect(now + spacing.wait('a/1', now)).toBeGreaterThanOrEqual(now);
    expect(2999 + spacing.wait('a/1', 2999)).toBe(5000);
  });

  test('keys do not wait for each other', () => {
    const spacing = new Spacing({ burst: 1, intervalMs: 5000 });
    expect([spacing.wait('a/1', 0), spacing.wait('a/2', 0), spacing.wait('a/1', 0)]).toEqual([0, 0, 5000]);
  });

  test('what is remembered of keys does not grow for ever', () => {
    const spacing = new Spacing({ burst: 3, intervalMs: 5000 });
    for (let index = 0; index < 100_000; index += 1) spacing.wait(`a/${index}`, index * 100);
    expect(spacing.size).toBeLessThan(1000);
    expect(spacing.wait('a/0', 100_000 * 100)).toBe(0);
  });
});
