import { BlockList, isIP } from 'node:net';

interface Network {
  readonly name: string;
  readonly addresses: BlockList;
}

const network = (name: string, family: 'ipv4' | 'ipv6', ...subnets: readonly string[]): Network => {
  const addresses = new BlockList();
  for (const subnet of subnets) {
    const [prefix = '', length = '0'] = subnet.split('/');
    addresses.addSubnet(prefix, Number(length), family);
  }
  return { name, addresses };
};

/** IANA's registry of special-purpose IPv4 addresses (RFC 6890), and multicast. */
const NOT_PUBLIC_IPV4: readonly Network[] = [
  network('unspecified', 'ipv4', '0.0.0.0/8'),
  network('private', 'ipv4', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'),
  network('carrier-grade NAT', 'ipv4', '100.64.0.0/10'),
  network('loopback', 'ipv4', '127.0.0.0/8'),
  network('link-local', 'ipv4', '169.254.0.0/16'),
  network('multicast', 'ipv4', '224.0.0.0/4'),
  network('reserved', 'ipv4', '192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4'),
  network('documentation', 'ipv4', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'),
];

const NOT_PUBLIC_IPV6: readonly Network[] = [
  network('loopback', 'ipv6', '::1/128'),
  network('unspecified', 'ipv6', '::/128'),
  network('private', 'ipv6', 'fc00::/7'),
  network('link-local', 'ipv6', 'fe80::/10', 'fec0::/10'),
  network('multicast', 'ipv6', 'ff00::/8'),
  network('documentation', 'ipv6', '2001:db8::/32', '3fff::/20'),
  network('tunnel', 'ipv6', '2002::/16', '2001::/32'), // 6to4 and Teredo carry an IPv4 address of the author's choice
  network('reserved', 'ipv6', '2001::/23'),
];

/** Global unicast: all that IANA has given out is in here. */
const GLOBAL_IPV6 = network('global', 'ipv6', '2000::/3').addresses;
/** ::ffff:0:0/96 and the well-known prefix of NAT64 (RFC 6052): the last 32 bits are the address that counts. */
const IPV4_PREFIXES = ['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'];

/**
 * The kind of network of an address that AWS cannot reach, or that nobody outside may make us reach: 'private',
 * 'loopback', 'link-local', … Undefined for a public address.
 */
export function nonPublicNetwork(address: string): string | undefined {
  switch (isIP(address)) {
    case 4:
      return NOT_PUBLIC_IPV4.find(({ addresses }) => addresses.check(address, 'ipv4'))?.name;
    case 6: {
      const groups = groupsOf(address);
      if (groups === undefined) return 'link-local'; // only those have a zone
      const embedded = embeddedIpv4(groups);
      if (embedded !== undefined) return nonPublicNetwork(embedded);
      const found = NOT_PUBLIC_IPV6.find(({ addresses }) => addresses.check(address, 'ipv6'));
      return found?.name ?? (GLOBAL_IPV6.check(address, 'ipv6') ? undefined : 'reserved');
    }
    default:
      return 'unknown';
  }
}

/** The eight groups of an IPv6 address in hexadecimal; undefined for an address with a zone (fe80::1%eth0). */
function groupsOf(address: string): readonly string[] | undefined {
  const url = URL.parse(`http://[${address}]/`); // its form has no dotted quads
  if (url === null) return undefined;
  const [head = '', tail] = url.hostname.slice(1, -1).split('::');
  if (tail === undefined) return splitGroups(head);
  const [first, last] = [splitGroups(head), splitGroups(tail)];
  return [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
}

const splitGroups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));

function embeddedIpv4(groups: readonly string[]): string | undefined {
  if (!IPV4_PREFIXES.includes(groups.slice(0, 6).join(':'))) return undefined;
  return groups
    .slice(6)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** Whether a host of a URL is an address, or a name that only the cluster or its network can know. */
export function isClusterLocal(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return isIP(bare) !== 0 || !bare.includes('.') || /(^|\.)(svc|local|internal|localhost)$|\.svc\./.test(bare);
}
