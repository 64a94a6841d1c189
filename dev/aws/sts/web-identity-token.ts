import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload } from 'jose';
import { AwsError } from '../errors.ts';
import { type Issuers, IssuerUnreachable } from './issuer-keys.ts';

/** No PS*, no EdDSA, no HMAC, no none [model]. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];
/** The limit that people commonly meet; AWS publishes none [belief]. */
const MAX_AGE_SECONDS = 86_400;
const CLOCK_SKEW_SECONDS = 300;

export interface WebIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** `azp` if the token has one, else the values of `aud`. */
  readonly audiences: readonly string[];
  /** `aud` of a token that has an `azp`: condition key `oaud`. */
  readonly originalAudiences?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
}

export const invalidToken = (message: string, cause?: unknown): AwsError =>
  new AwsError('InvalidIdentityToken', 400, message, { cause });

const expired = (message: string): AwsError => new AwsError('ExpiredTokenException', 400, message);

interface Decoded {
  readonly claims: JWTPayload;
  readonly algorithm: string;
  readonly kid: string | undefined;
}

/** Decodes a token without verifying it; InvalidIdentityToken if it is no JWT or lacks a claim. */
export function decodeToken(token: string): Decoded {
  let decoded: Decoded;
  try {
    const { alg = '', kid } = decodeProtectedHeader(token);
    decoded = { claims: decodeJwt(token), algorithm: alg, kid };
  } catch (error) {
    throw invalidToken(
      'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      error,
    );
  }
  for (const claim of ['iss', 'sub', 'aud', 'exp', 'iat']) {
    if (decoded.claims[claim] === undefined) throw invalidToken(`Missing a required claim: ${claim}`);
  }
  return decoded;
}

/** Verifies the signature with the issuer's own key. Throws InvalidIdentityToken 400 with STS's text. */
export async function verifySignature(
  token: string,
  decoded: Decoded,
  issuers: Issuers,
  thumbprints: readonly string[],
): Promise<void> {
  const key = await findKey(decoded, issuers, thumbprints);
  try {
    if (!ALGORITHMS.includes(decoded.algorithm)) throw new Error(`algorithm ${decoded.algorithm} is not supported`);
    await compactVerify(token, await importJWK(key, decoded.algorithm), { algorithms: ALGORITHMS });
  } catch (error) {
    throw invalidToken('The web identity token provided could not be validated', error);
  }
}

const NO_KEY =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";

async function findKey({ claims, kid }: Decoded, issuers: Issuers, thumbprints: readonly string[]): Promise<JWK> {
  let key: JWK | undefined;
  try {
    key = await issuers.key(String(claims.iss), kid, thumbprints);
  } catch (error) {
    if (error instanceof IssuerUnreachable && error.kind === 'certificate') {
      throw invalidToken("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint", error);
    }
    throw invalidToken(NO_KEY, error);
  }
  if (key === undefined) throw invalidToken(NO_KEY);
  return key;
}

/** Checks times, then audiences, and gives back what the trust policy is asked about. */
export function checkClaims({ claims }: Decoded, clientIds: readonly string[], now: Date): WebIdentity {
  checkTimes(claims, Math.floor(now.getTime() / 1000));
  const aud = [claims.aud ?? []].flat();
  const azp = claims['azp'];
  const audiences = typeof azp === 'string' ? [azp] : aud;
  if (!audiences.some((audience) => clientIds.includes(audience))) throw invalidToken('Incorrect token audience');
  const amr = claims['amr'];
  return {
    issuer: String(claims.iss),
    subject: String(claims.sub),
    audiences: audiences.filter((audience) => clientIds.includes(audience)),
    originalAudiences: typeof azp === 'string' ? aud : undefined,
    methods: Array.isArray(amr) ? amr.map(String) : undefined,
  };
}

function checkTimes({ exp = 0, iat = 0, nbf = 0 }: JWTPayload, now: number): void {
  if (exp <= now) {
    throw expired(`Token expired: current date/time ${now} must be before the expiration date/time ${exp}`);
  }
  if (now - iat > MAX_AGE_SECONDS) throw expired(`Token too old: ${now - iat}`);
  // AWS respects `nbf`, but its text is not known.
  if (nbf > now + CLOCK_SKEW_SECONDS) throw invalidToken('The web identity token provided could not be validated');
}
