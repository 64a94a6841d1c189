import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { errorCode, errorFields } from './error-fields.ts';

export interface HttpServerOptions {
  /** Default: every address. */
  readonly host: string | undefined;
  /** 0 takes any free port. */
  readonly port: number;
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  /** By name, what must be true before this process is ready, such as `() => store.isSynced`. */
  readonly readiness: Readonly<Record<string, () => boolean>>;
  readonly log: Logger;
  /** A longer block of the event loop since the last probe makes /healthz fail. */
  readonly maxEventLoopLagMs?: number;
  /** The longest block since the last call, in milliseconds. */
  readonly eventLoopLagMs?: () => number;
  /** Milliseconds for the head of a request, and twice as long for the whole of it; default 5 s. */
  readonly headTimeoutMs?: number;
}

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/** Serves /healthz, /readyz and /metrics. Rejects with advice if the address cannot be had. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, log, headTimeoutMs = 5_000 } = options;
  const delay = monitorEventLoopDelay({ resolution: 250 });
  delay.enable();
  const longestDelayMs = (): number => {
    const maxNs = delay.max;
    delay.reset();
    return maxNs / 1e6;
  };
  const routes = routesOf({ eventLoopLagMs: longestDelayMs, ...options });
  // Anybody in the cluster's network may connect: who sends slowly must not keep a connection.
  const limits = {
    headersTimeout: headTimeoutMs,
    requestTimeout: 2 * headTimeoutMs,
    connectionsCheckingInterval: Math.min(headTimeoutMs, 1_000),
  };
  const server = createServer(limits, (request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const route = routes.get(path);
    if (route === undefined) return send(response, { status: 404, body: 'not found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, { status: 405, body: 'only GET' });
    route().then(
      (answer) => send(response, answer),
      (error: unknown) => {
        log.error({ err: errorFields(error), path }, 'request failed');
        send(response, { status: 500, body: 'internal error' });
      },
    );
  });
  try {
    await once(server.listen(port, host), 'listening');
  } catch (cause) {
    delay.disable();
    const code = errorCode(cause);
    const problem = code === 'EADDRINUSE' ? 'another process uses this port' : String(code);
    const message = `Cannot listen on ${host ?? ''}:${port}: ${problem}. Choose another address with --metrics-bind-address.`;
    throw new Error(message, { cause });
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    [Symbol.asyncDispose]: async () => {
      delay.disable();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Route = () => Promise<Answer>;

function routesOf(
  options: HttpServerOptions & Required<Pick<HttpServerOptions, 'eventLoopLagMs'>>,
): ReadonlyMap<string, Route> {
  const { registry, readiness, eventLoopLagMs, maxEventLoopLagMs = 10_000 } = options;
  const healthz = async (): Promise<Answer> => {
    const lagMs = Math.round(eventLoopLagMs());
    if (lagMs <= maxEventLoopLagMs) return { status: 200, body: 'ok' };
    return { status: 503, body: `the event loop was blocked for ${lagMs} ms` };
  };
  const readyz = async (): Promise<Answer> => {
    const missing = Object.keys(readiness).filter((name) => readiness[name]?.() !== true);
    if (missing.length === 0) return { status: 200, body: 'ok' };
    return { status: 503, body: `not ready: ${missing.join(', ')}` };
  };
  const metrics = async (): Promise<Answer> => ({
    status: 200,
    body: await registry.metrics(),
    contentType: registry.contentType,
  });
  return new Map([
    ['/healthz', healthz],
    ['/readyz', readyz],
    ['/metrics', metrics],
  ]);
}

function send(response: ServerResponse, { status, body, contentType = 'text/plain; charset=utf-8' }: Answer): void {
  response.writeHead(status, { 'content-type': contentType }).end(`${body}\n`);
}
