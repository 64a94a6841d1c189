import { Resolver } from 'node:dns/promises';

const OPTIONS = { timeout: 2_000, tries: 2 };
/** Some name servers drop questions for IPv6: once there are IPv4 addresses, which are enough, it is waited so long. */
const IPV6_PATIENCE_MS = 1_000;

/**
 * All addresses of a host by DNS alone, as the world sees it: no /etc/hosts and no search domains, which AWS does not have.
 * Rejects with node:dns's error and code where there is none. `servers`: other than those of the system.
 */
export function publicDns(servers?: readonly string[]) {
  return async (host: string, signal: AbortSignal): Promise<readonly string[]> => {
    const resolver = new Resolver(OPTIONS);
    if (servers !== undefined) resolver.setServers(servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    let patience: NodeJS.Timeout | undefined;
    const ipv4 = async (): Promise<readonly string[]> => {
      const addresses = await resolver.resolve4(host);
      patience = setTimeout(cancel, IPV6_PATIENCE_MS);
      return addresses;
    };
    try {
      const [v4, v6] = await Promise.allSettled([ipv4(), resolver.resolve6(host)]);
      const addresses = [v4, v6].flatMap((found) => (found.status === 'fulfilled' ? found.value : []));
      if (addresses.length === 0 && v4.status === 'rejected') throw v4.reason;
      return addresses;
    } finally {
      clearTimeout(patience);
      signal.removeEventListener('abort', cancel);
    }
  };
}
