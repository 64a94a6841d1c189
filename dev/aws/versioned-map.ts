/** Superseded versions older than this are dropped; no fault delays reads by more. */
const HISTORY_MS = 5 * 60_000;

interface Version<V> {
  readonly at: number;
  readonly value: V | undefined;
}

/**
 * A map that remembers when each value was written, so that a read may be answered from the past:
 * IAM is eventually consistent, and the fault `delayReads` shows it. Values are immutable and replaced as a whole.
 */
export class VersionedMap<V> {
  readonly #versions = new Map<string, Version<V>[]>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** The value as it was at `asOf` (epoch milliseconds), or the newest one. */
  get(key: string, asOf = Infinity): V | undefined {
    return this.#versions.get(key)?.findLast((version) => version.at <= asOf)?.value;
  }

  /** All values as they were at `asOf`, in the order of their keys. */
  values(asOf = Infinity): V[] {
    const keys = [...this.#versions.keys()].toSorted();
    return keys.flatMap((key) => {
      const value = this.get(key, asOf);
      return value === undefined ? [] : [value];
    });
  }

  /** How many values there are now. */
  get size(): number {
    return [...this.#versions.values()].filter((versions) => versions.at(-1)?.value !== undefined).length;
  }

  /** Writes a value as of now, or (`at`) as of a moment in the past: what existed before the test began. */
  set(key: string, value: V, at = this.#now().getTime()): void {
    this.#write(key, value, at);
  }

  delete(key: string): void {
    this.#write(key, undefined, this.#now().getTime());
  }

  #write(key: string, value: V | undefined, at: number): void {
    const kept = this.#versions.get(key) ?? [];
    const firstUseful = kept.findLastIndex((version) => version.at <= at - HISTORY_MS);
    this.#versions.set(key, [...kept.slice(Math.max(firstUseful, 0)), { at, value }]);
  }
}
