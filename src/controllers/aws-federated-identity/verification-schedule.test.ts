import { describe, expect, test } from 'vitest';
import { after, NOW } from '../../../test/support/builders.ts';
import { type Proven, VerificationSchedule } from './verification-schedule.ts';

const PROVEN: Proven = { generation: 1, roleId: 'AROAOFNOW' };

describe('the schedule', () => {
  const HOUR = 3_600_000;

  test('finds an identity due again after the interval, not before', () => {
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => 0.5,
    );
    schedule.verified('uid', PROVEN, NOW);
    expect([HOUR - 1, HOUR].map((ms) => schedule.isDue('uid', PROVEN, after(ms)))).toEqual([false, true]);
  });

  test.each([
    { random: 0, dueAfter: HOUR },
    { random: 0.25, dueAfter: 0.75 * HOUR },
    { random: 0.999, dueAfter: 0.001 * HOUR },
  ])('spreads the work after a start over the interval (random $random)', ({ random, dueAfter }) => {
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => random,
    );
    expect(schedule.isDue('uid', PROVEN, NOW)).toBe(false);
    expect(schedule.isDue('uid', PROVEN, after(dueAfter - 1))).toBe(false);
    expect(schedule.isDue('uid', PROVEN, after(dueAfter))).toBe(true);
  });

  test('draws a random age once, so that frequent looks do not bring it forward', () => {
    const ages = [0, 0.9, 0.9];
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => ages.shift() ?? 0.9,
    );
    expect([0, 1, 0.5 * HOUR].map((ms) => schedule.isDue('uid', PROVEN, after(ms)))).toEqual([false, false, false]);
  });

  test('forgets an identity that is gone', () => {
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => 0.5,
    );
    schedule.verified('uid', PROVEN, NOW);
    schedule.forget('uid');
    expect(schedule.isDue('uid', PROVEN, after(HOUR / 2))).toBe(false);
    expect(schedule.isDue('uid', PROVEN, after(HOUR))).toBe(true);
  });

  test.each([
    { name: 'another generation', proven: { ...PROVEN, generation: 2 } },
    { name: 'another role', proven: { ...PROVEN, roleId: 'AROAOTHER' } },
  ])('finds an identity due whose status tells of $name than was proven', ({ proven }) => {
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => 0.5,
    );
    schedule.verified('uid', PROVEN, NOW);
    expect(schedule.isDue('uid', proven, NOW)).toBe(true);
  });

  test('finds an identity due from a write to its role on until the proof, and knows when that was', () => {
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => 0.5,
    );
    schedule.verified('uid', PROVEN, NOW);
    schedule.wrote('uid', after(1));
    expect([schedule.isDue('uid', PROVEN, after(2)), schedule.lastWrite('uid')]).toEqual([true, after(1)]);
    schedule.expire('uid');
    expect(schedule.lastWrite('uid')).toEqual(after(1));
    schedule.verified('uid', PROVEN, after(3));
    expect([schedule.isDue('uid', PROVEN, after(4)), schedule.lastWrite('uid')]).toEqual([false, undefined]);
  });

  test('finds an identity due that somebody asked for, also at the first look', () => {
    const schedule = new VerificationSchedule(
      () => HOUR,
      () => 0,
    );
    schedule.expire('uid');
    expect(schedule.isDue('uid', PROVEN, NOW)).toBe(true);
  });
});
