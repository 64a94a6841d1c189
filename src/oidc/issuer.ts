import { terminal } from '../errors.ts';
import { IssuerUrl } from '../iam/arn.ts';
import { explain } from './explain.ts';
import type { ShapeFinding } from './finding.ts';
import type { TokenKey } from './judge.ts';
import { isClusterLocal } from './public-address.ts';
import { tokenParts } from './token-parts.ts';

/** What a token says about the cluster that signed it. */
export interface TokenFacts {
  /** `iss`, byte for byte. */
  readonly issuer: string;
  readonly key: TokenKey;
}

/** Reads a token that the API server has just minted; it came by TLS from it, so its signature is not checked. */
export function readToken(token: string): TokenFacts {
  const { header, payload } = tokenParts(token);
  const issuer = payload['iss'];
  if (typeof issuer !== 'string')
    throw terminal(
      'IssuerMismatch',
      'The token of the API server has no `iss` claim; is this a Kubernetes API server?',
    );
  const { kid, alg } = header;
  return {
    issuer,
    key: { kid: typeof kid === 'string' ? kid : undefined, algorithm: typeof alg === 'string' ? alg : 'none' },
  };
}

/**
 * Checks that AWS can use an issuer, by its shape alone: https, no port, a public host.
 * Throws a terminal ReconcileError that names the remedy. IAM keeps the URL byte for byte, a trailing slash too.
 */
export function parseIssuer(text: string): IssuerUrl {
  const issuer = IssuerUrl.safeParse(text);
  const finding = shapeFinding(text) ?? (issuer.success ? undefined : { kind: 'not-accepted-by-iam' });
  if (finding === undefined && issuer.success) return issuer.data;
  const { reason, message } = explain(finding ?? { kind: 'not-accepted-by-iam' }, text);
  throw terminal(reason, message);
}

function shapeFinding(text: string): ShapeFinding | undefined {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'https:') return { kind: 'not-https' };
  if (url.port !== '' || /^https:\/\/[^/]*:[0-9]+(\/|$)/.test(text)) return { kind: 'has-port' };
  if (isClusterLocal(url.hostname)) return { kind: 'cluster-local' };
  const isPlain = [url.search, url.hash, url.username, url.password].every((part) => part === '');
  return isPlain ? undefined : { kind: 'not-accepted-by-iam' };
}
