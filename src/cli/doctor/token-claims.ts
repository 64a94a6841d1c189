import * as z from 'zod';
import { terminal } from '../../errors.ts';
import { type TokenParts, tokenParts } from '../../oidc/token-parts.ts';

/** What AWS looks at in a token of a ServiceAccount (RFC 7519, KEP-1205), without its signature. */
const Claims = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.union([z.string().transform((audience) => [audience]), z.array(z.string())]),
  iat: z.number(),
  exp: z.number(),
});
const Header = z.object({ kid: z.string().optional(), alg: z.string() });

export interface TokenClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly keyId: string | undefined;
  readonly algorithm: string;
}

/** Reads header and claims; throws a terminal TokenRequestFailed for what is no such token. The text never shows the token. */
export function claimsOf(token: string): TokenClaims {
  const { header, payload } = partsOf(token);
  const parsed = { header: Header.safeParse(header), claims: Claims.safeParse(payload) };
  if (!parsed.header.success || !parsed.claims.success) {
    throw terminal(
      'TokenRequestFailed',
      'The API server gave something else than a ServiceAccount token with iss, sub, aud, iat and exp. Is this a Kubernetes API server?',
    );
  }
  const { iss, sub, aud, iat, exp } = parsed.claims.data;
  const { kid, alg } = parsed.header.data;
  return { issuer: iss, subject: sub, audiences: aud, issuedAt: iat, expiresAt: exp, keyId: kid, algorithm: alg };
}

function partsOf(token: string): TokenParts {
  try {
    return tokenParts(token);
  } catch {
    return { header: {}, payload: {} }; // judged by the schemas, like all that is no token
  }
}
