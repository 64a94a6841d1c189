import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { errorCode, errorFields } from '../../runtime/error-fields.ts';
import { MAX_BODY_BYTES, refusalOf, type Reply, type RequestHead, tooLarge } from './request.ts';
import type { ServingCertificate } from './serving-certificate.ts';

export interface WebhookServerOptions {
  /** Default: every address. */
  readonly host: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  readonly certificate: ServingCertificate;
  /** Answers the body of a request that was well-formed as HTTP. */
  readonly answer: (body: string) => Reply | Promise<Reply>;
  readonly log: Logger;
  /** Milliseconds for the head of a request, and four times as long for the whole of it; default 5 s. */
  readonly headTimeoutMs?: number;
}

export interface WebhookServer extends AsyncDisposable {
  readonly port: number;
  /** New connections see this certificate; those that are open stay as they are. */
  show(certificate: ServingCertificate): void;
  /** Goes on answering for `ms` while API servers turn to other replicas, then closes. */
  drain(ms: number): Promise<void>;
}

/** An API server keeps a connection for 90 s without use; whoever closes it first risks to cut off a request. */
const KEEP_ALIVE_MS = 180_000;
/** A request takes at most the webhook's timeout of 3 s. */
const LAST_REQUESTS_MS = 4_000;

/** Serves HTTPS (HTTP/1.1, which is what API servers speak with webhooks). Rejects with advice if the address cannot be had. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const { host, port, certificate, headTimeoutMs = 5_000 } = options;
  const state = { isDraining: false };
  const server = createServer(
    {
      ...pairOf(certificate),
      minVersion: 'TLSv1.2',
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: headTimeoutMs,
      requestTimeout: 4 * headTimeoutMs,
      handshakeTimeout: headTimeoutMs,
      connectionsCheckingInterval: Math.min(headTimeoutMs, 1_000),
    },
    (request, response) => void serve(request, response, { ...options, state }),
  );
  server.on('tlsClientError', (error) => {
    // API servers that do not trust the bundle end here too, so it must be found in the log; port scans do as well.
    options.log.debug({ code: errorCode(error) }, 'TLS handshake with the webhook failed');
  });
  await listen(server, host, port);
  const address = server.address();
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    show: (next) => server.setSecureContext({ ...pairOf(next), minVersion: 'TLSv1.2' }),
    drain: async (ms) => {
      state.isDraining = true;
      await sleep(ms);
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await Promise.race([closed, sleep(LAST_REQUESTS_MS, undefined, { ref: false })]);
      server.closeAllConnections();
      await closed;
    },
    [Symbol.asyncDispose]: close,
  };
}

const pairOf = ({ certificate, key }: ServingCertificate): { readonly cert: string; readonly key: string } => ({
  cert: certificate,
  key,
});

async function listen(server: Server, host: string | undefined, port: number): Promise<void> {
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    const code = errorCode(cause);
    const problem = code === 'EADDRINUSE' ? 'another process uses this port' : String(code);
    const message = `Cannot listen on ${host ?? ''}:${port}: ${problem}. Choose another address with --webhook-bind-address.`;
    throw new Error(message, { cause });
  }
}

type Serving = Pick<WebhookServerOptions, 'answer' | 'log'> & { readonly state: { readonly isDraining: boolean } };

/** Never rejects. */
async function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  try {
    const refusal = refusalOf(headOf(request));
    if (refusal !== undefined) return send(response, refusal, 'close'); // its body is not read
    const body = await bodyOf(request);
    if (body === undefined) return send(response, tooLarge, 'close');
    const reply = await serving.answer(body);
    send(response, reply, serving.state.isDraining ? 'close' : 'keep-alive');
  } catch (error) {
    if (response.headersSent || response.destroyed) return; // the caller has gone
    serving.log.error({ err: errorFields(error) }, 'webhook request failed');
    send(response, { status: 500, body: 'internal error, see the log of the operator' }, 'close');
  }
}

const headOf = ({ method = '', url = '', headers }: IncomingMessage): RequestHead => ({
  method,
  path: url.split('?')[0] ?? '',
  contentType: headers['content-type'] ?? '',
  contentLength: Number(headers['content-length'] ?? 0),
});

/** Undefined once it is larger than allowed; rejects when the caller goes away or is too slow. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, { status, body, headers }: Reply, connection: 'close' | 'keep-alive'): void {
  const contentType = status === 200 ? 'application/json' : 'text/plain; charset=utf-8';
  response.writeHead(status, { 'content-type': contentType, connection, ...headers }).end(body);
}
