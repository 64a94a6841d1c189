import { constants, createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request as requestUpstream } from 'node:https';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { stringify } from 'yaml';
import { createAuthority, issueCertificate, type KeyAndCertificate } from '../../dev/cluster/certificates.ts';
import { startTcpRelay, type TcpRelay } from './tcp-relay.ts';

/** A request on its way to the API server. */
export interface ProxiedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** As the API server's audit log has it; `delete` of a collection does not occur. */
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  /** `awsfederatedidentities`, or with its subresource `awsfederatedidentities/status`; empty for what is no resource. */
  readonly resource: string;
  readonly at: number;
  /** Of the answer that the client got; undefined so far. */
  status?: number;
}

/** What becomes of a request, before or after the API server has done it. */
export type Fault =
  /** The connection breaks: the client cannot know what was done. */
  | { readonly kind: 'reset' }
  /** The client waits for ever. */
  | { readonly kind: 'hang' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: object | string;
    }
  /** The body comes `bytes` by `bytes`, each as a frame of its own; with 0, as fast as that goes. */
  | { readonly kind: 'pieces'; readonly bytes: number; readonly everyMs: number }
  /** The body stops after `bytes`: with a proper end, or in the middle. */
  | { readonly kind: 'truncate'; readonly bytes: number; readonly how: 'ends' | 'breaks' };

type Verdict = Fault | undefined | void;

/** Sees each request twice. What it does may take its time; the first hook with a fault decides. */
export interface Hook {
  /** Before the API server sees it: with `reset`, `hang` and `answer` it never does. */
  readonly beforeRequest?: (request: ProxiedRequest) => Verdict | Promise<Verdict>;
  /** When the API server has done it and answered, before the client knows. */
  readonly afterResponse?: (request: ProxiedRequest, status: number) => Verdict | Promise<Verdict>;
}

/** Stands between a client and the API server: TLS of its own, HTTP/2 as the API server speaks it. */
export interface ApiServerProxy extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ProxiedRequest[];
  /** The connections themselves: cut, dead or frozen. */
  readonly relay: TcpRelay;
  /** Adds a hook; dispose the result to take it away. */
  hook(hook: Hook): Disposable;
  /** A certificate of another authority from the next connection on; resolves with the authority's PEM. */
  rotateAuthority(): Promise<string>;
  /**
   * Writes a kubeconfig for the user of another one, as it is in a pod: token and authority are files of their own, which can
   * be replaced.
   */
  kubeconfigOf(kubeconfig: string, folder: string): Promise<ProxyKubeconfig>;
}

export interface ProxyKubeconfig {
  readonly file: string;
  readonly tokenFile: string;
  readonly authorityFile: string;
}

interface Upstream {
  readonly url: string;
  readonly agent: Agent;
  readonly hooks: ReadonlySet<Hook>;
}

const HOSTS = ['127.0.0.1', 'localhost'];
/** Of HTTP/1.1, or of HTTP/2's own; neither is passed on. */
const HOP_BY_HOP = /^(:.*|connection|keep-alive|transfer-encoding|upgrade|host)$/;

export async function startApiServerProxy(target: {
  readonly url: string;
  readonly caCertificate: string;
}): Promise<ApiServerProxy> {
  const agent = new Agent({ ca: target.caCertificate, keepAlive: true });
  const hooks = new Set<Hook>();
  const requests: ProxiedRequest[] = [];
  let { authority, serving } = await newAuthority();
  const server = createSecureServer(tlsOf(serving), (request, response) => {
    const seen = describe(request);
    requests.push(seen);
    response.on('error', () => {}); // its client has gone
    void pass({ url: target.url, agent, hooks }, seen, request, response).catch(() => breakOff(response));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const relay = await startTcpRelay((server.address() as AddressInfo).port); // TCP
  const url = `https://127.0.0.1:${relay.port}`;
  return {
    url,
    requests,
    relay,
    hook: (hook) => {
      hooks.add(hook);
      return { [Symbol.dispose]: () => void hooks.delete(hook) };
    },
    rotateAuthority: async () => {
      ({ authority, serving } = await newAuthority());
      server.setSecureContext(tlsOf(serving));
      return authority.certificate;
    },
    kubeconfigOf: (kubeconfig, folder) => writeKubeconfig({ url, authority, kubeconfig, folder }),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      agent.destroy();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy(); // a reset in mid-handshake is not always noticed by TLS
      await closed;
    },
  };
}

async function newAuthority(): Promise<{ readonly authority: KeyAndCertificate; readonly serving: KeyAndCertificate }> {
  const now = new Date();
  const authority = await createAuthority(now);
  const serving = await issueCertificate(authority, { use: 'server', commonName: 'proxy', hosts: HOSTS }, now);
  return { authority, serving };
}

const tlsOf = ({ certificate, key }: KeyAndCertificate) => ({ cert: certificate, key });

/** `/api/v1/namespaces/<namespace>/<plural>/<name>/<subresource>`, or the same below `/apis/<group>/<version>`. */
const RESOURCE =
  /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+(?=\/))?\/([^/]+)(?:\/([^/]+)(?:\/(.+))?)?$/;

