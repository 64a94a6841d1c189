import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CallLog } from './calls.ts';
import { toAwsError } from './errors.ts';
import { Faults } from './faults.ts';
import { type HttpResponse, readRequest, writeResponse } from './http.ts';
import { type LocalAccount, localAccount } from './local-account.ts';
import { queryErrorResponse } from './query-protocol.ts';
import { findQueryRequest, type Outcome, serveQuery, type Services } from './query-service.ts';
import { serveS3 } from './s3/service.ts';
import { parseSignature } from './sigv4.ts';
import { createWorld } from './state.ts';
import { type IssuerAccess, Issuers } from './sts/issuer-keys.ts';

export interface LocalAwsOptions {
  /** Account ids, 12 digits each. Default: `111122223333`. */
  readonly accounts?: readonly string[];
  readonly partition?: string;
  /** Where issuers are found; everything else is public HTTPS on port 443. */
  readonly issuers: IssuerAccess;
  readonly now?: () => Date;
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Serves S3 by HTTPS too, under the names of its buckets, as an issuer that STS finds there. */
  readonly https?: HttpsOptions;
  /** For the `probability` of faults. */
  readonly random?: () => number;
}

interface HttpsOptions {
  /** PEM, for all of `hosts`. */
  readonly certificate: string;
  readonly key: string;
  /** Hosts that STS finds here, `*.s3.eu-west-1.amazonaws.com` for example. */
  readonly hosts: readonly string[];
}

/** A stand-in for AWS in this process: IAM, STS and some S3 behind one HTTP endpoint. */
export interface LocalAws extends AsyncDisposable {
  /** `http://<host>:<port>`, for the SDKs' `endpoint` or `AWS_ENDPOINT_URL`. */
  readonly endpoint: string;
  /** Where HTTPS is served, if a certificate was given. */
  readonly https: { readonly address: string; readonly port: number } | undefined;
  readonly partition: string;
  readonly calls: CallLog;
  readonly faults: Faults;
  /** Direct access to an account; throws for an id that was not among the options. */
  account(id?: string): LocalAccount;
  close(): Promise<void>;
}

const DEFAULT_ACCOUNT = '111122223333';

/** Node's five seconds end a connection in the moment in which a busy client takes it up again. */
const KEEP_ALIVE_MS = 120_000;

/** Starts a local AWS; rejects when the port is taken. */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const { accounts = [DEFAULT_ACCOUNT], partition = 'aws', issuers, now = () => new Date() } = options;
  const world = createWorld(partition, accounts, now);
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void =>
    void serve(services, incoming, outgoing);
  const host = options.listen?.host ?? '127.0.0.1';
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, onRequest);
  const { port } = await listen(server, host, options.listen?.port ?? 0);
  const secure =
    options.https && createHttpsServer({ cert: options.https.certificate, key: options.https.key }, onRequest);
  const https = secure && { address: host, port: (await listen(secure, host, 0)).port };
  const here = https && Object.fromEntries((options.https?.hosts ?? []).map((name) => [name, https]));
  const services: Services = {
    world,
    calls: new CallLog(),
    faults: new Faults(options.random ?? Math.random),
    issuers: new Issuers({ ...issuers, resolve: { ...here, ...issuers.resolve } }, now),
  };
  const closeAll = async (): Promise<void> => {
    await close(server);
    if (secure !== undefined) await close(secure);
  };
  return {
    endpoint: `http://${host}:${port}`,
    https,
    partition,
    calls: services.calls,
    faults: services.faults,
    account(id = accounts[0] ?? DEFAULT_ACCOUNT) {
      const state = world.accounts.get(id);
      if (state === undefined) throw new Error(`local AWS has no account ${id}; it has ${accounts.join(', ')}`);
      return localAccount(state, services);
    },
    close: closeAll,
    [Symbol.asyncDispose]: closeAll,
  };
}

async function serve(services: Services, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const outcome = await answer(services, incoming);
  if (outcome.kind === 'drop') incoming.socket.destroy();
  else writeResponse(withServerHeader(outcome.response), outgoing);
}

/** Never rejects: what cannot even be read or routed is answered as an error of IAM. */
async function answer(services: Services, incoming: IncomingMessage): Promise<Outcome> {
  try {
    const request = await readRequest(incoming);
    const signature = parseSignature(request);
    const query = findQueryRequest(request, signature);
    if (query !== undefined) return await serveQuery(services, request, { ...query, signature });
    return await serveS3(services, request, signature);
  } catch (error) {
    return { kind: 'answer', response: queryErrorResponse('iam', toAwsError(error), 'unread') };
  }
}

const withServerHeader = (response: HttpResponse): HttpResponse => ({
  ...response,
  headers: { server: 'local-aws', ...response.headers },
});

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once('error', reject);
  // TCP addresses are objects; a string is only for pipes.
  server.listen(port, host, () => resolve(server.address() as AddressInfo));
  return promise;
}

function close(server: Server): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.close((error) => (error === undefined || !server.listening ? resolve() : reject(error)));
  server.closeAllConnections();
  return promise;
}
