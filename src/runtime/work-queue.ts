import type { Backoff } from './backoff.ts';
import { FairLine, moreUrgent, type Priority } from './fair-line.ts';

/** Told of what happens in a queue; metrics are its only use. */
export interface QueueObserver {
  added(): void;
  taken(waitedSeconds: number): void;
  retried(): void;
  depth(keys: number): void;
  /** Given once, to be asked whenever somebody wants to know whether the queue moves. */
  follow(state: () => QueueState): void;
}

export interface QueueState {
  /** How long the key that waits longest has waited; 0 for none. */
  readonly oldestWaitSeconds: number;
  /** How long the key that is worked on longest has been worked on, and all of them together; 0 for none. */
  readonly longestRunSeconds: number;
  readonly unfinishedSeconds: number;
}

/** After so many failures in a row a key is worked on when nothing else is to be done. */
const HOPEFUL_FAILURES = 3;

// Beyond this, Node's timers fire at once.
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * A queue of keys with the semantics of client-go's: a key waits at most once, is worked on by at most one worker,
 * and is worked on again if it was added meanwhile. Of several delayed adds the earliest counts; an add replaces them.
 * Which of the waiting keys comes next is decided by FairLine.
 */
export class WorkQueue<Key extends string> implements Disposable {
  readonly #backoff: Backoff;
  readonly #observer: QueueObserver | undefined;
  readonly #ready = new FairLine<Key>();
  /** Key to the time at which a worker took it. */
  readonly #running = new Map<Key, number>();
  readonly #addedWhileRunning = new Map<Key, Priority>();
  readonly #delayed = new Map<Key, Delayed>();
  readonly #failures = new Map<Key, number>();
  readonly #idleWorkers: Array<(key: Key | undefined) => void> = [];
  #closed = false;

  constructor(backoff: Backoff, observer?: QueueObserver) {
    this.#backoff = backoff;
    this.#observer = observer;
    observer?.follow(() => this.#state());
  }

  /** Keys that wait for a worker; neither those being worked on nor delayed ones. */
  get depth(): number {
    return this.#ready.size;
  }

  /** Whether the key waits, is delayed or is being worked on. */
  has(key: Key): boolean {
    return this.#ready.has(key) || this.#running.has(key) || this.#delayed.has(key);
  }

  add(key: Key, priority: Priority = 'change'): void {
    if (this.#closed) return;
    this.#cancelDelay(key);
    if (this.#running.has(key)) {
      this.#addedWhileRunning.set(key, moreUrgent(priority, this.#addedWhileRunning.get(key) ?? priority));
      return;
    }
    const isNew = !this.#ready.has(key);
    this.#ready.add(key, priority, performance.now());
    if (!isNew) return;
    this.#observer?.added();
    this.#observer?.depth(this.depth);
    const worker = this.#idleWorkers.shift();
    if (worker !== undefined) worker(this.#start());
  }

  /** Adds the key after a delay; the earliest of several counts, with its priority. */
  addAfter(key: Key, delayMs: number, priority: Priority = 'background'): void {
    if (this.#closed) return;
    const delay = Math.min(Math.max(delayMs, 0), MAX_DELAY_MS);
    const at = performance.now() + delay;
    if ((this.#delayed.get(key)?.at ?? Infinity) <= at) return;
    this.#cancelDelay(key);
    this.#delayed.set(key, { at, timer: setTimeout(() => this.add(key, priority), delay) });
  }

  /** Adds the key after a delay, in milliseconds, that grows with each failure since the last `forget`; returns it. */
  retry(key: Key): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#observer?.retried();
    const delayMs = this.#backoff(failures);
    this.addAfter(key, delayMs, failures > HOPEFUL_FAILURES ? 'background' : 'new');
    return delayMs;
  }

  /** Makes the next failure the first one again. */
  forget(key: Key): void {
    this.#failures.delete(key);
  }

  /** The next key, or undefined once the queue is closed. Each taken key must be given back with `done`. */
  take(): Promise<Key | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    if (this.#ready.size === 0) return new Promise((resolve) => this.#idleWorkers.push(resolve));
    return Promise.resolve(this.#start());
  }

  done(key: Key): void {
    this.#running.delete(key);
    const priority = this.#addedWhileRunning.get(key);
    if (this.#addedWhileRunning.delete(key)) this.add(key, priority);
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

  #start(): Key | undefined {
    const next = this.#ready.shift();
    if (next === undefined) return undefined;
    const now = performance.now();
    this.#running.set(next.key, now);
    this.#observer?.taken((now - next.since) / 1000);
    this.#observer?.depth(this.depth);
    return next.key;
  }

  #state(): QueueState {
    const now = performance.now();
    const runs = [...this.#running.values()].map((since) => (now - since) / 1000);
    return {
      oldestWaitSeconds: (now - (this.#ready.oldest() ?? now)) / 1000,
      longestRunSeconds: Math.max(0, ...runs),
      unfinishedSeconds: runs.reduce((sum, seconds) => sum + seconds, 0),
    };
  }

  #cancelDelay(key: Key): void {
    clearTimeout(this.#delayed.get(key)?.timer);
    this.#delayed.delete(key);
  }
}

interface Delayed {
  readonly at: number;
  readonly timer: NodeJS.Timeout;
}
