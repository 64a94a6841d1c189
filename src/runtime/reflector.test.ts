import { KubeConfig, Watch } from '@kubernetes/client-node';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ObjectStore, type StoredObject } from './object-store.ts';
import { runReflector } from './reflector.ts';

/** The machine may be busy with other tests. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 10 });

interface Item extends StoredObject {
  readonly text?: string;
}

const item = (name: string, resourceVersion: string, text?: string): Item => ({
  metadata: { name, resourceVersion },
  ...(text === undefined ? {} : { text }),
});
const frame = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
const expired = frame('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });

type Step = (response: ServerResponse, request: IncomingMessage) => unknown;

/** One turn of the script: the answer to a list or to a watch. Answers by default are an empty list and an open watch. */
interface Script {
  readonly lists?: Step[];
  readonly watches?: Step[];
  readonly idleMs?: number;
  readonly listTimeoutMs?: number;
}

const listed =
  (resourceVersion: string, ...items: Item[]): Step =>
  (response) =>
    response.end(JSON.stringify({ items, metadata: { resourceVersion } }));
const open =
  (...frames: (string | Buffer)[]): Step =>
  (response) => {
    response.flushHeaders();
    for (const text of frames) response.write(text);
  };
const closedAfter =
  (...frames: string[]): Step =>
  (response) =>
    response.end(frames.join(''));
const failed =
  (status: number): Step =>
  (response) =>
    response.writeHead(status, { 'x-secret': 'c2VjcmV0' }).end('{"data":"c2VjcmV0"}');
const cut: Step = (response) => response.destroy();
const silent: Step = () => {};

async function start({ lists = [], watches = [], idleMs = 30_000, listTimeoutMs = 60_000 }: Script) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    const isWatch = searchParams.get('watch') === 'true';
    requests.push(isWatch ? `watch ${searchParams.get('resourceVersion')}` : 'list');
    const step = isWatch ? (watches.shift() ?? open()) : (lists.shift() ?? listed('1'));
    step(response, request);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'test' });
  const watch = new Watch(config);
  Reflect.set(watch, 'requestTimeoutMs', idleMs); // private, and 30 s
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const store = new ObjectStore<Item>({ log });
  const stop = new AbortController();
  const list = async (signal: AbortSignal) => {
    const response = await fetch(`${url}/items`, { signal });
    if (!response.ok)
      throw Object.assign(new Error(await response.text()), { code: response.status, body: {}, headers: {} });
    const { items, metadata } = (await response.json()) as { items: Item[]; metadata: { resourceVersion: string } };
    return { items, resourceVersion: metadata.resourceVersion };
  };
  const options = {
    config,
    path: '/items',
    list,
    store,
    log,
    watch,
    listTimeoutMs,
    backoff: (n: number) => Math.min(10 * n, 50),
  };
  const ended = runReflector(options, stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await ended;
    server.closeAllConnections();
    server.close();
  });
  const messages = () => lines.filter(({ level }) => Number(level) >= 30).map(({ msg }) => msg);
  const names = () => store.list().map(({ metadata }) => `${metadata?.name}@${metadata?.resourceVersion}`);
  return { store, stop, ended, requests, lines, messages, names, server };
}

