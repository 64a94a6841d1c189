import type { Logger } from 'pino';
import { type ReconcileError, retryable, toReconcileError } from '../errors.ts';
import { abortable, deadline, sleep } from './abort.ts';
import { exponentialBackoff } from './backoff.ts';
import { errorFields } from './error-fields.ts';
import type { ControllerObserver, Metrics, ReconcileOutcome } from './metrics.ts';
import type { Priority } from './fair-line.ts';
import type { Change, ObjectStore, StoredObject } from './object-store.ts';
import { type Reconcile, type Request, type RequestKey, requestKey, toRequest, type Wake } from './reconciler.ts';
import { Spacing } from './spacing.ts';
import { WorkQueue } from './work-queue.ts';

/** A store whose changes wake the controller. */
export interface Source<T extends StoredObject> {
  readonly store: Pick<ObjectStore<T>, 'synced' | 'follow'>;
  /** The objects that a change concerns; must be quick, and is called with `added` for all that exists at the start. */
  toRequests(change: Change<T>): Iterable<Wake>;
}

export interface ControllerOptions<Kinds extends readonly StoredObject[]> {
  readonly name: string;
  /** Objects that are worked on at the same time. */
  readonly concurrency: number;
  readonly reconcile: Reconcile;
  readonly sources: { readonly [Index in keyof Kinds]: Source<Kinds[Index]> };
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'controller' | 'queue'>;
  readonly reconcileTimeoutMs?: number;
  /** How long reconciles in flight may go on after disposal before their signal aborts. */
  readonly drainMs?: number;
  readonly random?: () => number;
}

export interface Controller extends AsyncDisposable {
  /** Resolves, never rejects, when no worker runs any more. */
  readonly ended: Promise<void>;
  /** Wakes an object for a reason that no store knows. */
  enqueue(request: Request, priority?: Priority): void;
}

