import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { RequestListener, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { startTlsServer } from '../../test/support/tls-server.ts';
import { parseConnectTo } from './connect-to.ts';
import { type Fetched, type FetchOptions, pinnedFetch } from './pinned-fetch.ts';
import { nonPublicNetwork } from './public-address.ts';

const HOST = 'oidc.example.com';
const DOCUMENT = new URL(`https://${HOST}/cluster/.well-known/openid-configuration`);
const never = new AbortController().signal;
const ok: RequestListener = (_request, response) => void response.end('{}');

/** The loopback address stands for a public one, at the port of a local server; nothing else is public there. */
const reachOf = (port: number, ...allowed: readonly string[]): NonNullable<FetchOptions['reach']> => ({
  port,
  forbidden: (address) => (['127.0.0.1', ...allowed].includes(address) ? undefined : nonPublicNetwork(address)),
});
const toLoopback = async (): Promise<readonly string[]> => ['127.0.0.1'];

/** What one GET of the document finds out at a server that answers so. */
async function fetchFrom(answer: RequestListener, options: Partial<FetchOptions> = {}): Promise<Fetched> {
  await using server = await startTlsServer(answer);
  const fetchDocument = pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port), ...options });
  return await fetchDocument(DOCUMENT, never);
}

describe('a document', () => {
  test('is fetched without credentials, from the address that was looked at', async () => {
    await using server = await startTlsServer((_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60' });
      response.end('{"a":1}');
    });
    const fetched = await pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port) })(DOCUMENT, never);
    expect(fetched).toMatchObject({ kind: 'answered', status: 200, body: '{"a":1}', cacheControl: 'max-age=60' });
    expect(server.requests.map(({ line }) => line)).toEqual(['GET /cluster/.well-known/openid-configuration']);
    const { headers } = server.requests[0]!;
    expect(headers['host']).toBe(HOST);
    expect(Object.keys(headers).toSorted()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
  });

  test('is not fetched through a proxy, whatever the environment says', async () => {
    const before = { ...process.env };
    Object.assign(process.env, { HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' });
    try {
      expect(await fetchFrom(ok)).toMatchObject({ kind: 'answered' });
    } finally {
      process.env = before;
    }
  });

  test('is not followed to where it redirects [F67]', async () => {
    const asked: string[] = [];
    const fetched = await fetchFrom((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(302, { location: `https://${HOST}/elsewhere` }).end();
    });
    expect(fetched).toMatchObject({ kind: 'answered', status: 302, location: `https://${HOST}/elsewhere` });
    expect(asked).toHaveLength(1);
  });

  test.each([401, 403, 404, 500, 503])('answered with %i is told as it is', async (status) => {
    expect(await fetchFrom((_, response) => void response.writeHead(status).end())).toMatchObject({ status });
  });

  test('of 64 KiB is read, of one byte more is not [F67]', async () => {
    const of = (size: number) => fetchFrom((_, response) => void response.end('x'.repeat(size)));
    expect(await of(65_536)).toMatchObject({ kind: 'answered' });
    expect(await of(65_537)).toEqual({ kind: 'too-large' });
  });

  test('without end is not read for ever [F67]', async () => {
    const fetched = await fetchFrom((_, response) => {
      const more = (): void => void (response.destroyed || response.write('x'.repeat(16_384), more));
      more();
    });
    expect(fetched).toEqual({ kind: 'too-large' });
  });
});

