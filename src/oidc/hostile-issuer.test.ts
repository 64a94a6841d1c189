import type { RequestListener } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { served } from '../../test/support/served.ts';
import { startTlsServer } from '../../test/support/tls-server.ts';
import { IssuerUrl } from '../iam/arn.ts';
import { IssuerCheck, type IssuerVerdict } from './issuer-check.ts';
import { parseIssuer } from './issuer.ts';
import { type Fetched, pinnedFetch } from './pinned-fetch.ts';
import { nonPublicNetwork } from './public-address.ts';

// Whoever serves the issuer's documents, or may write its name into a provider, tries to lead the operator elsewhere.
const ISSUER = IssuerUrl.parse('https://oidc.example.com/cluster-a');
const KEY = { kid: 'k1', algorithm: 'RS256' };
const never = new AbortController().signal;

/** The operator's verdict on an issuer that serves this discovery document, and what was asked for on the way. */
async function judged(discovery: string, jwks = '{"keys":[]}') {
  const serve: RequestListener = ({ url }, response) =>
    void response.end(url?.endsWith('openid-configuration') === true ? discovery : jwks);
  await using server = await startTlsServer(serve);
  const names: string[] = [];
  const fetchDocument = pinnedFetch({
    // Every name is public, but for those that say where they lead.
    resolve: async (host) => (
      names.push(host),
      [/^(?:[0-9]+-){3}[0-9]+/.exec(host)?.[0].replaceAll('-', '.') ?? '127.0.0.1']
    ),
    reach: {
      port: server.port,
      forbidden: (address) => (address === '127.0.0.1' ? undefined : nonPublicNetwork(address)),
    },
  });
  const verdict = await new IssuerCheck({ fetchDocument, now: () => new Date() }).verdict(ISSUER, KEY, never);
  return { verdict, names, paths: server.requests.map(({ line }) => line), connections: server.connections() };
}

/** The verdict alone, on documents that are simply there. */
function verdictOn(discovery: string, jwks = '{"keys":[]}'): Promise<IssuerVerdict> {
  const fetchDocument = async ({ pathname }: URL): Promise<Fetched> =>
    served(pathname.endsWith('openid-configuration') ? discovery : jwks);
  return new IssuerCheck({ fetchDocument, now: () => new Date() }).verdict(ISSUER, KEY, never);
}

const document = (jwksUri: string): string => JSON.stringify({ issuer: ISSUER, jwks_uri: jwksUri });
const metadata = '169.254.169.254';

