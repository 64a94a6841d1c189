const ECHO_MS = 2000;

/**
 * Aborts at the first Ctrl-C or SIGTERM. One Ctrl-C arrives more than once, from the terminal and from `npm`, which
 * passes it on; only one that comes later means that the user will not wait any more, and ends the process.
 */
export function interruption(): AbortSignal {
  const stop = new AbortController();
  let first = 0;
  const onSignal = (): void => {
    if (!stop.signal.aborted) {
      first = performance.now();
      stop.abort();
    } else if (performance.now() - first > ECHO_MS) process.exit(130); // its children end with it (process.ts)
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return stop.signal;
}
