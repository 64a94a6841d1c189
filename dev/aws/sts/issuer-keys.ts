import { createHash } from 'node:crypto';
import { request } from 'node:https';
import { checkServerIdentity, connect, type DetailedPeerCertificate, rootCertificates, type TLSSocket } from 'node:tls';
import type { JWK } from 'jose';
import { AwsError } from '../errors.ts';

/**
 * Where to find issuers: like curl's `--resolve` and `--cacert`; `*.example.com` is any host right below example.com. Any
 * other host is HTTPS on port 443 by DNS.
 */
export interface IssuerAccess {
  readonly resolve: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  /** PEM; trusted besides the public roots. */
  readonly caCertificates: readonly string[];
}

const TIMEOUT_MS = 5000;
const CACHE_MS = 60_000;
const MAX_BYTES = 512 * 1024;
const MAX_KEYS_PER_TYPE = 100;

/** Why the keys could not be had: STS tells an unpinned certificate from everything else. */
export class IssuerUnreachable extends Error {
  override readonly name = 'IssuerUnreachable';
  readonly kind: 'certificate' | 'unreachable';

  constructor(kind: 'certificate' | 'unreachable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

interface KeySet {
  readonly fetchedAt: number;
  readonly keys: readonly JWK[];
}

/** The issuers as AWS sees them: discovery document, keys, certificate. */
export class Issuers {
  readonly #access: IssuerAccess;
  readonly #now: () => Date;
  readonly #cache = new Map<string, KeySet>();

  constructor(access: IssuerAccess, now: () => Date) {
    this.#access = access;
    this.#now = now;
  }

  /**
   * The key with `kid`. Keys are cached for a minute and fetched anew for an unknown `kid`. A certificate that no
   * trusted root signed passes if its top certificate is pinned. Throws IssuerUnreachable.
   */
  async key(issuer: string, kid: string | undefined, thumbprints: readonly string[]): Promise<JWK | undefined> {
    const cacheKey = [issuer, ...thumbprints].join(' '); // trust in the certificate is the provider's, so are the keys
    const cached = this.#cache.get(cacheKey);
    const fresh = cached !== undefined && this.#now().getTime() - cached.fetchedAt < CACHE_MS;
    const known = fresh ? findKey(cached.keys, kid) : undefined;
    if (known !== undefined) return known;
    const keys = await this.#fetchKeys(issuer, thumbprints);
    this.#cache.set(cacheKey, { fetchedAt: this.#now().getTime(), keys });
    return findKey(keys, kid);
  }

  /** SHA-1 (hex) of the last certificate that the JWKS host serves. OpenIdIdpCommunicationError 400 if it cannot be had. */
  async topThumbprint(issuer: string): Promise<string> {
    try {
      const discovery = await this.#getJson(discoveryUrl(issuer), 'any certificate');
      return await this.#servedThumbprint(jwksUrl(discovery));
    } catch (error) {
      const message = `Please check .well-known/openid-configuration of provider: ${issuer} is valid.`;
      throw new AwsError('OpenIdIdpCommunicationError', 400, message, { cause: error });
    }
  }

  async #fetchKeys(issuer: string, thumbprints: readonly string[]): Promise<readonly JWK[]> {
    const discovery = await this.#getJson(discoveryUrl(issuer), thumbprints);
    const document = await this.#getJson(jwksUrl(discovery), thumbprints);
    const keys = isRecord(document) && Array.isArray(document['keys']) ? document['keys'].filter(isJwk) : undefined;
    if (keys === undefined) throw new IssuerUnreachable('unreachable', 'the JWKS has no keys');
    for (const type of ['RSA', 'EC']) {
      const count = keys.filter((key) => key.kty === type).length;
      if (count > MAX_KEYS_PER_TYPE) throw new IssuerUnreachable('unreachable', `more than 100 ${type} keys`);
    }
    return keys;
  }

  /** GET over TLS, 200 and JSON or nothing; redirects are not followed. */
  async #getJson(url: URL, trust: readonly string[] | 'any certificate'): Promise<unknown> {
    const { status, body, authorized } = await this.#get(url);
    if (!authorized && trust !== 'any certificate' && !trust.includes(await this.#servedThumbprint(url))) {
      throw new IssuerUnreachable('certificate', `${url.hostname}: certificate neither trusted nor pinned`);
    }
    if (status !== 200) throw new IssuerUnreachable('unreachable', `${url.href} answered ${status}`);
    try {
      return JSON.parse(body);
    } catch (error) {
      throw new IssuerUnreachable('unreachable', `${url.href} is not JSON`, { cause: error });
    }
  }

  #target(url: URL): { readonly host: string; readonly port: number; readonly servername: string } {
    const { resolve } = this.#access;
    const place = resolve[url.hostname] ?? resolve[url.hostname.replace(/^[^.]+/, '*')];
    return { host: place?.address ?? url.hostname, port: place?.port ?? 443, servername: url.hostname };
  }

