import { describe, expect, test } from 'vitest';
import { ISSUER } from '../../test/support/builders.ts';
import { verdictOf } from './issuer-check.ts';
import { judge, type Observation } from './judge.ts';
import type { Fetched } from './pinned-fetch.ts';

type Answer = Extract<Fetched, { kind: 'answered' }>;

const KEY = { kty: 'RSA', kid: 'k1', alg: 'RS256', use: 'sig', n: 'AQ', e: 'AQAB' };
const JWKS_URI = `${ISSUER}/openid/v1/jwks`;

const answered = (body: unknown, fields: Partial<Answer> = {}): Answer => ({
  kind: 'answered',
  status: 200,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  location: undefined,
  cacheControl: 'public, max-age=3600',
  certificate: { kind: 'trusted' },
  milliseconds: 20,
  ...fields,
});

const documentWith = (fields: object = {}): object => ({ issuer: ISSUER, jwks_uri: JWKS_URI, ...fields });
const good: Observation = { discovery: answered(documentWith()), jwks: answered({ keys: [KEY] }) };

function verdict(observation: Partial<Observation>, tokenKey = { kid: 'k1', algorithm: 'RS256' }) {
  return verdictOf(judge({ ...good, ...observation }, ISSUER, tokenKey), ISSUER);
}

test('an issuer that AWS can use, and the keys that it publishes', () => {
  const keys = [{ ...KEY, kid: 'b' }, KEY, { ...KEY, kid: 'a' }];
  expect(verdict({ jwks: answered({ keys }) })).toEqual({
    kind: 'usable',
    keyIds: ['a', 'b', 'k1'],
    pins: [],
    notes: [],
  });
});

const PROTO = '{"__proto__":{"issuer":"https://evil.example"},"constructor":1';

