import type { Clock } from './clock.ts';

/** Users' changes overtake background work, such as the drift sweep, whenever calls have to wait. */
export type Priority = 'user' | 'background';

/** What a rate limit is doing, for the metrics. */
export interface RateState {
  /** Calls a second that AWS is thought to bear now. */
  readonly callsPerSecond: number;
  /** Calls that could start at once. */
  readonly tokens: number;
  /** Calls that wait for their turn. */
  readonly waiting: number;
}

export interface RateLimitOptions {
  readonly clock: Clock;
  /** Calls a second in good times. IAM's own limits are unpublished; peers plan for 5 to 20. */
  readonly callsPerSecond?: number;
  /** Calls at once after a quiet time, at the full rate. */
  readonly burst?: number;
}

/** Given by `acquire`, and given back with the outcome of the call. */
export interface Turn {
  readonly startedAt: number;
}

interface Waiter {
  readonly grant: () => void;
}

const LOWEST_RATE = 0.5;
/** Calls a second gained for each second of success: from the lowest rate to 80 % of the default in 75 s. */
const RECOVERY_PER_SECOND = 0.1;
/** A success after a quiet time proves no more than one after this many milliseconds. */
const LONGEST_PROOF_MS = 5_000;

/**
 * A token bucket whose rate adapts as TCP's does (AIMD): halved by a throttling answer, raised in small steps by
 * successes. One for each AWS account, since AWS counts calls by account and not by object.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #fullRate: number;
  readonly #burst: number;
  readonly #queues: Readonly<Record<Priority, Set<Waiter>>> = { user: new Set(), background: new Set() };
  #rate: number;
  #tokens: number;
  #filledAt: number;
  #rateChangedAt: number;
  #halvedAt = -Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor({ clock, callsPerSecond = 10, burst = 20 }: RateLimitOptions) {
    this.#clock = clock;
    this.#fullRate = callsPerSecond;
    this.#burst = burst;
    this.#rate = callsPerSecond;
    this.#tokens = burst;
    this.#filledAt = clock.now();
    this.#rateChangedAt = clock.now();
  }

  get state(): RateState {
    this.#fill();
    const { user, background } = this.#queues;
    return { callsPerSecond: this.#rate, tokens: this.#tokens, waiting: user.size + background.size };
  }

  /** Resolves when the call may start. Rejects with the signal's reason when it aborts first; nothing of it is left then. */
  acquire(priority: Priority, signal: AbortSignal): Promise<Turn> {
    const { promise, resolve, reject } = Promise.withResolvers<Turn>();
    if (signal.aborted) {
      reject(signal.reason);
      return promise;
    }
    const queue = this.#queues[priority];
    const waiter: Waiter = {
      grant: () => {
        queue.delete(waiter);
        signal.removeEventListener('abort', onAbort);
        resolve({ startedAt: this.#clock.now() });
      },
    };
    const onAbort = (): void => {
      queue.delete(waiter);
      this.#serve();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    queue.add(waiter);
    this.#serve();
    return promise;
  }

  /** AWS answered that there are too many calls. Those that were under way when the rate was last halved count once. */
  throttled({ startedAt }: Turn): void {
    if (startedAt <= this.#halvedAt) return;
    this.#fill();
    this.#tokens = 0;
    this.#halvedAt = this.#clock.now();
    this.#setRate(Math.max(LOWEST_RATE, this.#rate / 2));
  }

  /** AWS answered the call, whatever it said. */
  answered({ startedAt }: Turn): void {
    if (startedAt <= this.#halvedAt || this.#rate === this.#fullRate) return;
    const proofMs = Math.min(this.#clock.now() - this.#rateChangedAt, LONGEST_PROOF_MS);
    this.#fill();
    this.#setRate(Math.min(this.#fullRate, this.#rate + (RECOVERY_PER_SECOND * proofMs) / 1000));
  }

  #setRate(rate: number): void {
    this.#rate = rate;
    this.#rateChangedAt = this.#clock.now();
    this.#serve();
  }

  /** Lets as many start as there are tokens, and comes back when there is the next one. */
  #serve(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#fill();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (this.#tokens < 1) {
        const ms = Math.ceil(((1 - this.#tokens) * 1000) / this.#rate);
        this.#cancelTimer = this.#clock.after(ms, () => this.#serve());
        return;
      }
      this.#tokens -= 1;
      next.grant();
    }
  }

  #next(): Waiter | undefined {
    const [user] = this.#queues.user;
    const [background] = this.#queues.background;
    return user ?? background;
  }

  /** A slow bucket is a small one, so that no burst comes out of a storm. */
  #fill(): void {
    const now = this.#clock.now();
    const capacity = Math.max(1, (this.#burst * this.#rate) / this.#fullRate);
    this.#tokens = Math.min(capacity, this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate);
    this.#filledAt = now;
  }
}