describe('time is limited [F67]', () => {
  const drip = (response: ServerResponse): void => {
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  };

  test.each<{ name: string; answer: RequestListener }>([
    { name: 'a server that never answers', answer: () => {} },
    { name: 'a server that sends a byte now and then', answer: (_, response) => drip(response) },
  ])('for $name', async ({ answer }) => {
    const started = performance.now();
    expect(await fetchFrom(answer, { timeoutMs: 300 })).toEqual({ kind: 'timeout', phase: 'answer' });
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('for a server that takes the connection and says nothing', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => void mute.once('listening', resolve));
    const reach = reachOf((mute.address() as AddressInfo).port);
    const fetched = await pinnedFetch({ resolve: toLoopback, reach, timeoutMs: 200 })(DOCUMENT, never);
    mute.close();
    expect(fetched).toEqual({ kind: 'timeout', phase: 'TLS' });
  });

  test('for a DNS that does not answer', async () => {
    const resolve: FetchOptions['resolve'] = (_host, signal) =>
      new Promise((_resolve, reject) => void signal.addEventListener('abort', () => reject(new Error('cancelled'))));
    expect(await pinnedFetch({ resolve, timeoutMs: 50 })(DOCUMENT, never)).toEqual({ kind: 'timeout', phase: 'name' });
  });

  test('by whoever asks, too', async () => {
    const stop = new AbortController();
    const answer: RequestListener = () => stop.abort(new Error('leadership is lost'));
    await using server = await startTlsServer(answer);
    const fetchDocument = pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port) });
    expect(await thrownBy(() => fetchDocument(DOCUMENT, stop.signal))).toMatchObject({ message: 'leadership is lost' });
  });
});

describe('only public addresses are connected to [F67 S7]', () => {
  test.each([
    { name: 'loopback', addresses: ['127.0.0.1'] },
    { name: 'the metadata service', addresses: ['169.254.169.254'] },
    { name: 'a public one and a private one', addresses: ['93.184.216.34', '127.0.0.1'] },
    { name: 'the API server of the cluster', addresses: ['10.96.0.1'] },
    { name: 'IPv6 loopback', addresses: ['::1'] },
    { name: 'an IPv4 address in an IPv6 one', addresses: ['::ffff:127.0.0.1'] },
  ])('$name', async ({ addresses }) => {
    await using server = await startTlsServer(ok);
    const reach = { port: server.port, forbidden: nonPublicNetwork };
    const fetched = await pinnedFetch({ resolve: async () => addresses, reach })(DOCUMENT, never);
    expect(fetched).toMatchObject({ kind: 'not-public', address: addresses.at(-1) });
    expect(server.connections()).toBe(0);
  });

  test.each([
    'https://127.0.0.1/',
    'https://0x7f.1/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:7f00:1]/',
  ])('an address in the URL itself: %s', async (url) => {
    const resolve = () => Promise.reject(new Error('no name to look up'));
    expect(await pinnedFetch({ resolve })(new URL(url), never)).toMatchObject({
      kind: 'not-public',
      network: 'loopback',
    });
  });

  test('a DNS that changes its mind is asked once, and the address that was looked at is used [F67]', async () => {
    await using server = await startTlsServer(ok);
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    const resolve = async (): Promise<readonly string[]> => answers.shift() ?? ['127.0.0.2'];
    const fetchDocument = pinnedFetch({ resolve, reach: reachOf(server.port) });
    expect(await fetchDocument(DOCUMENT, never)).toMatchObject({ kind: 'answered' });
    expect(answers).toHaveLength(1);
    const connections = server.connections();
    expect(await fetchDocument(DOCUMENT, never)).toMatchObject({ kind: 'not-public', address: '127.0.0.2' });
    expect(server.connections()).toBe(connections);
  });

  test('the next address is tried where one refuses', async () => {
    await using server = await startTlsServer(ok);
    const resolve = async (): Promise<readonly string[]> => ['127.0.0.9', '127.0.0.1'];
    const fetched = await pinnedFetch({ resolve, reach: reachOf(server.port, '127.0.0.9') })(DOCUMENT, never);
    expect(fetched).toMatchObject({ kind: 'answered' });
  });

  test.each([
    'http://oidc.example.com/',
    'https://oidc.example.com:8443/',
    'https://a:b@oidc.example.com/',
    'file:///etc/passwd',
  ])('%s is no document of an issuer', async (url) => {
    expect(await thrownBy(() => pinnedFetch({ resolve: toLoopback })(new URL(url), never))).toBeInstanceOf(Error);
  });

  test('except where whoever installed the operator says that a host is', async () => {
    await using server = await startTlsServer(ok);
    const connectTo = parseConnectTo(`${HOST}=127.0.0.1:${server.port}`);
    const resolve = () => Promise.reject(new Error('DNS is not asked'));
    expect(await pinnedFetch({ resolve, connectTo })(DOCUMENT, never)).toMatchObject({ kind: 'answered' });
    expect(server.requests[0]?.headers['host']).toBe(HOST);
  });
});

