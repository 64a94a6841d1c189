import { AsyncLocalStorage } from 'node:async_hooks';

/** Something that can be stopped and go on, as a process by SIGSTOP and SIGCONT: what is due meanwhile comes when it goes on. */
export class Process {
  #isPaused = false;
  readonly #due: (() => void)[] = [];

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What was due comes now, one after the other. */
  resume({ after }: Pick<VirtualTime, 'after'>): void {
    this.#isPaused = false;
    for (const callback of this.#due.splice(0)) after(0, callback, this);
  }

  /** Calls back now, or when it goes on. */
  run(callback: () => void): void {
    if (this.#isPaused) this.#due.push(callback);
    else running.run(this, callback);
  }
}

/** The process whose code runs now; what it waits for is its own. */
const running = new AsyncLocalStorage<Process | 'world'>();

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly owner: Process | 'world';
  readonly callback: () => void;
  isCancelled: boolean;
}

/** Time that goes on only when nothing is left to do at the present moment. */
export interface VirtualTime {
  /** Milliseconds since the start of the run. */
  readonly now: () => number;
  /** Calls back once; the result cancels that. It concerns whoever asks, unless another owner is named. */
  readonly after: (ms: number, callback: () => void, owner?: Process | 'world') => () => void;
  /** Goes on to each timer in its turn, and lets all that it woke run before the next. */
  readonly runUntil: (ms: number) => Promise<void>;
}

/**
 * Runs `work` with the timers of this process on virtual time: setTimeout, performance.now and AbortSignal.timeout. Whatever
 * waits for something else than these would stand still, and nothing of the reconcile core does.
 */
export async function inVirtualTime<T>(work: (time: VirtualTime) => Promise<T>): Promise<T> {
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    now: performance.now.bind(performance),
    timeout: AbortSignal.timeout.bind(AbortSignal),
  };
  const time = virtualTime();
  const install = (name: 'setTimeout' | 'clearTimeout', value: unknown): void =>
    void Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  install('setTimeout', (callback: () => void, ms = 0) => handleOf(time.after(ms, callback)));
  install('clearTimeout', (handle: unknown) => cancel(handle));
  performance.now = time.now;
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController();
    time.after(ms, () => controller.abort(new DOMException('The operation timed out.', 'TimeoutError')));
    return controller.signal;
  };
  try {
    return await work(time);
  } finally {
    install('setTimeout', real.setTimeout);
    install('clearTimeout', real.clearTimeout);
    performance.now = real.now;
    AbortSignal.timeout = real.timeout;
  }
}

interface Handle {
  readonly cancel: () => void;
  readonly ref: () => Handle;
  readonly unref: () => Handle;
}

function handleOf(cancelTimer: () => void): Handle {
  const handle: Handle = { cancel: cancelTimer, ref: () => handle, unref: () => handle };
  return handle;
}

function cancel(handle: unknown): void {
  if (typeof handle === 'object' && handle !== null && 'cancel' in handle && typeof handle.cancel === 'function') {
    handle.cancel();
  }
}

function virtualTime(): VirtualTime {
  const heap = new TimerHeap();
  let now = 0;
  let order = 0;
  return {
    now: () => now,
    after: (ms, callback, owner = running.getStore() ?? 'world') => {
      order += 1;
      const timer: Timer = { at: now + Math.max(ms, 0), order, owner, callback, isCancelled: false };
      heap.push(timer);
      return () => void (timer.isCancelled = true);
    },
    runUntil: async (until) => {
      await settled();
      for (let timer = heap.popUntil(until); timer !== undefined; timer = heap.popUntil(until)) {
        if (timer.isCancelled) continue;
        now = timer.at;
        fire(timer);
        await settled(); // oxlint-disable-line no-await-in-loop -- in the order of time
      }
      now = until;
    },
  };
}

function fire(timer: Timer): void {
  const callback = (): void => {
    if (!timer.isCancelled) timer.callback(); // it can be cancelled while its process stands still
  };
  if (timer.owner === 'world') running.run('world', callback);
  else timer.owner.run(callback);
}

/** All microtasks have run by then. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The earliest first; of equally early ones that which was set first. */
class TimerHeap {
  readonly #timers: Timer[] = [];

  push(timer: Timer): void {
    const timers = this.#timers;
    let index = timers.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, timers[parent])) break;
      this.#swap(index, parent);
      index = parent;
    }
  }

  popUntil(until: number): Timer | undefined {
    const [first] = this.#timers;
    if (first === undefined || first.at > until) return undefined;
    const last = this.#timers.pop();
    if (last !== undefined && last !== first) {
      this.#timers[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #sink(start: number): void {
    const timers = this.#timers;
    for (let index = start; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let least = index;
      if (isBefore(timers[left], timers[least])) least = left;
      if (isBefore(timers[right], timers[least])) least = right;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#timers[a], this.#timers[b]];
    if (first === undefined || second === undefined) return;
    this.#timers[a] = second;
    this.#timers[b] = first;
  }
}

function isBefore(a: Timer | undefined, b: Timer | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
