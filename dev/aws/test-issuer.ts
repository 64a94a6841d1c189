import { createHash, X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { createAuthority, issueCertificate } from '../cluster/certificates.ts';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** An OIDC issuer with a self-made CA, as a cluster publishes one: discovery document, JWKS, tokens. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly caCertificate: string;
  /** SHA-1 of the CA's certificate, which is the last one of the served chain. */
  readonly caThumbprint: string;
  /** Requests that came in, by path. */
  readonly requests: string[];
  /** Signs a token of a ServiceAccount; `claims` overrides, `undefined` removes. */
  mint(
    claims?: Record<string, unknown>,
    header?: { alg?: string; kid?: string; key?: KeyPair['privateKey'] },
  ): Promise<string>;
  /** Adds a key of another algorithm and makes it the signing key. */
  rotate(algorithm: string): Promise<void>;
  /** Answers these instead of the real documents, by path. */
  readonly overrides: Map<string, { status: number; body: string }>;
}

/** Starts an issuer `https://<host><path>` on a free port; reach it by `resolve`. */
export async function startTestIssuer(host = 'oidc.example.test', path = '/clusters/a'): Promise<TestIssuer> {
  const url = `https://${host}${path}`;
  const authority = await createAuthority(new Date());
  const certified = await issueCertificate(authority, { use: 'server', commonName: host, hosts: [host] }, new Date());
  const jwks: JWK[] = [];
  const overrides = new Map<string, { status: number; body: string }>();
  const requests: string[] = [];
  const signing = { kid: '', alg: '', privateKey: undefined as KeyPair['privateKey'] | undefined };

  const rotate = async (algorithm: string): Promise<void> => {
    const pair = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const kid = await calculateJwkThumbprint(jwk);
    jwks.push({ ...jwk, kid, alg: algorithm, use: 'sig' });
    Object.assign(signing, { kid, alg: algorithm, privateKey: pair.privateKey });
  };
  await rotate('RS256');

  const base = url.replace(/\/$/, '');
  const documentAt = (requestPath: string): unknown => {
    if (requestPath === new URL(`${base}/.well-known/openid-configuration`).pathname) {
      return { issuer: url, jwks_uri: `${base}/keys`, id_token_signing_alg_values_supported: ['RS256'] };
    }
    return requestPath === new URL(`${base}/keys`).pathname ? { keys: jwks } : undefined;
  };
  const server = createServer(
    { cert: `${certified.certificate}\n${authority.certificate}`, key: certified.key },
    (request, response) => {
      const requestPath = request.url ?? '';
      requests.push(requestPath);
      const document = documentAt(requestPath);
      const override = overrides.get(requestPath);
      const status = override?.status ?? (document === undefined ? 404 : 200);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(override?.body ?? JSON.stringify(document ?? {}));
    },
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));

  const mint: TestIssuer['mint'] = async (claims = {}, header = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: url,
      sub: 'system:serviceaccount:analytics:reports',
      aud: ['sts.amazonaws.com'],
      iat: now,
      exp: now + 3600,
      ...claims,
    };
    const signer = header.key ?? signing.privateKey;
    if (signer === undefined) throw new Error('no signing key');
    const protectedHeader = { alg: header.alg ?? signing.alg, kid: header.kid ?? signing.kid };
    return new SignJWT(payload).setProtectedHeader(protectedHeader).sign(signer);
  };

  return {
    url,
    host,
    port: (server.address() as AddressInfo).port,
    caCertificate: authority.certificate,
    caThumbprint: createHash('sha1').update(new X509Certificate(authority.certificate).raw).digest('hex'),
    requests,
    overrides,
    mint,
    rotate,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