describe('reflector', () => {
  test('it lists, then follows the events of the watch', async () => {
    const { names, requests, store } = await start({
      lists: [listed('7', item('a', '3'), item('b', '5'))],
      watches: [
        open(frame('MODIFIED', item('a', '8')), frame('DELETED', item('b', '9')), frame('ADDED', item('c', '10'))),
      ],
    });
    await eventually(() => expect(names()).toEqual(['a@8', 'c@10']));
    expect(store.isSynced).toBe(true);
    expect(requests).toEqual(['list', 'watch 7']);
  });

  test('a watch asks for bookmarks and for an end after 5 to 10 minutes', async () => {
    const urls: URLSearchParams[] = [];
    await start({
      watches: [
        (response, { url }) => (urls.push(new URL(url ?? '', 'http://x').searchParams), open()(response, {} as never)),
      ],
    });
    await eventually(() => expect(urls).toHaveLength(1));
    expect(urls[0]?.get('allowWatchBookmarks')).toBe('true');
    expect(Number(urls[0]?.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(urls[0]?.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });

  test('a watch that the server ends is resumed from the last version, without a list [F1]', async () => {
    const { names, requests } = await start({
      watches: [closedAfter(frame('ADDED', item('a', '8'))), open(frame('ADDED', item('b', '9')))],
    });
    await eventually(() => expect(names()).toEqual(['a@8', 'b@9']));
    expect(requests).toEqual(['list', 'watch 1', 'watch 8']);
  });

  test('bookmarks alone move the version on [F7]', async () => {
    const bookmark = frame('BOOKMARK', { metadata: { resourceVersion: '500' } });
    const { requests, store } = await start({ watches: [closedAfter(bookmark)] });
    await eventually(() => expect(requests).toEqual(['list', 'watch 1', 'watch 500']));
    expect(store.size).toBe(0);
  });

  test.each([
    { name: 'as an event', refusal: open(expired) },
    { name: 'as a status', refusal: failed(410) },
  ])(
    'a version that is too old, told $name, leads to a new list that also finds deletions [F2]',
    async ({ refusal }) => {
      const { names, requests, messages } = await start({
        lists: [listed('1', item('gone', '1')), listed('90', item('new', '80'))],
        watches: [refusal],
      });
      await eventually(() => expect(requests).toEqual(['list', 'watch 1', 'list', 'watch 90']));
      expect(names()).toEqual(['new@80']);
      expect(messages()).toEqual([]);
    },
  );

  test('a server that ends or refuses each watch at once is not asked in a loop [F3]', async () => {
    const ends = Array.from({ length: 1000 }, (_, index) => (index % 2 === 0 ? closedAfter() : open(expired)));
    const { requests } = await start({ watches: ends });
    await eventually(() => expect(requests.length).toBeGreaterThan(6));
    const before = requests.length;
    await new Promise((resolve) => void setTimeout(resolve, 300));
    expect(requests.length - before).toBeLessThan(20); // at most every 50 ms, a list and a watch
  });

  test('a list that fails is tried again; the log tells it once, then the recovery, and nothing of the answer', async () => {
    const { store, lines, messages } = await start({ lists: [failed(500), failed(500), failed(500), cut] });
    await store.synced;
    await eventually(() => expect(messages().at(-1)).toBe('API server reachable again'));
    const warned = lines.filter(({ level }) => level === 40);
    expect(warned.map(({ failures }) => failures)).toEqual([1, 2, 4]);
    expect(new Set(warned.map(({ msg }) => msg))).toEqual(new Set(['API server cannot be reached, waiting']));
    expect(warned[0]).toMatchObject({ path: '/items', code: 500, retryInMs: 10 });
    expect(JSON.stringify(lines)).not.toContain('c2VjcmV0');
  });

  test('a server that answers but forbids is not called unreachable [F9]', async () => {
    const forbidden = Array.from({ length: 9 }, () => failed(403));
    const { store, messages } = await start({
      watches: [closedAfter(), ...forbidden],
      lists: [listed('1'), ...forbidden],
    });
    await eventually(() => expect(store.staleSeconds).toBeGreaterThan(0));
    expect(store.isSynced).toBe(true);
    expect(messages()[0]).toBe('API server refuses the request, waiting');
    await eventually(() => expect(store.staleSeconds).toBe(0));
  });

  test('a watch that is refused leads to a new list: the version may come from another life of the server [F2 F11]', async () => {
    const { requests, messages } = await start({ watches: [failed(500), cut] });
    await eventually(() => expect(requests).toEqual(['list', 'watch 1', 'list', 'watch 1', 'list', 'watch 1']));
    await eventually(() => expect(messages().at(-1)).toBe('API server reachable again'));
  });

  test('a watch that a busy server refuses is asked for again, without a list', async () => {
    const { names, requests } = await start({
      watches: [failed(429), failed(429), open(frame('ADDED', item('a', '5')))],
    });
    await eventually(() => expect(names()).toEqual(['a@5']));
    expect(requests).toEqual(['list', 'watch 1', 'watch 1', 'watch 1']);
  });

  test('a dead link is noticed and the watch resumed [F5]', async () => {
    const { names, requests } = await start({
      idleMs: 1_000, // a busy machine is no dead link
      watches: [open(frame('ADDED', item('a', '5'))), open(frame('ADDED', item('b', '6')))],
    });
    await eventually(() => expect(names()).toEqual(['a@5', 'b@6']));
    expect(requests.slice(0, 3)).toEqual(['list', 'watch 1', 'watch 5']);
  });

  test('a server that accepts a watch and never answers is given up [F5]', async () => {
    const { requests, messages } = await start({ idleMs: 100, watches: [silent] });
    await eventually(() => expect(requests).toEqual(['list', 'watch 1', 'list', 'watch 1']));
    expect(messages()[0]).toBe('API server cannot be reached, waiting');
  });

  test('a list that never answers is given up [F6]', async () => {
    const { store, requests } = await start({ listTimeoutMs: 50, lists: [silent] });
    await store.synced;
    expect(requests.slice(0, 2)).toEqual(['list', 'list']);
  });

  test('a connection that breaks within an event loses nothing [F7]', async () => {
    const event = frame('ADDED', item('b', '6'));
    const { names, requests } = await start({
      watches: [
        (response) => {
          response.write(frame('ADDED', item('a', '5')) + event.slice(0, 20));
          setTimeout(() => response.destroy(), 20);
        },
        open(event),
      ],
    });
    await eventually(() => expect(names()).toEqual(['a@5', 'b@6']));
    expect(requests).toEqual(['list', 'watch 1', 'watch 5']);
  });

  test('a character that arrives in two pieces is whole [F7]', async () => {
    const bytes = Buffer.from(frame('ADDED', item('a', '5', 'grüße 🙂')));
    const half = bytes.indexOf('🙂') + 2;
    const { store } = await start({
      watches: [
        (response) => {
          response.write(bytes.subarray(0, half));
          setTimeout(() => response.write(bytes.subarray(half)), 20);
        },
      ],
    });
    await eventually(() => expect(store.get({ name: 'a' })?.text).toBe('grüße 🙂'));
  });

  test('an event that cannot be stored leads to a new list, and is logged [F7]', async () => {
    const { requests, messages } = await start({ watches: [open(frame('ADDED', { kind: 'Nameless' }))] });
    await eventually(() => expect(requests).toEqual(['list', 'watch 1', 'list', 'watch 1']));
    expect(messages()).toEqual(['watch event cannot be stored, listing again']);
  });

  test('an event that a fault keeps from being stored is an error', async () => {
    const { lines } = await start({ watches: [open('{"type":"ADDED","object":null}\n')] });
    const told = expect.objectContaining({ level: 50, msg: expect.stringContaining('watch event') });
    await eventually(() => expect(lines).toContainEqual(told));
  });

  test.each([
    { name: 'an open watch', script: {}, until: 2 },
    { name: 'a list that never answers', script: { lists: [silent] }, until: 1 },
    { name: 'a watch that never answers', script: { watches: [silent] }, until: 2 },
    { name: 'the pause after a failure', script: { lists: Array.from({ length: 99 }, () => failed(500)) }, until: 3 },
  ])('an abort during $name ends it at once', async ({ script, until }) => {
    const { stop, ended, requests } = await start(script);
    await eventually(() => expect(requests.length).toBeGreaterThanOrEqual(until));
    const startedAt = performance.now();
    stop.abort();
    await ended;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
