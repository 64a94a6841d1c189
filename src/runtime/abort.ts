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

/** As `abortable`, with a TimeoutError after `ms` milliseconds. For requests that may never answer. */
export async function limited<T>(
  ms: number,
  signal: AbortSignal,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException(`No answer within ${ms} ms.`, 'TimeoutError')), ms);
  const either = AbortSignal.any([signal, limit.signal]);
  try {
    return await abortable(request(either), either);
  } finally {
    clearTimeout(timer);
  }
}
