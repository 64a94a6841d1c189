import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from './request.ts';
import { startWebhookServer, type WebhookServer } from './server.ts';
import { createServingCertificate, type ServingCertificate } from './serving-certificate.ts';

const certificate = (replica: string): Promise<ServingCertificate> =>
  createServingCertificate({ replica, hosts: ['127.0.0.1'], now: new Date(), lifetimeMs: 3_600_000 });

let first: ServingCertificate;
let second: ServingCertificate;
let server: WebhookServer;
let answers: (() => Promise<void>)[];
const agents: Agent[] = [];
beforeAll(async () => {
  [first, second] = await Promise.all([certificate('first'), certificate('second')]);
});
beforeEach(async () => {
  answers = [];
  server = await startWebhookServer({
    host: '127.0.0.1',
    port: 0,
    certificate: first,
    answer: async (body) => {
      await answers.shift()?.();
      return { status: 200, body: JSON.stringify({ length: body.length }) };
    },
    log: pino({ enabled: false }),
    headTimeoutMs: 300,
  });
});
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  await server[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly connection: string | undefined;
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly agent?: Agent | false;
  readonly ca?: ServingCertificate;
}

function send({
  method = 'POST',
  path = '/inject-pod?timeout=3s',
  headers,
  body,
  agent,
  ca = first,
}: Sent): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(
    {
      host: '127.0.0.1',
      port: server.port,
      method,
      path,
      agent: agent ?? false,
      ca: ca.certificate,
      headers: { 'content-type': 'application/json', ...headers },
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          body: Buffer.concat(chunks).toString(),
          connection: response.headers.connection,
        }),
      );
    },
  );
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

const keepAlive = (): Agent => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  agents.push(agent);
  return agent;
};

/** A connection of its own, for requests that no HTTP client would send. */
async function raw(text: string): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: first.certificate });
  await once(socket, 'secureConnect');
  socket.write(text);
  return socket;
}

async function received(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

describe('a request', () => {
  test.each<{ name: string; sent: Sent; status: number; says: string }>([
    { name: 'is answered', sent: { body: '{}' }, status: 200, says: '{"length":2}' },
    {
      name: 'is answered with a charset',
      sent: { body: '{}', headers: { 'content-type': 'application/json; charset=utf-8' } },
      status: 200,
      says: '',
    },
    { name: 'to another path is not', sent: { path: '/' }, status: 404, says: '/inject-pod and /mark-service-account' },
    { name: 'of another method is not', sent: { method: 'GET' }, status: 405, says: 'only POST' },
    {
      name: 'of another content type is not',
      sent: { headers: { 'content-type': 'text/yaml' } },
      status: 415,
      says: 'text/yaml',
    },
    {
      name: 'that announces too much is not',
      sent: { headers: { 'content-length': String(MAX_BODY_BYTES + 1) } },
      status: 413,
      says: 'larger',
    },
  ])('$name', async ({ sent, status, says }) => {
    const { body, ...answer } = await send(sent);
    expect(answer).toMatchObject({ status });
    expect(body).toContain(says);
  });

  test('of the largest size is answered, and one byte more is not, though nothing announced it [S9]', async () => {
    const largest = Buffer.alloc(MAX_BODY_BYTES, 'x');
    expect(await send({ body: largest })).toMatchObject({
      status: 200,
      body: JSON.stringify({ length: largest.length }),
    });
    const socket = await raw(
      'POST /inject-pod HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    socket.on('error', () => {}); // the server may close while the rest is on its way
    socket.write(`${(largest.length + 1).toString(16)}\r\n`);
    socket.write(largest);
    socket.write('x\r\n0\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toContain('413 Payload Too Large');
    socket.destroy();
  });

  test('whose answer fails gets 500 without the reason, and the next one is answered', async () => {
    answers = [() => Promise.reject(new Error('secret detail'))];
    const failed = await send({ body: '{}' });
    expect(failed.status).toBe(500);
    expect(failed.body).not.toContain('secret');
    expect((await send({ body: '{}' })).status).toBe(200);
  });

  test('that is no HTTP gets 400 [S9]', async () => {
    expect(await received(await raw('garbage\r\n\r\n'))).toContain('400 Bad Request');
  });

  test.each([
    { name: 'stops in its head', text: 'POST /inject-pod HTTP/1.1\r\nHost: x\r\n' },
    {
      name: 'stops in its body',
      text: 'POST /inject-pod HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    },
  ])('that $name is cut off after its time [S9]', async ({ text }) => {
    const begin = performance.now();
    const slow = await raw(text);
    expect((await send({ body: '{}' })).status).toBe(200); // others do not wait for it
    expect(await received(slow)).toContain('408 Request Timeout');
    expect(performance.now() - begin).toBeLessThan(30_000);
  });
});

describe('TLS', () => {
  test('below 1.2 is refused', async () => {
    const socket = connect({
      host: '127.0.0.1',
      port: server.port,
      ca: first.certificate,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(String(error)).toMatch(/alert|protocol/i);
  });

  test('shows a new certificate to new connections, while an open one goes on', async () => {
    const agent = keepAlive();
    expect((await send({ body: '{}', agent })).status).toBe(200);
    server.show(second);
    expect((await send({ body: '{}', agent })).status).toBe(200);
    expect((await send({ body: '{}', ca: second })).status).toBe(200);
    await expect(send({ body: '{}', ca: first })).rejects.toThrow(/self-signed|unable to/);
  });
});

describe('a drain', () => {
  test('goes on answering, asks callers to connect elsewhere, lets the last request end, and then refuses connections', async () => {
    const agent = keepAlive();
    expect((await send({ body: '{}', agent })).connection).toBe('keep-alive');
    const hold = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    answers = [
      () => {
        arrived.resolve();
        return hold.promise;
      },
    ];
    const last = send({ body: '{}' });
    await arrived.promise;
    const draining = server.drain(2_000);
    expect(await send({ body: '{}', agent })).toMatchObject({ status: 200, connection: 'close' });
    await expect.poll(() => send({ body: '{}' }).catch(String), { timeout: 10_000 }).toContain('ECONN');
    hold.resolve();
    expect((await last).status).toBe(200);
    await draining;
    await expect(send({ body: '{}' })).rejects.toThrow('ECONNREFUSED');
  });
});

test('an address that is taken is said with the flag to change', async () => {
  const taken = startWebhookServer({
    host: '127.0.0.1',
    port: server.port,
    certificate: first,
    answer: async () => ({ status: 200, body: '' }),
    log: pino({ enabled: false }),
  });
  await expect(taken).rejects.toThrow(
    'another process uses this port. Choose another address with --webhook-bind-address.',
  );
});
