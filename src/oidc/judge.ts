import { discoveryUrl, type Jwks, jwksUriProblem, type Parsed, parseDiscovery, parseJwks } from './documents.ts';
import type { ContentFinding, FetchFinding, Finding, Place } from './finding.ts';
import type { Fetched } from './pinned-fetch.ts';

/** The header of a token that this cluster has just signed. */
export interface TokenKey {
  /** Absent before Kubernetes 1.16. */
  readonly kid: string | undefined;
  readonly algorithm: string;
}

/** What was fetched. */
export interface Observation {
  readonly discovery: Fetched;
  /** Undefined where the discovery document does not lead to it. */
  readonly jwks: Fetched | undefined;
}

/** What an observation means, before it is put into words. */
export interface Judgement {
  readonly findings: readonly Finding[];
  /** `kid` of each published key. */
  readonly keyIds: readonly string[];
}

/** RS* and ES*; no PS*, no EdDSA (STS API reference, AssumeRoleWithWebIdentity). */
const ALGORITHMS: ReadonlySet<string> = new Set(['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512']);
/** AWS reads at most so many keys of each type. */
const MAX_KEYS_PER_TYPE = 100;
/** AWS gives up after about 5 s, and it is farther away than we are. */
const SLOW_MS = 2_000;
/** With less, AWS has to fetch the keys for nearly every token. */
const SHORTEST_CACHE_SECONDS = 15;

/** Holds what was fetched against what AWS needs to trust the tokens of this cluster. Pure. */
export function judge(observation: Observation, issuer: string, tokenKey: TokenKey): Judgement {
  const { discovery, jwks } = observation;
  const at = placeOf('discovery document', discoveryUrl(issuer));
  const findings: Finding[] = [...fetchFindings(discovery, at)];
  const document = bodyOf(discovery, parseDiscovery);
  if (document?.kind !== 'parsed') return { findings: [...findings, ...parseFindings(document, at)], keyIds: [] };
  const { issuer: found, jwks_uri: jwksUri } = document.value;
  if (found !== issuer) findings.push({ kind: 'issuer-mismatch', found });
  const problem = jwksUriProblem(jwksUri);
  if (problem !== undefined) findings.push({ kind: 'jwks-uri-unusable', jwksUri, problem });
  if (problem !== undefined || jwks === undefined) return { findings, keyIds: [] };
  const atKeys = placeOf('JWKS', new URL(jwksUri));
  findings.push(...fetchFindings(jwks, atKeys));
  const keys = bodyOf(jwks, parseJwks);
  if (keys?.kind !== 'parsed') return { findings: [...findings, ...parseFindings(keys, atKeys)], keyIds: [] };
  return { findings: [...findings, ...keyFindings(keys.value, tokenKey)], keyIds: keyIdsOf(keys.value) };
}

const placeOf = (document: Place['document'], url: URL): Place => ({
  document,
  url: `${url.origin}${url.pathname}`,
  host: url.hostname,
});

function fetchFindings(fetched: Fetched, at: Place): readonly FetchFinding[] {
  switch (fetched.kind) {
    case 'answered':
      return [...certificateFindings(fetched, at), ...statusFindings(fetched, at)];
    case 'too-large':
      return [{ kind: 'too-large', at }];
    case 'not-public':
      return [{ kind: 'not-public', at, address: fetched.address, network: fetched.network }];
    case 'timeout':
      return [{ kind: 'timeout', at, phase: fetched.phase }];
    case 'failed': {
      const { phase, code } = fetched;
      return [phase === 'name' ? { kind: 'no-such-name', at, code } : { kind: 'no-connection', at, phase, code }];
    }
    default:
      return fetched satisfies never;
  }
}

type Answered = Extract<Fetched, { kind: 'answered' }>;