/** What one worker needs. */
interface Loop extends Pick<ControllerOptions<readonly []>, 'name' | 'reconcile' | 'log'> {
  readonly queue: WorkQueue<RequestKey>;
  readonly observer: ControllerObserver;
  readonly random: () => number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const HOUR_MS = 3_600_000;
/** A spec that flaps is carried out three times at once, and then once in five seconds. */
const SPACED_WAKES = { burst: 3, intervalMs: 5_000 };

/**
 * Waits for the stores, adds all their objects, then reconciles what changes. Abort of `signal` (lost leadership)
 * stops reconciles in flight at once; disposal takes no new keys and lets them end within `drainMs`.
 */
export function startController<const Kinds extends readonly StoredObject[]>(
  options: ControllerOptions<Kinds>,
  signal: AbortSignal,
): Controller {
  const { name, concurrency, metrics, drainMs = 20_000, random = Math.random } = options;
  const queue = new WorkQueue<RequestKey>(exponentialBackoff(1000, 300_000, random), metrics.queue(name));
  const drain = new AbortController();
  const closed = new AbortController();
  const close = (): void => {
    closed.abort();
    queue[Symbol.dispose]();
  };
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  const loop: Loop = {
    ...options,
    queue,
    observer: metrics.controller(name, concurrency),
    random,
    timeoutMs: options.reconcileTimeoutMs ?? 120_000,
    signal: AbortSignal.any([signal, drain.signal]),
  };
  const run = async (): Promise<void> => {
    const stopWatching = await follow(options.sources, queue, closed.signal);
    await Promise.all(Array.from({ length: concurrency }, () => work(loop)));
    stopWatching();
    signal.removeEventListener('abort', close);
  };
  const ended = run();
  return {
    ended,
    enqueue: (request, priority) => queue.add(requestKey(request), priority),
    [Symbol.asyncDispose]: async () => {
      close();
      const done = new AbortController();
      void sleep(drainMs, done.signal).then(() => drain.abort(new Error('The shutdown grace is over.')));
      await ended;
      done.abort();
    },
  };
}

/** Adds the keys of all objects and of each later change to the queue; returns how to stop. */
async function follow(
  sources: ReadonlyArray<Source<StoredObject>>,
  queue: WorkQueue<RequestKey>,
  signal: AbortSignal,
): Promise<() => void> {
  // Mappings look into each other's stores, so none is asked before all are complete.
  // After an abort the queue is closed, and what follows has no effect.
  await abortable(Promise.all(sources.map(({ store }) => store.synced)), signal).catch(() => {});
  const spacing = new Spacing<RequestKey>(SPACED_WAKES);
  const wake = ({ isSpaced = false, priority, ...request }: Wake, usual: Priority): void => {
    const key = requestKey(request);
    const waitMs = isSpaced ? spacing.wait(key, performance.now()) : 0;
    if (waitMs === 0) queue.add(key, priority ?? usual);
    else queue.addAfter(key, waitMs, priority ?? usual);
  };
  let isStart = true;
  const stops = sources.map((source) =>
    source.store.follow((change) => {
      const usual = isStart ? 'background' : change.type === 'added' ? 'new' : 'change';
      for (const request of source.toRequests(change)) wake(request, usual);
    }),
  );
  isStart = false;
  return () => stops.forEach((stop) => stop());
}

async function work(loop: Loop): Promise<void> {
  for (let key = await loop.queue.take(); key !== undefined; key = await loop.queue.take()) {
    const startedAt = performance.now();
    loop.observer.started();
    const outcome = await reconcileOnce(loop, key);
    loop.observer.ended(outcome, (performance.now() - startedAt) / 1000);
    loop.queue.done(key);
  }
}

/** Runs one reconcile and arranges the next; never rejects. */
async function reconcileOnce(loop: Loop, key: RequestKey): Promise<ReconcileOutcome> {
  const { name, queue, reconcile, signal, timeoutMs } = loop;
  const log = loop.log.child({ controller: name, object: key, reconcileId: crypto.randomUUID() });
  try {
    using limit = deadline(timeoutMs, signal);
    const { requeueAfterMs } = await reconcile(toRequest(key), { signal: limit.signal, log });
    log.debug('reconciled');
    queue.forget(key);
    if (requeueAfterMs === undefined) return 'success';
    queue.addAfter(key, requeueAfterMs);
    return 'requeue_after';
  } catch (thrown) {
    if (signal.aborted) {
      log.debug({ err: errorFields(thrown) }, 'reconcile was stopped');
      return 'error';
    }
    return afterFailure(loop, key, classify(thrown), log);
  }
}

/** The only place where a failure becomes a time to look again, and the only one that logs it. */
function afterFailure(loop: Loop, key: RequestKey, error: ReconcileError, log: Logger): ReconcileOutcome {
  const { queue, random } = loop;
  const { reason, disposition } = error;
  const err = errorFields(error);
  switch (disposition.kind) {
    case 'retryable': {
      log.warn({ err, reason, retryInMs: Math.round(queue.retry(key)) }, 'reconcile failed');
      return 'error';
    }
    case 'waiting':
      log.info({ err, reason, retryInMs: disposition.retryAfterMs }, 'reconcile waits');
      queue.forget(key);
      queue.addAfter(key, disposition.retryAfterMs, 'new'); // somebody may wait for it
      return 'requeue_after';
    case 'terminal':
      log.error({ err, reason }, 'reconcile cannot succeed until something changes');
      queue.forget(key);
      queue.addAfter(key, HOUR_MS * (0.9 + 0.2 * random())); // the cause may lie where no watch sees it
      return 'terminal';
    default:
      return disposition satisfies never;
  }
}

function classify(thrown: unknown): ReconcileError {
  try {
    return toReconcileError(thrown);
  } catch (cause) {
    // Such as an object without a prototype, which cannot even be made a string.
    return retryable('InternalError', 'The reconcile threw a value that cannot be printed.', { cause });
  }
}
