import { type KubeConfig, Watch } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { abortable, limited, sleep } from './abort.ts';
import { type Backoff, exponentialBackoff } from './backoff.ts';
import { errorCode, errorFields, isProgramFault, patienceMs } from './error-fields.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import { type OutageLog, outageLog } from './outage-log.ts';

/** A complete list and the version of the collection to watch on from. */
export interface Listing<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface ReflectorOptions<T extends StoredObject> {
  readonly config: KubeConfig;
  /** The collection's path, such as `/api/v1/serviceaccounts`. */
  readonly path: string;
  /** Label and field selectors; `list` must select the same. */
  readonly query?: Readonly<Record<string, string>>;
  /** All pages of the collection. May reject with anything; it is called again. */
  readonly list: (signal: AbortSignal) => Promise<Listing<T>>;
  readonly store: Pick<ObjectStore<T>, 'replace' | 'set' | 'delete' | 'setFollowed'>;
  readonly log: Logger;
  readonly backoff?: Backoff;
  readonly random?: () => number;
  /** A list whose pages take longer together counts as failed; default: the 5 minutes in which the API server can go on with it. */
  readonly listTimeoutMs?: number;
  readonly watch?: Pick<Watch, 'watch'>;
}

/** How a watch ended: `closed` is normal, `gone` means that the version to go on from is too old. */
interface WatchEnd {
  readonly kind: 'closed' | 'broken' | 'gone';
  readonly version: string;
  readonly livedMs: number;
}

// A watch that ends sooner must not be followed by another at once.
const STEADY_MS = 1000;

const TOO_MANY_REQUESTS = 429;

/**
 * Keeps `store` equal to the API server's collection: list, then watch. A watch that ends or breaks is resumed from
 * the last version seen; after 410 or an outage it lists again. Resolves, never rejects, when `signal` aborts.
 */
export async function runReflector<T extends StoredObject>(
  options: ReflectorOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  const backoff = options.backoff ?? exponentialBackoff(500, 30_000, options.random);
  const outage = outageLog(options.log, { path: options.path });
  let version: string | undefined;
  let failures = 0;
  let pauseMs = 0;
  while (!signal.aborted) {
    try {
      version ??= await list(options, signal);
      const end = await watch(options, version, outage, signal);
      version = end.kind === 'gone' ? undefined : end.version;
      if (end.livedMs >= STEADY_MS) failures = 0;
      if (end.livedMs >= STEADY_MS && end.kind === 'closed') continue;
      failures += 1;
      pauseMs = backoff(failures);
    } catch (error) {
      if (signal.aborted) return;
      options.store.setFollowed(false);
      failures += 1;
      pauseMs = Math.max(backoff(failures), patienceMs(error));
      // The version may come from another life of the API server. One that is only busy is spared the list.
      if (errorCode(error) !== TOO_MANY_REQUESTS) version = undefined;
      if (errorCode(error) !== 410) outage.failed(error, pauseMs);
    }
    await sleep(pauseMs, signal);
  }
}

async function list<T extends StoredObject>(
  { list: listAll, listTimeoutMs = 300_000, store }: ReflectorOptions<T>,
  signal: AbortSignal,
): Promise<string> {
  const { items, resourceVersion } = await limited(listTimeoutMs, signal, listAll);
  store.replace(items);
  return resourceVersion;
}

/** Follows one watch connection to its end. Rejects if it cannot be established or the signal aborts. */
async function watch<T extends StoredObject>(
  options: ReflectorOptions<T>,
  startVersion: string,
  outage: OutageLog,
  signal: AbortSignal,
): Promise<WatchEnd> {
  const { config, path, store, query, log, random = Math.random, watch: client = new Watch(config) } = options;
  const ended = Promise.withResolvers<WatchEnd['kind']>();
  let refusal: { readonly error: unknown } | undefined;
  let isOpen = true;
  let version = startVersion;
  // client-node swallows what its callbacks throw, so nothing may leave this function.
  const onEvent = (type: string, object: T & { readonly code?: number }): void => {
    if (!isOpen) return;
    try {
      if (type === 'ERROR') {
        log.debug({ path, code: object.code }, 'watch was refused, listing again'); // mostly 410
        return ended.resolve('gone');
      }
      if (type === 'DELETED') store.delete(object);
      else if (type === 'ADDED' || type === 'MODIFIED') store.set(object);
      version = object.metadata?.resourceVersion ?? version;
    } catch (error) {
      const level = isProgramFault(error) ? 'error' : 'warn';
      log[level]({ path, err: errorFields(error) }, 'watch event cannot be stored, listing again');
      ended.resolve('gone');
    }
  };
  const onDone = (error: unknown): void => {
    if (error) refusal ??= { error };
    const isQuiet = error instanceof Error && error.name === 'TimeoutError'; // 30 s without data: a dead link or no news
    ended.resolve(error && !isQuiet ? 'broken' : 'closed');
  };
  const parameters = {
    ...query,
    resourceVersion: startVersion,
    allowWatchBookmarks: true,
    timeoutSeconds: Math.round(300 + 300 * random()), // spreads the reconnects of many watchers
  };
  const connecting = client.watch(path, parameters, onEvent, onDone);
  try {
    await abortable(connecting, signal);
    if (refusal !== undefined) throw refusal.error; // it ended before it was established
    outage.recovered();
    store.setFollowed(true);
    const connectedAt = performance.now();
    const kind = await abortable(ended.promise, signal);
    return { kind, version, livedMs: performance.now() - connectedAt };
  } finally {
    isOpen = false;
    connecting.then((connection) => connection.abort()).catch(() => {}); // its failure was thrown above
  }
}
