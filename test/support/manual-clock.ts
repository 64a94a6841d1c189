import type { Clock } from '../../src/iam/clock.ts';

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Goes on step by step to each timer that is due within `ms`, and lets what it woke run before the next. */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly timers: number;
}

export function manualClock(): ManualClock {
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  let now = 0;
  const earliest = (until: number) => [...timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
  return {
    now: () => now,
    after: (ms, callback) => {
      const timer = { at: now + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: async (ms) => {
      const until = now + ms;
      await settled();
      for (let timer = earliest(until); timer !== undefined; timer = earliest(until)) {
        timers.delete(timer);
        now = timer.at;
        timer.callback();
        await settled(); // oxlint-disable-line no-await-in-loop -- in the order of time
      }
      now = until;
      await settled();
    },
    get timers() {
      return timers.size;
    },
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
