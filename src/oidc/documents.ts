import * as z from 'zod';
import { isClusterLocal } from './public-address.ts';

/** What was found where a JSON document should be. */
export type Parsed<T> =
  | { readonly kind: 'parsed'; readonly value: T }
  | { readonly kind: 'not-json' }
  | { readonly kind: 'malformed'; readonly problem: string };

/** The part of a discovery document (OpenID Connect Discovery 1.0, section 3) that AWS needs. */
const Discovery = z.object({ issuer: z.string(), jwks_uri: z.string() });
export type Discovery = z.output<typeof Discovery>;

/** The part of a key (RFC 7517, section 4) that is looked at. */
const Key = z.object({
  kty: z.string(),
  kid: z.string().optional(),
  alg: z.string().optional(),
  n: z.string().optional(),
  x: z.string().optional(),
});
export type Key = z.output<typeof Key>;

const Jwks = z.object({ keys: z.array(Key) });
export type Jwks = z.output<typeof Jwks>;

export const parseDiscovery = (body: string): Parsed<Discovery> => parse(body, Discovery);
export const parseJwks = (body: string): Parsed<Jwks> => parse(body, Jwks);

/** Members that are not asked for are dropped, so that none of them, `__proto__` least, can do anything. */
function parse<T>(body: string, schema: z.ZodType<T>): Parsed<T> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { kind: 'not-json' };
  }
  const result = schema.safeParse(json);
  if (result.success) return { kind: 'parsed', value: result.data };
  const [{ path = [], message = '' } = {}] = result.error.issues;
  return { kind: 'malformed', problem: path.length === 0 ? message : `${path.join('.')}: ${message}` };
}

/** `<issuer>/.well-known/openid-configuration`; an issuer that ends in a slash does not get a second one. */
export const discoveryUrl = (issuer: string): URL =>
  new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);

/** What keeps AWS from fetching keys at a `jwks_uri`, by its shape alone. */
export function jwksUriProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null) return 'is no URL';
  if (url.protocol !== 'https:') return 'is not https';
  // The text too: `:443` is no port to the parser. The parser too: it takes `\\` for `/`, and drops tabs and line feeds.
  if (url.port !== '' || /^https:\/\/[^/?#]*:[0-9]+([/?#]|$)/i.test(text)) return 'names a port, and AWS only uses 443';
  if (isClusterLocal(url.hostname)) return 'names a host that is known only inside the cluster';
  if (url.username !== '' || url.password !== '') return 'names a user';
  return undefined;
}
