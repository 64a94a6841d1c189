import { isDeepStrictEqual } from 'node:util';
import type { KubeConfig } from '@kubernetes/client-node';

/** The part of KubeConfig that makes connections, which its types hide. */
interface Connecting {
  createDispatcher(cluster: unknown, tls: object): Dispatcher | undefined;
}

/** A pool of connections, as far as this file needs it: undici's, which client-node brings. */
interface Dispatcher {
  dispatch(request: unknown, handler: Handler): boolean;
  /** Takes no more requests, and ends when those under way have ended. */
  close(): Promise<void>;
}

type Handler = Readonly<Record<'onResponseStart' | 'onResponseError', (...args: unknown[]) => void>>;

interface Pool {
  readonly cluster: unknown;
  readonly tls: object;
  readonly dispatcher: Dispatcher | undefined;
}

/**
 * HTTP/2 puts all requests on one connection. If that dies without a word, as behind a NAT that forgot it, undici's own pings
 * find out after two minutes; the Lease is lost after ten seconds.
 */
const UNANSWERED_MS = 5_000;

/**
 * The same configuration, whose clients share one pool of connections. client-node 2.0.1 makes a pool for each request, and so
 * a TLS handshake: a third of the operator's work in a burst. Certificates that change on disk get a new pool, and so do the
 * requests after one that has had no answer for `unansweredMs` milliseconds.
 */
export function sharingConnections(config: KubeConfig, unansweredMs = UNANSWERED_MS): KubeConfig {
  const { createDispatcher } = config as unknown as Connecting;
  let last: Pool | undefined;
  const replace = (suspect: Dispatcher): void => {
    if (last?.dispatcher !== suspect) return;
    last = undefined;
    void suspect.close();
  };
  const shared: Connecting['createDispatcher'] = (cluster, tls) => {
    if (last === undefined || !isDeepStrictEqual([cluster, tls], [last.cluster, last.tls])) {
      const dispatcher = createDispatcher.call(config, cluster, tls);
      last = { cluster, tls, dispatcher: dispatcher && watched(dispatcher, unansweredMs, replace) };
    }
    return last.dispatcher;
  };
  return Object.create(config, { createDispatcher: { value: shared } });
}

/** The same pool; tells of each request whose answer does not begin within the time. */
function watched(pool: Dispatcher, unansweredMs: number, tell: (pool: Dispatcher) => void): Dispatcher {
  const dispatch: Dispatcher['dispatch'] = (request, handler) => {
    const timer = setTimeout(() => tell(watching), unansweredMs).unref();
    const answered = (method: keyof Handler) => ({
      value(this: Handler, ...args: unknown[]) {
        clearTimeout(timer);
        handler[method].apply(this, args);
      },
    });
    const methods = { onResponseStart: answered('onResponseStart'), onResponseError: answered('onResponseError') };
    return pool.dispatch(request, Object.create(handler, methods));
  };
  const watching: Dispatcher = Object.create(pool, {
    dispatch: { value: dispatch },
    close: { value: () => pool.close() },
  });
  return watching;
}
