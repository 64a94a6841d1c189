import { isDeepStrictEqual } from 'node:util';
import type { KubeConfig } from '@kubernetes/client-node';

/** The part of KubeConfig that makes connections, which its types hide. */
interface Connecting {
  createDispatcher(cluster: unknown, tls: object): unknown;
}

/**
 * The same configuration, whose clients share one pool of connections. client-node 2.0.1 makes a pool for each request, and so
 * a TLS handshake: a third of the operator's work in a burst. Certificates that change on disk get a new pool.
 */
export function sharingConnections(config: KubeConfig): KubeConfig {
  const { createDispatcher } = config as unknown as Connecting;
  let last: { readonly cluster: unknown; readonly tls: object; readonly dispatcher: unknown } | undefined;
  const shared: Connecting['createDispatcher'] = (cluster, tls) => {
    if (last === undefined || !isDeepStrictEqual([cluster, tls], [last.cluster, last.tls]))
      last = { cluster, tls, dispatcher: createDispatcher.call(config, cluster, tls) };
    return last.dispatcher;
  };
  return Object.create(config, { createDispatcher: { value: shared } });
}