describe('documents that AWS cannot use [F64]', () => {
  const discovery = (body: unknown, fields: Partial<Answer> = {}): Partial<Observation> => ({
    discovery: answered(body, fields),
    jwks: undefined,
  });
  const jwks = (body: unknown, fields: Partial<Answer> = {}): Partial<Observation> => ({
    jwks: answered(body, fields),
  });
  const many = (count: number, kty = 'RSA') =>
    Array.from({ length: count }, (_, index) => ({ ...KEY, kty, kid: index === 0 ? 'k1' : `x${index}` }));

  test.each<{ name: string; observed: Partial<Observation>; reason: string; says: string }>([
    { name: '401', observed: discovery('', { status: 401 }), reason: 'IssuerForbidden', says: 'HTTP 401' },
    {
      name: '403',
      observed: discovery('', { status: 403 }),
      reason: 'IssuerForbidden',
      says: 'system:unauthenticated',
    },
    { name: '403 of the JWKS', observed: jwks('', { status: 403 }), reason: 'IssuerForbidden', says: 'The JWKS' },
    { name: '404', observed: discovery('', { status: 404 }), reason: 'IssuerNotFound', says: 'is not there' },
    { name: '404 of the JWKS', observed: jwks('', { status: 404 }), reason: 'IssuerNotFound', says: JWKS_URI },
    {
      name: 'a redirect',
      observed: discovery('', { status: 301, location: 'http://169.254.169.254/' }),
      reason: 'IssuerRedirects',
      says: '"http://169.254.169.254/"',
    },
    { name: '418', observed: discovery('', { status: 418 }), reason: 'IssuerUnreachable', says: 'AWS needs 200' },
    { name: 'HTML', observed: discovery('<html>'), reason: 'DiscoveryInvalid', says: 'is not JSON' },
    { name: 'nothing', observed: discovery(''), reason: 'DiscoveryInvalid', says: 'is not JSON' },
    { name: 'null', observed: discovery('null'), reason: 'DiscoveryInvalid', says: 'lacks what AWS needs' },
    { name: 'an array', observed: discovery([]), reason: 'DiscoveryInvalid', says: 'lacks what AWS needs' },
    { name: '60000 brackets', observed: discovery('['.repeat(60_000)), reason: 'DiscoveryInvalid', says: 'not JSON' },
    { name: 'no jwks_uri', observed: discovery({ issuer: ISSUER }), reason: 'DiscoveryInvalid', says: 'jwks_uri' },
    { name: 'only inherited members', observed: discovery(`${PROTO}}`), reason: 'DiscoveryInvalid', says: 'issuer' },
    {
      name: 'a discovery document that is too large',
      observed: { discovery: { kind: 'too-large' }, jwks: undefined },
      reason: 'DiscoveryInvalid',
      says: '64 KiB',
    },
    {
      name: 'another issuer',
      observed: discovery(documentWith({ issuer: 'https://other.example' })),
      reason: 'IssuerMismatch',
      says: '"https://other.example"',
    },
    {
      name: 'a trailing slash too many',
      observed: discovery(documentWith({ issuer: `${ISSUER}/` })),
      reason: 'IssuerMismatch',
      says: 'only in the trailing slash',
    },
    {
      name: 'a jwks_uri by http',
      observed: discovery(documentWith({ jwks_uri: 'http://oidc.example.com/jwks' })),
      reason: 'JwksUriNotPublic',
      says: 'is not https',
    },
    {
      name: 'a jwks_uri with a port',
      observed: discovery(documentWith({ jwks_uri: 'https://10.0.0.1:6443/openid/v1/jwks' })),
      reason: 'JwksUriNotPublic',
      says: 'names a port',
    },
    {
      name: 'a jwks_uri with the standard port',
      observed: discovery(documentWith({ jwks_uri: 'https://oidc.example.com:443/jwks' })),
      reason: 'JwksUriNotPublic',
      says: 'names a port',
    },
    {
      name: 'a jwks_uri of a node',
      observed: discovery(documentWith({ jwks_uri: 'https://ip-10-0-0-1.eu-west-1.compute.internal/jwks' })),
      reason: 'JwksUriNotPublic',
      says: 'known only inside the cluster',
    },
    {
      name: 'a jwks_uri with an address',
      observed: discovery(documentWith({ jwks_uri: 'https://10.0.0.1/jwks' })),
      reason: 'JwksUriNotPublic',
      says: 'known only inside the cluster',
    },
    {
      name: 'a jwks_uri with a user',
      observed: discovery(documentWith({ jwks_uri: 'https://a:b@oidc.example.com/jwks' })),
      reason: 'JwksUriNotPublic',
      says: 'names a user',
    },
    {
      name: 'a jwks_uri in quotes',
      observed: discovery(documentWith({ jwks_uri: '"https://oidc.example.com/jwks"' })),
      reason: 'JwksUriNotPublic',
      says: 'is no URL',
    },
    { name: 'a JWKS that is no JSON', observed: jwks('{'), reason: 'JwksInvalid', says: 'is not JSON' },
    { name: 'a JWKS without keys', observed: jwks({}), reason: 'JwksInvalid', says: 'keys' },
    { name: 'keys that are no list', observed: jwks({ keys: {} }), reason: 'JwksInvalid', says: 'keys' },
    {
      name: 'a key without type',
      observed: jwks({ keys: [{ kid: 'k1' }] }),
      reason: 'JwksInvalid',
      says: 'keys.0.kty',
    },
    { name: 'an empty JWKS', observed: jwks({ keys: [] }), reason: 'JwksInvalid', says: 'has no keys' },
    {
      name: '101 RSA keys',
      observed: jwks({ keys: many(101) }),
      reason: 'JwksInvalid',
      says: '101 keys of type "RSA"',
    },
    {
      name: 'a JWKS that is too large',
      observed: { jwks: { kind: 'too-large' } },
      reason: 'JwksInvalid',
      says: '64 KiB',
    },
    {
      name: 'another key than that of our tokens',
      observed: jwks({ keys: [{ ...KEY, kid: 'old' }] }),
      reason: 'JwksKeyMissing',
      says: '"k1", is not in the JWKS',
    },
    {
      name: 'two keys with the kid of our tokens',
      observed: jwks({ keys: [KEY, { ...KEY, n: 'AnotherModulus' }] }),
      reason: 'JwksInvalid',
      says: 'several keys',
    },
    {
      name: 'an expired certificate',
      observed: discovery('', { certificate: { kind: 'invalid', why: 'expired' } }),
      reason: 'CertificateInvalid',
      says: 'expired',
    },
    {
      name: 'the certificate of another host',
      observed: jwks({ keys: [KEY] }, { certificate: { kind: 'invalid', why: 'for another name' } }),
      reason: 'CertificateInvalid',
      says: 'for another name',
    },
  ])('$name: $reason', ({ observed, reason, says }) => {
    expect(verdict(observed)).toEqual({ kind: 'unusable', reason, message: expect.stringContaining(says) });
  });

  test.each(['PS256', 'EdDSA', 'HS256', 'none'])('tokens that are signed with %s', (algorithm) => {
    expect(verdict({}, { kid: 'k1', algorithm })).toMatchObject({
      kind: 'unusable',
      reason: 'JwksInvalid',
      message: expect.stringContaining(`"${algorithm}"`),
    });
  });

  test('long texts of others are cut, so that the remedy is always to be read', () => {
    const { message } = verdict(discovery(documentWith({ issuer: `https://${'x'.repeat(50_000)}` }))) as {
      message: string;
    };
    expect(message.length).toBeLessThan(1024);
    expect(message).toContain('kubectl get --raw');
  });
});