  #get(url: URL): Promise<{ status: number; body: string; authorized: boolean }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string; authorized: boolean }>();
    const fail = (error: Error): void => reject(new IssuerUnreachable('unreachable', error.message, { cause: error }));
    const outgoing = request({
      ...this.#target(url),
      path: `${url.pathname}${url.search}`,
      headers: { host: url.hostname, accept: '*/*', 'user-agent': 'local-aws-sts' },
      agent: false,
      ca: [...rootCertificates, ...this.#access.caCertificates],
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false, // looked at below: an untrusted certificate may be pinned
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      const socket = response.socket as TLSSocket; // https gives a TLSSocket
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BYTES) outgoing.destroy(new Error(`${url.href} is larger than ${MAX_BYTES} bytes`));
        chunks.push(chunk);
      });
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body, authorized: socket.authorized });
      });
    });
    outgoing.end();
    return promise;
  }

  /** Without any root of our own the chain can only be what the server sent. The name must match all the same. */
  #servedThumbprint(url: URL): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const target = this.#target(url);
    const socket = connect({ ...target, ca: [], rejectUnauthorized: false, timeout: TIMEOUT_MS }, () => {
      const certificate = socket.getPeerCertificate(true);
      const mismatch = checkServerIdentity(url.hostname, certificate);
      socket.destroy();
      if (mismatch === undefined) resolve(thumbprintOf(topOf(certificate)));
      else reject(new IssuerUnreachable('certificate', mismatch.message));
    });
    socket.on('timeout', () => socket.destroy(new Error(`${url.hostname} did not answer`)));
    socket.on('error', (error) => reject(new IssuerUnreachable('unreachable', error.message, { cause: error })));
    return promise;
  }
}

function topOf(certificate: DetailedPeerCertificate): DetailedPeerCertificate {
  let top = certificate;
  // A self-signed certificate is its own issuer.
  while (top.issuerCertificate !== undefined && top.issuerCertificate.fingerprint256 !== top.fingerprint256) {
    top = top.issuerCertificate;
  }
  return top;
}

const thumbprintOf = (certificate: DetailedPeerCertificate): string =>
  createHash('sha1').update(certificate.raw).digest('hex');

/** Issuer + `/.well-known/openid-configuration`, without doubling a trailing slash. */
const discoveryUrl = (issuer: string): URL => new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);

function jwksUrl(discovery: unknown): URL {
  const value = isRecord(discovery) ? discovery['jwks_uri'] : undefined;
  const url = typeof value === 'string' ? URL.parse(value) : null;
  if (url === null || url.protocol !== 'https:' || url.port !== '') {
    throw new IssuerUnreachable('unreachable', 'jwks_uri must be https without a port');
  }
  return url;
}

/** A token without `kid` (before Kubernetes 1.16) matches a key without one. */
const findKey = (keys: readonly JWK[], kid: string | undefined): JWK | undefined =>
  keys.find((key) => (key.kid ?? '') === (kid ?? ''));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
const isJwk = (value: unknown): value is JWK => isRecord(value) && typeof value['kty'] === 'string';
