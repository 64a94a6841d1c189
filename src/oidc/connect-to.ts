import { isIP } from 'node:net';

/** Where a host is to be found instead of where DNS says. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

const ENTRY = /^([^=\s]+)=(\[[0-9a-fA-F:.]+\]|[0-9.]+):([0-9]{1,5})$/;

/**
 * Reads `HOST=ADDRESS:PORT,…` (IPv6 in brackets), as curl's --connect-to. Throws an Error that names the entry it cannot
 * read. Empty text gives an empty map.
 */
export function parseConnectTo(text: string): ReadonlyMap<string, Place> {
  return new Map(
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '')
      .map(readEntry),
  );
}

function readEntry(entry: string): readonly [string, Place] {
  const [, host = '', bracketed = '', digits = ''] = ENTRY.exec(entry) ?? [];
  const address = bracketed.replace(/^\[|\]$/g, '');
  const port = Number(digits);
  if (isIP(address) !== 0 && port >= 1 && port <= 65_535) return [host.toLowerCase(), { address, port }];
  throw new Error(`"${entry}" is not HOST=ADDRESS:PORT with an IP address, for example oidc.example.com=10.0.0.7:6443`);
}
