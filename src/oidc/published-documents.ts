import type { IssuerUrl } from '../iam/arn.ts';
import type { Jwk } from './published-keys.ts';

/** Where the documents lie below the issuer (OpenID Connect Discovery 1.0, section 4; the API server's own path). */
export const DISCOVERY_PATH = '/.well-known/openid-configuration';
export const JWKS_PATH = '/openid/v1/jwks';

/**
 * Headers that a server must send with both documents. Five minutes: whoever keeps the JWKS for longer, such as a CDN,
 * does not know a new key when its first tokens come; for shorter, AWS asks more often without need.
 */
export const DOCUMENT_HEADERS = { contentType: 'application/json', cacheControl: 'public, max-age=300' } as const;

/** The URL of a document; a trailing slash of the issuer is not doubled. */
export const documentUrl = (issuer: IssuerUrl, path: string): string => `${issuer.replace(/\/$/, '')}${path}`;

/** The discovery document: what AWS reads of it, and what OpenID Connect requires. `issuer` is the one of the tokens, byte for byte. */
export const discoveryDocument = (issuer: IssuerUrl, keys: readonly Jwk[]): Readonly<Record<string, unknown>> => ({
  issuer,
  jwks_uri: documentUrl(issuer, JWKS_PATH),
  authorization_endpoint: 'urn:kubernetes:programmatic_authorization',
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [...new Set(keys.map(algorithmOf))].toSorted(),
  claims_supported: ['sub', 'iss'],
});

export const jwksDocument = (keys: readonly Jwk[]): { readonly keys: readonly Jwk[] } => ({ keys });

/** A document as text, as it is written. */
export const documentText = (document: object): string => `${JSON.stringify(document, undefined, 2)}\n`;

/** JSON, or undefined for what is none: it differs from every document of ours. */
export function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const EC_ALGORITHMS: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

/** The API server names it; other sources of keys may not. */
const algorithmOf = ({ alg, kty, crv = 'P-256' }: Jwk): string =>
  alg ?? (kty === 'RSA' ? 'RS256' : (EC_ALGORITHMS[crv] ?? 'ES256'));
