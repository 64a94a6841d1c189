import { KubeConfig } from '@kubernetes/client-node';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ObjectStore, type StoredObject } from './object-store.ts';
import { type ReflectorOptions, runReflector } from './reflector.ts';

const emptyList = async () => ({ items: [], resourceVersion: '1' });
const silentWatch = { watch: () => new Promise<never>(() => {}) };

/** A reflector without a server, which ends with the test. */
function reflect(options: Pick<ReflectorOptions<StoredObject>, 'list' | 'watch'>) {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const store = new ObjectStore<StoredObject>({ log });
  const stop = new AbortController();
  const ended = runReflector(
    { config: new KubeConfig(), path: '/items', store, log, backoff: () => 1, ...options },
    stop.signal,
  );
  onTestFinished(() => {
    stop.abort();
    return ended;
  });
  return { store, lines };
}

test('a configuration whose credentials cannot be read is waited for as well', async () => {
  const watch = { watch: () => Promise.reject(new Error('token file is missing')) };
  const { lines } = reflect({ list: emptyList, watch });
  await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(3), { timeout: 30_000, interval: 10 });
  expect(lines[0]).toMatchObject({ detail: 'token file is missing' });
});

test('a fault of the program is no outage: it is told as an error, and the list is tried again', async () => {
  const lists = [() => Promise.reject(new TypeError('items is not iterable'))];
  const { store, lines } = reflect({ list: () => (lists.shift() ?? emptyList)(), watch: silentWatch });
  await store.synced;
  expect(lines).toMatchObject([{ level: 50, msg: 'fault of the operator itself, trying again' }]);
});

test('a list waits as long as the API server asks', async () => {
  const lists: number[] = [];
  const list = async () => {
    lists.push(performance.now());
    if (lists.length === 1) throw Object.assign(new Error('too many requests'), { code: 429, retryAfterMs: 400 });
    return emptyList();
  };
  const { store } = reflect({ list, watch: silentWatch });
  await store.synced;
  expect((lists[1] ?? 0) - (lists[0] ?? 0)).toBeGreaterThanOrEqual(390);
});