describe('what fails is told with its phase', () => {
  test('a name that is not there', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    const fetched = await pinnedFetch({ resolve })(DOCUMENT, never);
    expect(fetched).toEqual({ kind: 'failed', phase: 'name', code: 'ENOTFOUND' });
  });

  test('a port that is closed', async () => {
    const fetched = await pinnedFetch({ resolve: toLoopback, reach: reachOf(1) })(DOCUMENT, never);
    expect(fetched).toEqual({ kind: 'failed', phase: 'connection', code: 'ECONNREFUSED' });
  });

  test('a server that does not speak TLS', async () => {
    const plain = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await new Promise((resolve) => void plain.once('listening', resolve));
    const reach = reachOf((plain.address() as AddressInfo).port);
    const fetched = await pinnedFetch({ resolve: toLoopback, reach })(DOCUMENT, never);
    plain.close();
    expect(fetched).toMatchObject({ kind: 'failed', phase: 'TLS' });
  });

  test('a server that wants to speak something else, which took for ever [F67]', async () => {
    const fetched = await fetchFrom((request) => {
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    });
    expect(fetched).toEqual({ kind: 'failed', phase: 'answer', code: 'EPROTO' });
  });

  test('a server that closes in the middle of the document', async () => {
    const fetched = await fetchFrom((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{');
      setTimeout(() => request.socket.destroy(), 20);
    });
    expect(fetched).toMatchObject({ kind: 'failed', phase: 'answer', code: 'ECONNRESET' });
  });
});

describe('the certificate [S8]', () => {
  test('of a private authority is told with the top of its chain', async () => {
    await using server = await startTlsServer(ok);
    const fetched = await pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port) })(DOCUMENT, never);
    const { authority: topThumbprint } = server.thumbprints;
    expect(fetched).toMatchObject({ certificate: { kind: 'untrusted', topThumbprint } });
  });

  test('whose chain is not served is its own top', async () => {
    await using server = await startTlsServer(ok, { servesChain: false });
    const fetched = await pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port) })(DOCUMENT, never);
    expect(fetched).toMatchObject({ certificate: { kind: 'untrusted', topThumbprint: server.thumbprints.server } });
  });

  test('of an authority that only this process trusts is told as such: AWS does not trust it', async () => {
    await using server = await startTlsServer(ok);
    const before = getCACertificates('default');
    const look = () => pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port) })(DOCUMENT, never);
    expect(await look()).toMatchObject({ certificate: { kind: 'untrusted', isTrustedHere: false } });
    setDefaultCACertificates([...before, server.caCertificate]);
    try {
      expect(await look()).toMatchObject({
        certificate: { kind: 'untrusted', isTrustedHere: true, topThumbprint: server.thumbprints.authority },
      });
    } finally {
      setDefaultCACertificates(before);
    }
  });

  const DAY_MS = 86_400_000;
  test.each([
    { why: 'expired', options: { certifiedAt: new Date(Date.now() - 400 * DAY_MS) } },
    { why: 'not valid yet', options: { certifiedAt: new Date(Date.now() + DAY_MS) } },
    { why: 'for another name', options: { host: 'other.example.com' } },
  ])('that is $why', async ({ why, options }) => {
    await using server = await startTlsServer(ok, options);
    const fetched = await pinnedFetch({ resolve: toLoopback, reach: reachOf(server.port) })(DOCUMENT, never);
    expect(fetched).toMatchObject({ certificate: { kind: 'invalid', why } });
  });
});