function describe({ method, url }: Http2ServerRequest): ProxiedRequest {
  const { pathname: path, searchParams: query } = new URL(url, 'https://localhost');
  const [, plural = '', name, subresource] = RESOURCE.exec(path) ?? [];
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  return { method, path, query, resource, verb: verbOf(method, name, query), at: Date.now() };
}

function verbOf(method: string, name: string | undefined, query: URLSearchParams): ProxiedRequest['verb'] {
  if (query.get('watch') === 'true') return 'watch';
  const verbs = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const;
  return verbs[method as keyof typeof verbs] ?? (name === undefined ? 'list' : 'get'); // GET and HEAD are left
}

/** Takes one request to the API server and its answer back, as far as the hooks let it. */
// oxlint-disable-next-line max-params -- request and response belong together
async function pass(
  upstream: Upstream,
  seen: ProxiedRequest,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
): Promise<void> {
  const body = await bodyOf(request);
  const before = await firstFault([...upstream.hooks].map((hook) => () => hook.beforeRequest?.(seen)));
  if (before !== undefined && strike(before, seen, response)) return;
  const answer = await send(upstream, request, body);
  const status = answer.statusCode ?? 502;
  response.on('close', () => void answer.destroy()); // the end of a watch
  const after = await firstFault([...upstream.hooks].map((hook) => () => hook.afterResponse?.(seen, status)));
  if (after !== undefined && strike(after, seen, response)) {
    answer.destroy();
    return;
  }
  seen.status = status;
  response.writeHead(status, passedOn(answer.headers));
  await deliver(answer, response, after ?? before);
}

async function bodyOf(request: Http2ServerRequest): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync<Buffer>(request));
}

async function firstFault(asks: readonly (() => Verdict | Promise<Verdict>)[]): Promise<Fault | undefined> {
  for (const ask of asks) {
    const fault = await ask(); // oxlint-disable-line no-await-in-loop -- the first one decides
    if (fault) return fault;
  }
  return undefined;
}

/** Sends the request on; resolves with the head of the answer. */
async function send({ url, agent }: Upstream, request: Http2ServerRequest, body: Buffer): Promise<IncomingMessage> {
  const { method, headers } = request;
  const outgoing = requestUpstream(`${url}${request.url}`, { method, agent, headers: passedOn(headers) });
  request.stream.on('close', () => void outgoing.destroy());
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]; // rejects with its error
  return answer;
}

const passedOn = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.test(name)));

/** True when the request has found its end by that. */
function strike(fault: Fault, seen: ProxiedRequest, response: Http2ServerResponse): boolean {
  switch (fault.kind) {
    case 'reset':
      breakOff(response);
      return true;
    case 'hang':
      return true;
    case 'answer': {
      const { status, headers = {}, body = {} } = fault;
      seen.status = status;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
      return true;
    }
    case 'pieces':
    case 'truncate':
      return false; // of the body, when it comes
    default:
      return fault satisfies never;
  }
}

const breakOff = ({ stream }: Http2ServerResponse): void => stream.close(constants.NGHTTP2_INTERNAL_ERROR);

async function deliver(
  answer: IncomingMessage,
  response: Http2ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  const pieces = fault?.kind === 'pieces' ? fault : undefined;
  let left = fault?.kind === 'truncate' ? fault.bytes : Infinity;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const bytes = chunk.subarray(0, left);
    left -= bytes.length;
    const step = pieces?.bytes ?? bytes.length;
    for (let at = 0; at < bytes.length; at += step) {
      response.write(bytes.subarray(at, at + step));
      if (pieces !== undefined) await (pieces.everyMs === 0 ? nextTurn() : sleep(pieces.everyMs));
    }
    if (left > 0) continue;
    if (fault?.kind === 'truncate' && fault.how === 'breaks') breakOff(response);
    break;
  }
  response.end();
}

interface KubeconfigParts {
  readonly url: string;
  readonly authority: KeyAndCertificate;
  readonly kubeconfig: string;
  readonly folder: string;
}

async function writeKubeconfig({ url, authority, kubeconfig, folder }: KubeconfigParts): Promise<ProxyKubeconfig> {
  const original = new KubeConfig();
  original.loadFromFile(kubeconfig);
  const files = {
    file: join(folder, 'proxy-kubeconfig'),
    tokenFile: join(folder, 'proxy-token'),
    authorityFile: join(folder, 'proxy-ca.crt'),
  };
  await writeFile(files.tokenFile, original.getCurrentUser()?.token ?? '', { mode: 0o600 });
  await writeFile(files.authorityFile, authority.certificate);
  const name = 'proxy';
  const user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile: files.tokenFile } } };
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority': files.authorityFile } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(files.file, stringify(content), { mode: 0o600 });
  return files;
}
