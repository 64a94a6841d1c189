/** Time as the rate limit and the breaker see it; a test gives its own. */
export interface Clock {
  /** Milliseconds from any fixed point; never goes back. */
  readonly now: () => number;
  /** Calls back once after `ms` milliseconds; the result cancels that. */
  readonly after: (ms: number, callback: () => void) => () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
