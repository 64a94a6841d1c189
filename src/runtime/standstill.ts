/** How long nothing of this process may have run until it counts as a standstill; garbage collection and a busy node stay below. */
const STANDSTILL_MS = 2_000;
/** Afterwards, until what its watches have missed has been read. */
const CATCHING_UP_MS = 1_000;
const TICK_MS = 250;

export interface Standstill extends Disposable {
  /** Whether the process ran again only a moment ago, and may not have read yet what it missed. */
  readonly justEnded: () => boolean;
}

/**
 * Finds out that the process was frozen (SIGSTOP, a paused container or machine): it answers what was sent to it meanwhile from what it
 * knew before. A request may come before the first tick after the standstill, so that the time since the last one counts too.
 * `now` is a monotonic clock in milliseconds.
 */
export function watchStandstill(now: () => number = () => performance.now()): Standstill {
  let ticked = now();
  let ended = -Infinity;
  const look = (): boolean => {
    const time = now();
    if (time - ticked > STANDSTILL_MS) ended = time;
    ticked = time;
    return time - ended <= CATCHING_UP_MS;
  };
  const timer = setInterval(look, TICK_MS).unref();
  return { justEnded: look, [Symbol.dispose]: () => clearInterval(timer) };
}