function certificateFindings({ certificate }: Answered, at: Place): readonly FetchFinding[] {
  switch (certificate.kind) {
    case 'trusted':
      return [];
    case 'invalid':
      return [{ kind: 'certificate-invalid', at, why: certificate.why }];
    case 'untrusted': {
      const { code, topThumbprint, isTrustedHere } = certificate;
      return [{ kind: 'certificate-untrusted', at, code, topThumbprint, isTrustedHere }];
    }
    default:
      return certificate satisfies never;
  }
}

function statusFindings(
  { status, location, milliseconds, cacheControl }: Answered,
  at: Place,
): readonly FetchFinding[] {
  if (status === 200) {
    const isShort = cacheControl !== undefined && isShortCache(cacheControl);
    return [
      ...(milliseconds > SLOW_MS ? [{ kind: 'slow', at } as const] : []),
      ...(isShort ? [{ kind: 'not-cacheable', at, cacheControl } as const] : []),
    ];
  }
  if (status === 401 || status === 403) return [{ kind: 'forbidden', at, status }];
  if (status === 404 || status === 410) return [{ kind: 'not-found', at, status }];
  if (status >= 300 && status < 400) return [{ kind: 'redirect', at, status, location: location ?? '' }];
  if (status >= 500 || status === 429) return [{ kind: 'unavailable', at, status }];
  return [{ kind: 'unexpected-status', at, status }];
}

function isShortCache(cacheControl: string): boolean {
  const [, seconds] = /\bmax-age=([0-9]+)/i.exec(cacheControl) ?? [];
  return (
    /\bno-(store|cache)\b/i.test(cacheControl) || (seconds !== undefined && Number(seconds) < SHORTEST_CACHE_SECONDS)
  );
}

/** Undefined where an earlier finding already says that there is no document. */
function bodyOf<T>(fetched: Fetched, parse: (body: string) => Parsed<T>): Parsed<T> | undefined {
  return fetched.kind === 'answered' && fetched.status === 200 ? parse(fetched.body) : undefined;
}

function parseFindings(
  parsed: Exclude<Parsed<unknown>, { kind: 'parsed' }> | undefined,
  at: Place,
): readonly Finding[] {
  switch (parsed?.kind) {
    case undefined:
      return [];
    case 'not-json':
      return [{ kind: 'not-json', at }];
    case 'malformed':
      return [{ kind: 'malformed', at, problem: parsed.problem }];
    default:
      return parsed satisfies never;
  }
}

function keyFindings({ keys }: Jwks, { kid = '', algorithm }: TokenKey): readonly ContentFinding[] {
  if (keys.length === 0) return [{ kind: 'no-keys' }];
  const ofType = Object.groupBy(keys, ({ kty }) => kty);
  const tooMany = Object.entries(ofType).flatMap(([type, { length: count } = []]): ContentFinding[] =>
    count > MAX_KEYS_PER_TYPE ? [{ kind: 'too-many-keys', type, count }] : [],
  );
  const ours = keys.filter((key) => (key.kid ?? '') === kid);
  const found = keys.map((key) => key.kid ?? '');
  const isAmbiguous = new Set(ours.map(({ n, x }) => n ?? x)).size > 1;
  const foreign = new Set(keys.flatMap(({ alg }) => (alg === undefined || ALGORITHMS.has(alg) ? [] : [alg])));
  return [
    ...tooMany,
    ...(ALGORITHMS.has(algorithm) ? [] : [{ kind: 'unsupported-algorithm', algorithm } as const]),
    ...(ours.length === 0 ? [{ kind: 'key-missing', kid, found } as const] : []),
    ...(isAmbiguous ? [{ kind: 'duplicate-kid', kid } as const] : []),
    ...(foreign.size === 0 ? [] : [{ kind: 'foreign-algorithms', algorithms: [...foreign].toSorted() } as const]),
  ];
}

const keyIdsOf = ({ keys }: Jwks): readonly string[] =>
  [...new Set(keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid])))].toSorted();
