import type { Backoff } from './backoff.ts';

/** Told of what happens in a queue; metrics are its only use. */
export interface QueueObserver {
  added(): void;
  taken(waitedSeconds: number): void;
  retried(): void;
  depth(keys: number): void;
}

// Beyond this, Node's timers fire at once.
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * A queue of keys with the semantics of client-go's: a key waits at most once, is worked on by at most one worker,
 * and is worked on again if it was added meanwhile. Of several delayed adds the earliest counts; an add replaces them.
 */
export class WorkQueue<Key extends string> implements Disposable {
  readonly #backoff: Backoff;
  readonly #observer: QueueObserver | undefined;
  /** Key to the time it was added at, in order of arrival. */
  readonly #ready = new Map<Key, number>();
  readonly #running = new Set<Key>();
  readonly #addedWhileRunning = new Set<Key>();
  readonly #delayed = new Map<Key, { readonly at: number; readonly timer: NodeJS.Timeout }>();
  readonly #failures = new Map<Key, number>();
  readonly #idleWorkers: Array<(key: Key | undefined) => void> = [];
  #closed = false;

  constructor(backoff: Backoff, observer?: QueueObserver) {
    this.#backoff = backoff;
    this.#observer = observer;
  }

  /** Keys that wait for a worker; neither those being worked on nor delayed ones. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Whether the key waits, is delayed or is being worked on. */
  has(key: Key): boolean {
    return this.#ready.has(key) || this.#running.has(key) || this.#delayed.has(key);
  }

  add(key: Key): void {
    if (this.#closed) return;
    this.#cancelDelay(key);
    if (this.#running.has(key)) {
      this.#addedWhileRunning.add(key);
      return;
    }
    if (this.#ready.has(key)) return;
    this.#ready.set(key, performance.now());
    this.#observer?.added();
    this.#observer?.depth(this.depth);
    this.#idleWorkers.shift()?.(this.#start(key)); // the argument is evaluated only if a worker is idle
  }

  addAfter(key: Key, delayMs: number): void {
    if (this.#closed) return;
    const delay = Math.min(Math.max(delayMs, 0), MAX_DELAY_MS);
    const at = performance.now() + delay;
    if ((this.#delayed.get(key)?.at ?? Infinity) <= at) return;
    this.#cancelDelay(key);
    this.#delayed.set(key, { at, timer: setTimeout(() => this.add(key), delay) });
  }

  /** Adds the key after a delay, in milliseconds, that grows with each failure since the last `forget`; returns it. */
  retry(key: Key): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#observer?.retried();
    const delayMs = this.#backoff(failures);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** Makes the next failure the first one again. */
  forget(key: Key): void {
    this.#failures.delete(key);
  }

  /** The next key, or undefined once the queue is closed. Each taken key must be given back with `done`. */
  take(): Promise<Key | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const [key] = this.#ready.keys();
    if (key === undefined) return new Promise((resolve) => this.#idleWorkers.push(resolve));
    return Promise.resolve(this.#start(key));
  }

  done(key: Key): void {
    this.#running.delete(key);
    if (this.#addedWhileRunning.delete(key)) this.add(key);
  }

  /** Drops what waits and wakes idle workers with undefined. Keys being worked on are left to their workers. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
    this.#ready.clear();
    this.#observer?.depth(0);
    for (const worker of this.#idleWorkers.splice(0)) worker(undefined);
  }

  #start(key: Key): Key {
    const waitedMs = performance.now() - (this.#ready.get(key) ?? performance.now());
    this.#ready.delete(key);
    this.#running.add(key);
    this.#observer?.taken(waitedMs / 1000);
    this.#observer?.depth(this.depth);
    return key;
  }

  #cancelDelay(key: Key): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }
}
