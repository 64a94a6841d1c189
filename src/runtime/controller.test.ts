import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { retryable, terminal, waiting } from '../errors.ts';
import { type ControllerOptions, startController } from './controller.ts';
import { createMetrics } from './metrics.ts';
import { ObjectStore, type StoredObject } from './object-store.ts';
import type { Reconcile } from './reconciler.ts';

interface Item extends StoredObject {
  readonly provider?: string;
}

const item = (name: string, resourceVersion = '1'): Item => ({
  metadata: { namespace: 'team-a', name, resourceVersion },
});

type Overrides = Partial<Omit<ControllerOptions<readonly [Item]>, 'sources' | 'reconcile'>>;

async function setup(reconcile: Reconcile, overrides: Overrides = {}, synced = true) {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const store = new ObjectStore<Item>({ log });
  if (synced) store.replace([item('app')]);
  const metrics = createMetrics();
  const leading = new AbortController();
  const controller = startController(
    {
      name: 'test',
      concurrency: 2,
      reconcile,
      log,
      metrics,
      random: () => 0,
      sources: [{ store, toRequests: ({ object }) => [{ namespace: 'team-a', name: object.metadata?.name ?? '' }] }],
      ...overrides,
    },
    leading.signal,
  );
  onTestFinished(() => leading.abort());
  await vi.advanceTimersByTimeAsync(0);
  const count = async (result: string) => {
    const { values } = await metrics.registry.getSingleMetric('controller_runtime_reconcile_total')!.get();
    return values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  };
  return { controller, store, leading, lines, count };
}

