/** Resolves when the signal aborts; holds no timer, so that waiting on it keeps no process alive. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits `ms` milliseconds, or until `signal` aborts; never rejects, so that a loop needs only one exit. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
  });
}

/** The result of `work`, or a rejection with the signal's reason as soon as it aborts, even if `work` ignores it. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export interface Deadline extends Disposable {
  /** Aborts as the given signal does, or with a TimeoutError when the time is over; never once it is disposed. */
  readonly signal: AbortSignal;
}

/**
 * A signal for one piece of work that may take `ms` milliseconds; dispose it when the work has ended. What AbortSignal.any and
 * AbortSignal.timeout make stays in memory until its time is over, and longer: 1 kB for each request and each reconcile.
 */
export function deadline(ms: number, signal: AbortSignal): Deadline {
  const limit = new AbortController();
  const follow = (): void => limit.abort(signal.reason);
  const timer = setTimeout(() => limit.abort(new DOMException(`Not done within ${ms} ms.`, 'TimeoutError')), ms);
  const dispose = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', follow);
  };
  signal.addEventListener('abort', follow, { once: true });
  if (signal.aborted) follow();
  return { signal: limit.signal, [Symbol.dispose]: dispose };
}

/** As `abortable`, with a TimeoutError after `ms` milliseconds. For requests that may never answer. */
export async function limited<T>(
  ms: number,
  signal: AbortSignal,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using limit = deadline(ms, signal);
  return await abortable(request(limit.signal), limit.signal);
}
