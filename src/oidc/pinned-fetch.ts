import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Place } from './connect-to.ts';
import { nonPublicNetwork } from './public-address.ts';
import {
  isTrustedHere,
  publicTrust,
  type ServedCertificate,
  servedCertificate,
  type Server,
} from './served-certificate.ts';

/** How far a fetch had come. */
export type Phase = 'name' | 'connection' | 'TLS' | 'answer';

/** What one GET of a document found out. Nothing of it is an exception: it is all evidence. */
export type Fetched =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly body: string;
      readonly location: string | undefined;
      readonly cacheControl: string | undefined;
      readonly certificate: ServedCertificate;
      readonly milliseconds: number;
    }
  | { readonly kind: 'too-large' }
  /** One of the addresses of the host is not public; none was connected to. */
  | { readonly kind: 'not-public'; readonly address: string; readonly network: string }
  | { readonly kind: 'timeout'; readonly phase: Phase }
  | { readonly kind: 'failed'; readonly phase: Phase; readonly code: string };

export type FetchDocument = (url: URL, signal: AbortSignal) => Promise<Fetched>;

/** Which addresses are fit to be connected to, and at which port. */
export interface Reach {
  readonly port: number;
  /** The kind of network that forbids an address. */
  readonly forbidden: (address: string) => string | undefined;
}

const INTERNET: Reach = { port: 443, forbidden: nonPublicNetwork };

export interface FetchOptions {
  /** All addresses of a host; rejects with a `code`, as node:dns does. */
  readonly resolve: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
  /** Hosts that are elsewhere by decision of whoever installed the operator; any address is fine there. */
  readonly connectTo?: ReadonlyMap<string, Place>;
  readonly reach?: Reach;
  /** For name, connection, TLS and the whole body together. */
  readonly timeoutMs?: number;
}

/** AWS waits for about as long. */
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 64 * 1024;

/**
 * Gets documents of an issuer as AWS does, and so that nobody can make the operator reach into its own network: https
 * without user, port or redirects, at most 64 KiB and 5 s, and only to addresses that were all found public and to no others
 * (a second answer of DNS is never asked for). Sends no credentials and honours no proxy, as AWS uses none.
 */
export function pinnedFetch({
  resolve,
  connectTo = new Map(),
  reach = INTERNET,
  timeoutMs = TIMEOUT_MS,
}: FetchOptions): FetchDocument {
  let agent: Agent | undefined;
  return async (url, signal) => {
    if (url.protocol !== 'https:' || url.port !== '' || url.username !== '' || url.password !== '')
      throw new Error(`only https URLs without user and port are fetched, not ${url.protocol}//${url.host}`);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const place = connectTo.get(host);
    const found: Target | Fetched =
      place === undefined
        ? await publicTarget(host, { resolve, reach }, deadline)
        : { addresses: [place.address], port: place.port };
    signal.throwIfAborted();
    if ('kind' in found) return found;
    const server = { host, port: found.port, lookup: pinned(found.addresses) };
    const fetched = await get(url, { ...server, agent: (agent ??= newAgent()) }, deadline);
    const complete = await withLocalTrust(fetched, server, deadline);
    signal.throwIfAborted();
    return complete;
  };
}

/** A connection for each document: a resumed TLS session would not show the chain. */
const newAgent = (): Agent => new Agent({ secureContext: publicTrust(), keepAlive: false, maxCachedSessions: 0 });

interface Target {
  readonly addresses: readonly string[];
  readonly port: number;
}

async function publicTarget(
  host: string,
  { resolve, reach }: { readonly resolve: FetchOptions['resolve']; readonly reach: Reach },
  deadline: AbortSignal,
): Promise<Target | Fetched> {
  let addresses: readonly string[];
  try {
    addresses = isIP(host) === 0 ? await resolve(host, deadline) : [host];
  } catch (error) {
    return deadline.aborted
      ? { kind: 'timeout', phase: 'name' }
      : { kind: 'failed', phase: 'name', code: codeOf(error) };
  }
  if (addresses.length === 0) return { kind: 'failed', phase: 'name', code: 'ENODATA' };
  for (const address of addresses) {
    const network = reach.forbidden(address);
    if (network !== undefined) return { kind: 'not-public', address, network };
  }
  return { addresses, port: reach.port };
}

function get(
  url: URL,
  { host, port, lookup, agent }: Server & { readonly agent: Agent },
  deadline: AbortSignal,
): Promise<Fetched> {
  const { promise, resolve } = Promise.withResolvers<Fetched>();
  const started = performance.now();
  let phase: Phase = 'connection';
  const outgoing = request({
    hostname: host,
    port,
    path: `${url.pathname}${url.search}`,
    // kube-apiserver refuses application/json for its JWKS, which is application/jwk-set+json
    headers: { host: url.host, accept: '*/*', 'accept-encoding': 'identity', 'user-agent': USER_AGENT },
    servername: isIP(host) === 0 ? host : '',
    lookup,
    agent,
    rejectUnauthorized: false, // an untrusted chain is a finding, and its content another one
    signal: deadline,
  });
  outgoing.on('socket', (socket) => {
    socket.once('connect', () => void (phase = 'TLS'));
    socket.once('secureConnect', () => void (phase = 'answer'));
  });
  const fail = (error: unknown): void =>
    resolve(deadline.aborted ? { kind: 'timeout', phase } : { kind: 'failed', phase, code: codeOf(error) });
  outgoing.on('error', fail);
  // Node ends neither the request nor the wait for a server that wants to speak something else (101).
  outgoing.on('upgrade', (_response, socket) => {
    socket.destroy();
    resolve({ kind: 'failed', phase, code: 'EPROTO' });
  });
  outgoing.on('response', (response) => {
    const certificate = servedCertificate(response.socket as TLSSocket, host); // https gives a TLSSocket
    response.on('error', fail);
    readBody(outgoing, response, (body) => {
      if (body === undefined) return resolve({ kind: 'too-large' });
      const { statusCode: status = 0, headers } = response;
      const milliseconds = performance.now() - started;
      const { location, 'cache-control': cacheControl } = headers;
      return resolve({ kind: 'answered', status, body, location, cacheControl, certificate, milliseconds });
    });
  });
  outgoing.end();
  return promise;
}

/** For a chain that is not public: whether the installer has this process trust it. */
async function withLocalTrust(fetched: Fetched, server: Server, deadline: AbortSignal): Promise<Fetched> {
  if (fetched.kind !== 'answered' || fetched.certificate.kind !== 'untrusted') return fetched;
  const certificate = { ...fetched.certificate, isTrustedHere: await isTrustedHere(server, deadline) };
  return { ...fetched, certificate };
}

const USER_AGENT = 'federated-identity-operator (issuer check)';

/** Answers with the addresses that were looked at, whoever asks how often. */
const pinned =
  (addresses: readonly string[]): LookupFunction =>
  (_host, { all }, callback) => {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    if (all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };

/** Tells of the whole body, or of undefined as soon as it is too large. */
function readBody(outgoing: ClientRequest, response: IncomingMessage, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BYTES) {
      done(undefined);
      outgoing.destroy();
      return;
    }
    chunks.push(chunk);
  });
  response.on('end', () => done(Buffer.concat(chunks).toString('utf8')));
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
