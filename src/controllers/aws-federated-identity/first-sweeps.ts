import { aborted, deadline } from '../../runtime/abort.ts';

/**
 * Lets reconciles after a start wait for the first drift sweep of their provider, which looks at all its roles in a few
 * calls, instead of asking AWS for each role.
 */
export class FirstSweeps {
  readonly #patienceMs: number;
  readonly #sweeps = new Map<string, PromiseWithResolvers<void>>();

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The provider has been swept once, or the attempt failed: nobody waits any more. */
  ended(provider: string): void {
    this.#sweep(provider).resolve();
  }

  /** Resolves when the first sweep has ended, or after a while, since a slow AWS must not hold everybody up. */
  async wait(provider: string, signal: AbortSignal): Promise<void> {
    using patience = deadline(this.#patienceMs, signal);
    await Promise.race([this.#sweep(provider).promise, aborted(patience.signal)]);
    signal.throwIfAborted();
  }

  #sweep(provider: string): PromiseWithResolvers<void> {
    const sweep = this.#sweeps.get(provider) ?? Promise.withResolvers<void>();
    this.#sweeps.set(provider, sweep);
    return sweep;
  }
}
