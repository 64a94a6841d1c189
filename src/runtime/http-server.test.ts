import { connect } from 'node:net';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type HttpServerOptions, startHttpServer } from './http-server.ts';
import { createMetrics } from './metrics.ts';

const setup = (overrides: Partial<HttpServerOptions> = {}) =>
  startHttpServer({
    host: '127.0.0.1',
    port: 0,
    registry: createMetrics().registry,
    readiness: {},
    log: pino({ level: 'silent' }),
    ...overrides,
  });

async function get(port: number, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method });
  return { status: response.status, body: await response.text(), type: response.headers.get('content-type') };
}

test('it is ready when every check holds, and names those that do not', async () => {
  const synced = { pods: false, identities: true, providers: false };
  await using server = await setup({
    readiness: { pods: () => synced.pods, identities: () => synced.identities, providers: () => synced.providers },
  });
  expect(await get(server.port, '/readyz')).toMatchObject({ status: 503, body: 'not ready: pods, providers\n' });
  Object.assign(synced, { pods: true, providers: true });
  expect(await get(server.port, '/readyz?verbose')).toMatchObject({ status: 200, body: 'ok\n' });
});

test('it is healthy although not ready', async () => {
  await using server = await setup({ readiness: { pods: () => false } });
  expect(await get(server.port, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
});

test('an event loop that was blocked too long is not healthy [F19]', async () => {
  await using server = await setup({ eventLoopLagMs: () => 12_000 });
  expect(await get(server.port, '/healthz')).toMatchObject({
    status: 503,
    body: 'the event loop was blocked for 12000 ms\n',
  });
});

test('the real lag is measured since the last probe', async () => {
  await using server = await setup({ maxEventLoopLagMs: 600 }); // a look each 250 ms is in it
  await new Promise((resolve) => void setTimeout(resolve, 400)); // the histogram needs a first beat
  const until = performance.now() + 900;
  while (performance.now() < until); // blocks
  await new Promise((resolve) => void setTimeout(resolve, 400));
  expect((await get(server.port, '/healthz')).status).toBe(503);
  expect((await get(server.port, '/healthz')).status).toBe(200);
});

test('metrics have the names of controller-runtime and client-go', async () => {
  const metrics = createMetrics();
  const controller = metrics.controller('identity', 4);
  controller.started();
  controller.ended('terminal', 0.2);
  const queue = metrics.queue('identity');
  queue.added();
  queue.depth(1);
  queue.taken(0.5);
  queue.retried();
  metrics.leadership('operator', true);
  await using server = await setup({ registry: metrics.registry });
  const { body, type } = await get(server.port, '/metrics');
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(body.split('\n')).toEqual(
    expect.arrayContaining([
      'controller_runtime_max_concurrent_reconciles{controller="identity"} 4',
      'controller_runtime_active_workers{controller="identity"} 0',
      'controller_runtime_reconcile_total{controller="identity",result="terminal"} 1',
      'controller_runtime_reconcile_time_seconds_count{controller="identity"} 1',
      'workqueue_depth{name="identity"} 1',
      'workqueue_adds_total{name="identity"} 1',
      'workqueue_retries_total{name="identity"} 1',
      'workqueue_queue_duration_seconds_sum{name="identity"} 0.5',
      'leader_election_master_status{name="operator"} 1',
    ]),
  );
  expect(body).toContain('process_resident_memory_bytes');
});

test('two sets of metrics do not disturb each other', () => {
  expect(createMetrics().registry).not.toBe(createMetrics().registry);
});

test('a failure within is answered, not left hanging', async () => {
  const registry = {
    contentType: 'text/plain; version=0.0.4; charset=utf-8' as const,
    metrics: () => Promise.reject(new Error('x')),
  };
  await using server = await setup({ registry });
  expect(await get(server.port, '/metrics')).toMatchObject({ status: 500, body: 'internal error\n' });
});

test('other paths and methods are refused', async () => {
  await using server = await setup();
  expect((await get(server.port, '/')).status).toBe(404);
  expect((await get(server.port, '/metrics', 'POST')).status).toBe(405);
});

test.each([
  { name: 'its head', text: 'GET /metrics HTTP/1.1\r\nHost: x\r\n' },
  { name: 'its body', text: 'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{' },
])('who stops in $name is cut off, and others are served meanwhile [S9]', async ({ text }) => {
  await using server = await setup({ headTimeoutMs: 200 });
  const slow = connect(server.port, '127.0.0.1');
  const closed = new Promise((resolve) => void slow.resume().on('close', resolve));
  slow.on('error', () => {}); // a reset is an end, too
  slow.write(text);
  expect((await get(server.port, '/healthz')).status).toBe(200);
  await closed;
});

test('a busy port is refused with the name of the setting [F20]', async () => {
  await using server = await setup();
  await expect(setup({ port: server.port })).rejects.toThrow(
    `Cannot listen on 127.0.0.1:${server.port}: another process uses this port. Choose another address with --metrics-bind-address.`,
  );
});

test('disposal does not wait for an answer that never comes', async () => {
  const registry = {
    contentType: 'text/plain; version=0.0.4; charset=utf-8' as const,
    metrics: () => new Promise<string>(() => {}),
  };
  const asked = Promise.withResolvers<void>();
  const hanging = { ...registry, metrics: () => (asked.resolve(), registry.metrics()) };
  const server = await setup({ registry: hanging });
  const answer = get(server.port, '/metrics').catch((error: unknown) => error);
  await asked.promise;
  await server[Symbol.asyncDispose]();
  expect(await answer).toBeInstanceOf(TypeError);
});

test('disposal frees the port although a client keeps its connection', async () => {
  const server = await setup();
  await get(server.port, '/healthz');
  await server[Symbol.asyncDispose]();
  await using again = await setup({ port: server.port });
  expect(again.port).toBe(server.port);
});
