import { describe, expect, test } from 'vitest';
import { useDoctor } from '../support/doctor.ts';
import { identity, provider, useStack } from '../support/stories.ts';
import { startTlsServer } from '../support/tls-server.ts';

// The issuer, and what it serves, is broken in one way after the other. The numbers are those of docs/failures.md.

const stack = useStack();
const doctor = useDoctor(stack);

describe('the first broken link at the issuer', () => {
  interface Documents {
    readonly discovery: () => object;
    readonly jwks: () => Promise<object>;
  }
  const issuer = (): string => stack().cluster.issuer;
  const realKeys = async (): Promise<{ readonly keys: readonly object[] }> =>
    JSON.parse(await stack().kubectl(['get', '--raw', '/openid/v1/jwks'])) as { keys: object[] };
  const good: Documents = {
    discovery: () => ({
      issuer: issuer(),
      jwks_uri: `${issuer()}/keys`,
      id_token_signing_alg_values_supported: ['RS256'],
    }),
    jwks: realKeys,
  };

  interface IssuerCase {
    readonly name: string;
    readonly documents?: Partial<Documents>;
    readonly status?: number;
    readonly location?: string;
    readonly link: string;
    readonly says: string | RegExp;
  }

  const cases: readonly IssuerCase[] = [
    { name: '5 401 without a login', status: 401, link: 'issuer: IssuerForbidden', says: /401/ },
    { name: '5 403 without a login', status: 403, link: 'issuer: IssuerForbidden', says: /403/ },
    {
      name: '5 a redirect',
      status: 302,
      location: 'https://login.example.com/',
      link: 'issuer: IssuerRedirects',
      says: /login\.example\.com/,
    },
    { name: '5 nothing there', status: 404, link: 'issuer: IssuerNotFound', says: /404/ },
    {
      name: '6 jwks_uri is an address of the node',
      documents: { discovery: () => ({ ...good.discovery(), jwks_uri: 'https://10.0.0.7:6443/openid/v1/jwks' }) },
      link: 'issuer: JwksUriNotPublic',
      says: /10\.0\.0\.7/,
    },
    {
      name: '7 the document names the issuer with a slash',
      documents: { discovery: () => ({ ...good.discovery(), issuer: `${issuer()}/` }) },
      link: 'issuer: IssuerMismatch',
      says: /slash/,
    },
    {
      name: '8 the signing key is not published',
      documents: { jwks: async () => ({ keys: [{ kty: 'RSA', kid: 'former', n: 'AQAB', e: 'AQAB' }] }) },
      link: 'issuer: JwksKeyMissing',
      says: /key/,
    },
    {
      name: '9 more than 100 keys',
      documents: {
        jwks: async () => ({
          keys: [
            ...(await realKeys()).keys,
            ...Array.from({ length: 100 }, (_, index) => ({
              kty: 'RSA',
              kid: `former-${index}`,
              n: 'AQAB',
              e: 'AQAB',
            })),
          ],
        }),
      },
      link: 'issuer: JwksInvalid',
      says: /100/,
    },
  ];

  /** Has doctor find the issuer at a server of ours. */
  async function served(one: Omit<IssuerCase, 'name' | 'link' | 'says'>) {
    const { discovery, jwks } = { ...good, ...one.documents };
    const keySet = await jwks();
    const server = await startTlsServer(
      (request, response) => {
        response.writeHead(one.status ?? 200, {
          'content-type': 'application/json',
          ...(one.location === undefined ? {} : { location: one.location }),
        });
        response.end(JSON.stringify(request.url === '/keys' ? keySet : discovery()));
      },
      { host: new URL(issuer()).hostname },
    );
    return {
      server,
      environment: { ...doctor().keys, ISSUER_CONNECT_TO: `${new URL(issuer()).hostname}=127.0.0.1:${server.port}` },
    };
  }

  test.each(cases)('$name', async ({ link, says, ...one }) => {
    const { server, environment } = await served(one);
    await using _server = server;
    const broken = await doctor().firstBroken(undefined, environment);
    expect(broken.link).toBe(link);
    expect(broken.message).toMatch(says);
  });

  test('11 the certificate is of a private authority that IAM has no thumbprint of', async () => {
    const { server, environment } = await served({});
    await using _server = server;
    const broken = await doctor().firstBroken(undefined, environment);
    expect(broken.link).toBe('provider: ThumbprintMismatch');
    expect(broken.message).toContain(server.thumbprints.authority);
  });

  test('3 spec.issuer.url is a guess', async () => {
    const guessed = 'https://container.googleapis.com/v1/projects/p/zones/z/clusters/c';
    await stack().kubectl(['create', 'serviceaccount', 'default', '-n', doctor().namespace]); // as in every real namespace
    await stack().kubectl(['apply', '-f', '-'], provider({ issuer: { url: guessed } }, 'guess'));
    await stack().kubectl(
      ['apply', '-f', '-'],
      identity(doctor().namespace, { providerRef: { name: 'guess' } }, 'guessing'),
    );
    const broken = await doctor().firstBroken(['guessing', '-n', doctor().namespace]);
    expect(broken.link).toBe('issuer: IssuerMismatch');
    expect(broken.message).toContain(guessed);
  });

  test.each([
    {
      name: '4 it is known only inside the cluster',
      issuer: 'https://kubernetes.default.svc.cluster.local',
      link: 'issuer: IssuerNotPublic',
    },
    { name: '4b it has a port', issuer: 'https://api.example.com:6443', link: 'issuer: IssuerHasPort' },
  ])('$name', async ({ issuer: other, link }) => {
    const { cluster } = stack();
    const original = cluster.issuer;
    await cluster.restartApiServer({ issuers: [other, original] });
    try {
      expect((await doctor().firstBroken()).link).toBe(link);
    } finally {
      await cluster.restartApiServer({ issuers: [original] });
    }
  });
});
