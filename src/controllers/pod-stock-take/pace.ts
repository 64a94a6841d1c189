/** A rollout touches many pods within a second: one look at them is enough. */
const SETTLE_MS = 1_000;
/** A namespace in which pods come and go all the time is looked at no more often than this. */
const INTERVAL_MS = 10_000;

/** When each namespace is looked at: a moment after it was woken, and not too often. Times are milliseconds of any clock. */
export class Pace {
  readonly #namespaces = new Map<string, { dueAt: number | undefined; lastAt: number }>();

  /** Something happened in the namespace. Whether that is news: a namespace that waits already need not be told again. */
  wake(namespace: string, now: number): boolean {
    const { dueAt, lastAt } = this.#namespaces.get(namespace) ?? { dueAt: undefined, lastAt: -Infinity };
    if (dueAt !== undefined) return false;
    this.#namespaces.set(namespace, { dueAt: Math.max(now + SETTLE_MS, lastAt + INTERVAL_MS), lastAt });
    return true;
  }

  /** Milliseconds until the namespace may be looked at; 0 begins the look, after which everything is news again. */
  enter(namespace: string, now: number): number {
    const waitMs = (this.#namespaces.get(namespace)?.dueAt ?? now) - now;
    if (waitMs > 0 && waitMs <= INTERVAL_MS) return waitMs; // none is longer, unless the clock was set back
    this.#namespaces.set(namespace, { dueAt: undefined, lastAt: now });
    return 0;
  }

  forget(namespace: string): void {
    this.#namespaces.delete(namespace);
  }
}