describe('a jwks_uri leads nowhere but to public hosts [F67 F71 S7]', () => {
  test.each([
    `http://${metadata}/latest/meta-data/`,
    `https://${metadata}/latest/meta-data/`,
    'https://2852039166/latest/', // the same as one number
    'https://0xa9fea9fe/',
    'https://0251.0376.0251.0376/', // octal
    'https://169.254.43518/',
    `https://[::ffff:${metadata}]/`,
    'https://[::ffff:a9fe:a9fe]/',
    'https://[fd00:ec2::254]/latest/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://127.1/',
    'https://[::1]:6443/',
    `https://oidc.example.com@${metadata}/`,
    `https://oidc.example.com\\@${metadata}/..`, // a backslash is a slash: the host is oidc.example.com, the port its own
    `https://user:pass@oidc.example.com/keys`,
    'https:\\\\oidc.example.com:6443\\keys',
    'https://oidc.example.com:64\t43/keys',
    'https://oidc.example.com:443/keys',
    'https:oidc.example.com:6443/keys',
    'https://kubernetes.default.svc/keys',
    'https://kubernetes.default.svc./keys',
    'https://metadata.google.internal/computeMetadata/v1/',
    'https://LOCALHOST/',
    'https://１６９.２５４.１６９.２５４/', // full-width digits
    'https://169。254。169。254/', // ideographic full stops
    `https://169-254-169-254.nip.example/`, // a public name of a private address
    'https://10-96-0-1.nip.example/',
    'gopher://oidc.example.com/',
    'file:///var/run/secrets/kubernetes.io/serviceaccount/token',
    'data:application/json,{"keys":[]}',
    '//169.254.169.254/',
    'https://',
    '',
  ])('%j', async (jwksUri) => {
    const { verdict, names, paths } = await judged(document(jwksUri));
    expect(verdict.kind).not.toBe('usable');
    const fetched = paths.filter((line) => !line.includes('.well-known'));
    // Where the parser finds the issuer's own host behind the disguise, that is what is asked, on its only port.
    expect(fetched.every(() => new URL(jwksUri).hostname === 'oidc.example.com')).toBe(true);
    expect(names.filter((name) => name !== 'oidc.example.com' && !name.endsWith('.nip.example'))).toEqual([]);
  });

  test('whatever it is, the answer is a verdict and no crash', async () => {
    const part = fc.constantFrom(
      'https:',
      'http:',
      '//',
      '\\',
      '@',
      ':',
      '6443',
      '[',
      ']',
      '::1',
      '%00',
      '\t',
      '\n',
      '.',
      'a.example',
      metadata,
      '#',
      '?',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 8 }), async (parts) => {
        const { kind } = await verdictOn(document(parts.join('')));
        expect(['usable', 'unusable', 'unseen']).toContain(kind);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the name of an issuer leads nowhere else either [F71 S7]', () => {
  test.each([
    'https://2852039166/',
    'https://0xa9fea9fe/x',
    'https://[::ffff:169.254.169.254]/x',
    'https://user@oidc.example.com/',
    'https://user:pass@oidc.example.com/',
    'https://oidc.example.com@169.254.169.254/',
    'https:///169.254.169.254/',
    'https://oidc.example.com:8443\\@x/',
    'https://169.254.169.254\\.example.com/',
    'https://metadata.google.internal/',
    'https://LOCALHOST/',
  ])('%s is refused by its text alone', (text) => {
    expect(() => parseIssuer(text)).toThrow(expect.objectContaining({ disposition: { kind: 'terminal' } }));
  });
});

describe('odd JSON of an issuer is a verdict [F74]', () => {
  const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  test.each([
    { name: '30 000 levels', discovery: deep(30_000), reason: 'DiscoveryInvalid' },
    { name: '64 KiB of brackets', discovery: '['.repeat(65_536), reason: 'DiscoveryInvalid' },
    {
      name: 'a prototype',
      discovery: `{"__proto__":${document('https://a.example/keys')}}`,
      reason: 'DiscoveryInvalid',
    },
    { name: 'a constructor', discovery: '{"constructor":{"prototype":{"issuer":"x"}}}', reason: 'DiscoveryInvalid' },
    { name: 'NUL', discovery: '\u0000', reason: 'DiscoveryInvalid' },
    { name: 'a byte order mark', discovery: `\ufeff${document('https://a.example/keys')}`, reason: 'DiscoveryInvalid' },
    {
      name: 'two issuers, of which the last counts',
      discovery: `{"issuer":"${ISSUER}","issuer":"https://evil.example","jwks_uri":"https://a.example/keys"}`,
      reason: 'IssuerMismatch',
    },
    {
      name: 'half a character',
      discovery: '{"issuer":"\\ud800","jwks_uri":"https://a.example/keys"}',
      reason: 'IssuerMismatch',
    },
    { name: 'a huge number', discovery: '{"issuer":1e999,"jwks_uri":1e999}', reason: 'DiscoveryInvalid' },
    {
      name: 'keys that are no list',
      discovery: document('https://a.example/keys'),
      jwks: '{"keys":{"length":1}}',
      reason: 'JwksInvalid',
    },
    {
      name: 'a key that is a prototype',
      discovery: document('https://a.example/keys'),
      jwks: '{"keys":[{"kty":"__proto__","kid":"k1","__proto__":{"kty":"RSA"}}]}',
      reason: undefined,
    },
    {
      name: 'a name that steers a terminal',
      discovery: document('https://a.example/\u001b]0;x\u0007\n:1'),
      reason: 'JwksKeyMissing',
      jwks: '{"keys":[{"kty":"RSA","kid":"\\u001b[2J"}]}',
    },
  ])('$name', async ({ discovery, jwks, reason }) => {
    const verdict = await verdictOn(discovery, jwks);
    if (reason === undefined) expect(verdict.kind).toBe('usable');
    else expect(verdict).toMatchObject({ kind: 'unusable', reason });
    expect(JSON.stringify(verdict)).not.toMatch(/\p{Cc}/u);
    expect({}).not.toHaveProperty('kty');
  });
});
