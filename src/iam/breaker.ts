import type { ReconcileError } from '../errors.ts';
import type { Clock } from './clock.ts';

/** Given by `enter`; shows later whether the breaker opened meanwhile. */
export interface Pass {
  readonly refusals: number;
}

/**
 * Keeps calls back whose credentials AWS has refused: one a minute goes through as a probe, all others fail at once with
 * the error that AWS gave. Ten thousand identities then cost one call a minute.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #periodMs: number;
  #open: { readonly error: ReconcileError; probeAt: number } | undefined;
  #refusals = 0;

  constructor({ clock, periodMs = 60_000 }: { readonly clock: Clock; readonly periodMs?: number }) {
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Throws while open, except for one call in each period. */
  enter(): Pass {
    if (this.#open !== undefined) {
      const now = this.#clock.now();
      if (now < this.#open.probeAt) throw this.#open.error;
      this.#open.probeAt = now + this.#periodMs;
    }
    return { refusals: this.#refusals };
  }

  /** Throws if the breaker opened since `enter`: for calls that had to wait. */
  confirm({ refusals }: Pass): void {
    if (this.#open !== undefined && refusals !== this.#refusals) throw this.#open.error;
  }

  /** AWS refused the credentials: opens, and gives back the error for all who ask until the next probe. */
  refused(error: ReconcileError): ReconcileError {
    this.#refusals += 1;
    this.#open = { error, probeAt: this.#clock.now() + this.#periodMs };
    return error;
  }

  /** AWS took the credentials: closes. */
  accepted(): void {
    this.#open = undefined;
  }
}
