import { afterEach, expect, test, vi } from 'vitest';
import { watchStandstill } from './standstill.ts';

afterEach(() => {
  vi.useRealTimers();
});

function scene() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let time = 0;
  const standstill = watchStandstill(() => time);
  return {
    standstill,
    /** The process runs; its timers tick. */
    run: (ms: number) => {
      for (let passed = 0; passed < ms; passed += 250) {
        time += 250;
        vi.advanceTimersByTime(250);
      }
    },
    /** The process is stopped; the clock goes on. */
    freeze: (ms: number) => {
      time += ms;
    },
  };
}

test('a process that runs has not stood still', () => {
  const { standstill, run } = scene();
  run(10_000);
  expect(standstill.justEnded()).toBe(false);
});

test('one that was busy for a second neither', () => {
  const { standstill, run, freeze } = scene();
  run(1_000);
  freeze(1_500);
  expect(standstill.justEnded()).toBe(false);
});

test('one that was frozen says so before its first tick, and until it has caught up', () => {
  const { standstill, run, freeze } = scene();
  run(1_000);
  freeze(3_000);
  expect(standstill.justEnded()).toBe(true);
  run(750);
  expect(standstill.justEnded()).toBe(true);
  run(500);
  expect(standstill.justEnded()).toBe(false);
});

test('it is found also if nobody asks in that moment', () => {
  const { standstill, run, freeze } = scene();
  freeze(3_000);
  run(250);
  expect(standstill.justEnded()).toBe(true);
});

test('its timer ends with it', () => {
  const { standstill } = scene();
  standstill[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});