describe('what cannot be seen from here, and AWS may see', () => {
  test.each<{ name: string; fetched: Fetched; reason: string; jwksReason?: string; says: string }>([
    {
      name: 'a private address',
      fetched: { kind: 'not-public', address: '10.0.0.1', network: 'private' },
      reason: 'IssuerNotPublic',
      jwksReason: 'JwksUriNotPublic',
      says: '10.0.0.1, a private address',
    },
    {
      name: 'no name in DNS',
      fetched: { kind: 'failed', phase: 'name', code: 'ENOTFOUND' },
      reason: 'IssuerNotChecked',
      says: 'DNS gives no address for oidc.example.com (ENOTFOUND)',
    },
    {
      name: 'a refused connection',
      fetched: { kind: 'failed', phase: 'connection', code: 'ECONNREFUSED' },
      reason: 'IssuerNotChecked',
      says: 'connection: ECONNREFUSED',
    },
    {
      name: 'no TLS',
      fetched: { kind: 'failed', phase: 'TLS', code: 'EPROTO' },
      reason: 'IssuerNotChecked',
      says: 'TLS: EPROTO',
    },
    {
      name: 'a timeout',
      fetched: { kind: 'timeout', phase: 'answer' },
      reason: 'IssuerNotChecked',
      says: 'within 5 s',
    },
    { name: '503', fetched: answered('', { status: 503 }), reason: 'IssuerNotChecked', says: 'HTTP 503' },
    { name: '429', fetched: answered('', { status: 429 }), reason: 'IssuerNotChecked', says: 'HTTP 429' },
  ])('$name: $reason', ({ fetched, reason, jwksReason = reason, says }) => {
    for (const [observed, expected] of [
      [{ discovery: fetched, jwks: undefined }, reason],
      [{ jwks: fetched }, jwksReason],
    ] as const) {
      const found = verdict(observed);
      expect(found).toEqual({ kind: 'unseen', reason: expected, message: expect.stringContaining(says) });
      expect(found).toHaveProperty('message', expect.stringContaining('spec.issuer.check to Skip'));
    }
  });
});

describe('what works, and could be better', () => {
  test.each<{ name: string; observed: Partial<Observation>; says: string }>([
    { name: 'slow', observed: { jwks: answered({ keys: [KEY] }, { milliseconds: 3_000 }) }, says: 'slowly' },
    {
      name: 'no-cache',
      observed: { jwks: answered({ keys: [KEY] }, { cacheControl: 'no-cache' }) },
      says: '"no-cache"',
    },
    {
      name: 'a cache of no time',
      observed: { discovery: answered(documentWith(), { cacheControl: 'max-age=0' }) },
      says: '"max-age=0"',
    },
    {
      name: 'a key of an algorithm that AWS does not know',
      observed: { jwks: answered({ keys: [KEY, { kty: 'OKP', kid: 'ed', alg: 'EdDSA', x: 'AQ' }] }) },
      says: '"EdDSA"',
    },
  ])('$name', ({ observed, says }) => {
    expect(verdict(observed)).toMatchObject({ kind: 'usable', notes: [expect.stringContaining(says)] });
  });

  test('a private chain names what AWS compares, of both hosts', () => {
    const certificate = (digit: string) =>
      ({
        kind: 'untrusted',
        code: 'SELF_SIGNED_CERT_IN_CHAIN',
        topThumbprint: digit.repeat(40),
        isTrustedHere: false,
      }) as const;
    const found = verdict({
      discovery: answered(documentWith(), { certificate: certificate('a') }),
      jwks: answered({ keys: [KEY] }, { certificate: certificate('b') }),
    });
    expect(found).toMatchObject({
      kind: 'usable',
      pins: [
        { thumbprint: 'a'.repeat(40), isTrustedHere: false },
        { thumbprint: 'b'.repeat(40), isTrustedHere: false },
      ],
    });
    const both = { certificate: certificate('a') };
    const notes = [expect.stringContaining('a'.repeat(40))]; // once, though both documents come from there
    expect(verdict({ discovery: answered(documentWith(), both), jwks: answered({ keys: [KEY] }, both) })).toMatchObject(
      { notes },
    );
  });

  test('the same key twice, a key without kid for a token without, exactly 100 keys', () => {
    expect(verdict({ jwks: answered({ keys: [KEY, KEY] }) })).toMatchObject({ kind: 'usable', notes: [] });
    const { kid: _none, ...bare } = KEY;
    const unnamed = { kid: undefined as unknown as string, algorithm: 'RS256' };
    expect(verdict({ jwks: answered({ keys: [bare] }) }, unnamed)).toMatchObject({ kind: 'usable', keyIds: [] });
    const keys = Array.from({ length: 100 }, (_, index) => ({ ...KEY, kid: `k${index}` }));
    expect(verdict({ jwks: answered({ keys }) })).toMatchObject({ kind: 'usable' });
  });

  test('members that nobody asked for are harmless [F74]', () => {
    const body = `${PROTO},"issuer":"${ISSUER}","jwks_uri":"${JWKS_URI}"}`;
    expect(verdict({ discovery: answered(body) })).toMatchObject({ kind: 'usable' });
    expect(({} as { issuer?: string }).issuer).toBeUndefined();
  });
});