describe('controller', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('nothing is reconciled before the stores are complete; then everything is', async () => {
    const reconcile = vi.fn<Reconcile>(async () => ({}));
    const { store } = await setup(reconcile, {}, false);
    store.set(item('early'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(reconcile).not.toHaveBeenCalled();
    store.replace([item('early'), item('listed')]);
    await vi.advanceTimersByTimeAsync(0);
    expect(reconcile.mock.calls.map(([{ name }]) => name)).toEqual(['early', 'listed']);
  });

  test('a change wakes the object, and a reconcile of it in flight is not doubled', async () => {
    const runs: PromiseWithResolvers<void>[] = [];
    const { store } = await setup(async () => {
      const run = Promise.withResolvers<void>();
      runs.push(run);
      await run.promise;
      return {};
    });
    store.set(item('app', '2'));
    store.set(item('app', '3'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs).toHaveLength(1);
    runs[0]?.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(runs).toHaveLength(2);
  });

  test('as many objects are worked on at once as there are workers', async () => {
    const reconcile = vi.fn<Reconcile>(() => new Promise(() => {}));
    const { store } = await setup(reconcile, { concurrency: 3, drainMs: 1 });
    for (const name of ['b', 'c', 'd', 'e']) store.set(item(name));
    await vi.advanceTimersByTimeAsync(0);
    expect(reconcile).toHaveBeenCalledTimes(3);
  });

  test.each([
    {
      name: 'a resync comes when asked for',
      outcome: async () => ({ requeueAfterMs: 600_000 }),
      after: 600_000,
      result: 'requeue_after',
    },
    {
      name: 'a retryable failure backs off from 1 s',
      outcome: async () => {
        throw retryable('X' as never, 'x');
      },
      after: 1000,
      result: 'error',
    },
    {
      name: 'a waiting one comes back at its time',
      outcome: async () => {
        throw waiting('X' as never, 'x', 30_000);
      },
      after: 30_000,
      result: 'requeue_after',
    },
    {
      name: 'a terminal one is looked at again hourly',
      outcome: async () => {
        throw terminal('X' as never, 'x');
      },
      after: 3_240_000,
      result: 'terminal',
    },
    {
      name: 'a thrown string counts as retryable',
      outcome: async () => {
        throw 'oops';
      },
      after: 1000,
      result: 'error',
    },
    {
      name: 'a thrown value that cannot be printed does too',
      outcome: async () => {
        throw Object.create(null);
      },
      after: 1000,
      result: 'error',
    },
    {
      name: 'undefined thrown without a promise does too',
      outcome: () => {
        throw undefined;
      },
      after: 1000,
      result: 'error',
    },
  ])('$name', async ({ outcome, after, result }) => {
    const reconcile = vi.fn<Reconcile>(outcome);
    const { count } = await setup(reconcile);
    expect(reconcile).toHaveBeenCalledTimes(1);
    expect(await count(result)).toBe(1);
    await vi.advanceTimersByTimeAsync(after - 1);
    expect(reconcile).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(reconcile).toHaveBeenCalledTimes(2);
  });

  test('a success without a resync time is left alone, and ends the backoff', async () => {
    let failures = 2;
    const reconcile = vi.fn<Reconcile>(async () => {
      failures -= 1;
      if (failures >= 0) throw new Error('not yet');
      return {};
    });
    const { controller } = await setup(reconcile);
    await vi.advanceTimersByTimeAsync(1000 + 2000);
    expect(reconcile).toHaveBeenCalledTimes(3);
    await vi.advanceTimersByTimeAsync(10_000_000);
    expect(reconcile).toHaveBeenCalledTimes(3);
    failures = 1;
    controller.enqueue({ namespace: 'team-a', name: 'app' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(reconcile).toHaveBeenCalledTimes(5);
  });

  test('a failure is logged once, with controller, object and reconcileId', async () => {
    const { lines } = await setup(async () => {
      throw retryable('X' as never, 'no luck');
    });
    const failed = lines.filter(({ level }) => Number(level) >= 40);
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({
      msg: 'reconcile failed',
      controller: 'test',
      object: 'team-a/app',
      reason: 'X',
      retryInMs: 1000,
      err: { message: 'no luck' },
    });
    expect(failed[0]?.['reconcileId']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('disposal lets a reconcile in flight end and takes no new key [F16]', async () => {
    const run = Promise.withResolvers<void>();
    const reconcile = vi.fn<Reconcile>(async (_, { signal }) => {
      await run.promise;
      signal.throwIfAborted();
      return {};
    });
    const { controller, store, count } = await setup(reconcile);
    const disposed = controller[Symbol.asyncDispose]();
    store.set(item('late'));
    await vi.advanceTimersByTimeAsync(5000);
    run.resolve();
    await disposed;
    expect(reconcile).toHaveBeenCalledTimes(1);
    expect(await count('success')).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a reconcile that does not end within the grace is aborted', async () => {
    let reason: unknown;
    const { controller } = await setup(
      async (_, { signal }) => {
        await new Promise((resolve) => void signal.addEventListener('abort', resolve));
        reason = signal.reason;
        return {};
      },
      { drainMs: 5000 },
    );
    const disposed = controller[Symbol.asyncDispose]();
    await vi.advanceTimersByTimeAsync(4999);
    expect(reason).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await disposed;
    expect(reason).toBeInstanceOf(Error);
  });

  test('lost leadership aborts reconciles in flight at once and ends the controller without a retry [F14]', async () => {
    const reconcile = vi.fn<Reconcile>(
      (_, { signal }) =>
        new Promise((_resolve, reject) => void signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const { controller, leading, lines } = await setup(reconcile);
    leading.abort();
    await controller.ended;
    await vi.advanceTimersByTimeAsync(100_000);
    expect(reconcile).toHaveBeenCalledTimes(1);
    expect(lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  test('it ends even while it still waits for its stores', async () => {
    const reconcile = vi.fn<Reconcile>(async () => ({}));
    const { controller, store } = await setup(reconcile, {}, false);
    await controller[Symbol.asyncDispose]();
    store.replace([item('late')]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(reconcile).not.toHaveBeenCalled();
  });
});

test('a reconcile that takes too long is aborted', async () => {
  const log = pino({ level: 'silent' });
  const store = new ObjectStore<Item>({ log });
  store.replace([item('app')]);
  const reasons: unknown[] = [];
  const reconcile: Reconcile = async (_, { signal }) => {
    await new Promise((resolve) => void signal.addEventListener('abort', resolve));
    reasons.push(signal.reason);
    return {};
  };
  const sources = [{ store, toRequests: () => [{ name: 'app' }] }] as const;
  const options = { name: 'test', concurrency: 1, reconcile, log, metrics: createMetrics(), sources };
  await using _controller = startController({ ...options, reconcileTimeoutMs: 20 }, new AbortController().signal);
  await expect.poll(() => reasons).toMatchObject([{ name: 'TimeoutError' }]);
});
