import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import fc from 'fast-check';
import { pino } from 'pino';
import { ObjectStore, type StoredObject } from '../../src/runtime/object-store.ts';
import { runReflector } from '../../src/runtime/reflector.ts';
import { type FuzzTarget, randomFrom } from './fuzz.ts';
import { jsonWith } from './json.ts';

const PATIENCE_MS = 30_000;
const WORDS = [
  'type',
  'object',
  'ADDED',
  'MODIFIED',
  'DELETED',
  'BOOKMARK',
  'ERROR',
  'metadata',
  'name',
  'namespace',
  'resourceVersion',
  'code',
  '410',
  'a',
  '7',
  'last',
];
const frame = (type: string, name: string): string =>
  `${JSON.stringify({ type, object: { metadata: { name, namespace: 'x', resourceVersion: '9' } } })}\n`;

/**
 * A real watch of a server that sends the input in chunks of any size and then closes. Whatever it was, the reflector goes on:
 * the next list or watch has an object, and the store comes to have it.
 */
export async function watchTarget(): Promise<FuzzTarget & AsyncDisposable> {
  let bytes: Buffer | undefined = Buffer.alloc(0);
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const isWatch = request.url?.includes('watch=true') === true;
    if (!isWatch) return void response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '1' } }));
    if (bytes === undefined) {
      response.flushHeaders();
      return void response.write(frame('ADDED', 'last'));
    }
    const random = randomFrom(bytes.length);
    for (let from = 0; from < bytes.length;) {
      const to = from + 1 + Math.floor(random() * 200);
      response.write(bytes.subarray(from, to));
      from = to;
    }
    bytes = undefined;
    return void response.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'fuzz', server: url, skipTLSVerify: true }, { name: 'fuzz' });
  const log = pino({ enabled: false });
  const list = async (signal: AbortSignal) => {
    const response = await fetch(`${url}/items`, { signal });
    const { items, metadata } = (await response.json()) as {
      readonly items: StoredObject[];
      readonly metadata: { readonly resourceVersion: string };
    };
    return { items, resourceVersion: metadata.resourceVersion };
  };
  return {
    name: 'watch-frames',
    words: [...WORDS.map((word) => JSON.stringify(word)), frame('ADDED', 'b'), '\n', '\r\n'],
    likely: fc
      .array(
        fc.oneof(jsonWith(WORDS), fc.constantFrom(frame('ADDED', 'b'), frame('DELETED', 'b'), frame('BOOKMARK', ''))),
        { maxLength: 5 },
      )
      .map((frames) => frames.join('\n')),
    share: 15,
    check: async (input) => {
      bytes = Buffer.from(input);
      requests = 0;
      const store = new ObjectStore<StoredObject>({ log });
      const stop = new AbortController();
      const ended = runReflector({ config, path: '/items', list, store, log, backoff: () => 0 }, stop.signal);
      const end = performance.now() + PATIENCE_MS;
      const isThere = (): boolean => bytes === undefined && store.get({ namespace: 'x', name: 'last' }) !== undefined;
      while (!isThere()) {
        assert.ok(performance.now() < end, 'the reflector goes on whatever it was sent');
        await new Promise((resolve) => void setTimeout(resolve, 1)); // oxlint-disable-line no-await-in-loop -- it is awaited
      }
      stop.abort();
      await ended;
      assert.ok(requests <= 6, `a few requests get over it, not ${requests}`);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
