/** How often one key may start: `burst` times at once, and then once in `intervalMs` on average. */
export interface SpacingOptions {
  readonly burst: number;
  readonly intervalMs: number;
}

/**
 * Spaces the wakes of a key whose spec flaps, for example under two GitOps tools that disagree: what is written to AWS must
 * not follow each of ten edits a second. A person's few edits are not delayed. (Generic cell rate algorithm, ITU-T I.371.)
 */
export class Spacing<Key extends string> {
  readonly #options: SpacingOptions;
  /** For each key the time up to which its allowance is used, and the start that is arranged and still to come. */
  readonly #keys = new Map<Key, { readonly usedUntil: number; readonly nextStart: number }>();
  #sizeAfterPruning = 0;

  constructor(options: SpacingOptions) {
    this.#options = options;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#keys.size;
  }

  /** Milliseconds to wait before the key may start; 0: at once. Wakes before an arranged start are answered by that one. */
  wait(key: Key, now: number): number {
    const { burst, intervalMs } = this.#options;
    const { usedUntil, nextStart } = this.#keys.get(key) ?? { usedUntil: now, nextStart: now };
    if (nextStart > now) return nextStart - now;
    const used = Math.max(usedUntil, now);
    const start = Math.max(now, used - (burst - 1) * intervalMs);
    this.#keys.set(key, { usedUntil: used + intervalMs, nextStart: start });
    this.#prune(now);
    return start - now;
  }

  /** Forgets keys whose allowance is whole again, whenever twice as many are remembered as last time. */
  #prune(now: number): void {
    if (this.#keys.size < 2 * Math.max(this.#sizeAfterPruning, 64)) return;
    for (const [key, { usedUntil }] of this.#keys) if (usedUntil <= now) this.#keys.delete(key);
    this.#sizeAfterPruning = this.#keys.size;
  }
}
