import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type QueueObserver, type QueueState, WorkQueue } from './work-queue.ts';

describe('WorkQueue', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('a key that is added twice is taken once', async () => {
    using queue = new WorkQueue<string>(() => 10);
    queue.add('a');
    queue.add('a');
    expect(await queue.take()).toBe('a');
    expect(queue.depth).toBe(0);
  });

  test('a key that is added while it is worked on is taken again, but only after done', async () => {
    using queue = new WorkQueue<string>(() => 10);
    queue.add('a');
    await queue.take();
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await queue.take()).toBe('a');
  });

  test('a waiting worker gets the next key at once', async () => {
    using queue = new WorkQueue<string>(() => 10);
    const taken = queue.take();
    queue.add('a');
    expect(await taken).toBe('a');
    expect(queue.depth).toBe(0);
  });

  test('of two delays the earlier one wins', () => {
    using queue = new WorkQueue<string>(() => 10);
    queue.addAfter('a', 1000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 500);
    vi.advanceTimersByTime(99);
    expect(queue.depth).toBe(0);
    vi.advanceTimersByTime(1);
    expect(queue.depth).toBe(1);
  });

  test('an add ends the delay of a retry: the change may have helped, and one run is enough', async () => {
    using queue = new WorkQueue<string>(() => 10_000);
    queue.retry('a');
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.done('a');
    vi.advanceTimersByTime(20_000);
    expect(queue.depth).toBe(0);
  });

  test('the delay grows with each failure and starts anew after forget', () => {
    using queue = new WorkQueue<string>((failures) => failures * 1000);
    expect([queue.retry('a'), queue.retry('a'), queue.retry('b')]).toEqual([1000, 2000, 1000]);
    queue.forget('a');
    expect(queue.retry('a')).toBe(1000);
  });

  test('a delay that a timer cannot hold does not fire at once', () => {
    using queue = new WorkQueue<string>(() => 10);
    queue.addAfter('a', Number.MAX_SAFE_INTEGER);
    vi.advanceTimersByTime(60_000);
    expect(queue.depth).toBe(0);
  });

  test('has knows keys that wait, are delayed or are being worked on', async () => {
    using queue = new WorkQueue<string>(() => 10);
    queue.addAfter('delayed', 10);
    queue.add('running');
    await queue.take();
    queue.add('waiting');
    expect(['delayed', 'running', 'waiting', 'other'].map((key) => queue.has(key))).toEqual([true, true, true, false]);
  });

  test('closing wakes idle workers with undefined and drops what waits', async () => {
    const queue = new WorkQueue<string>(() => 10);
    const taken = queue.take();
    queue.addAfter('b', 10);
    queue[Symbol.dispose]();
    queue.add('c');
    vi.advanceTimersByTime(10);
    expect(await taken).toBeUndefined();
    expect(await queue.take()).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the observer hears of adds once per key, waiting time, retries and depth', async () => {
    const heard: string[] = [];
    const observer: QueueObserver = {
      added: () => void heard.push('added'),
      taken: (seconds) => void heard.push(`taken ${seconds}`),
      retried: () => void heard.push('retried'),
      depth: (keys) => void heard.push(`depth ${keys}`),
      follow: () => {},
    };
    using queue = new WorkQueue<string>(() => 10, observer);
    queue.add('a');
    queue.add('a');
    vi.advanceTimersByTime(2000);
    await queue.take();
    queue.retry('a');
    expect(heard).toEqual(['added', 'depth 1', 'taken 2', 'depth 0', 'retried']);
  });

  test('an add that is more urgent moves a key that waits, and one that is worked on', async () => {
    using queue = new WorkQueue<string>(() => 10);
    queue.add('a/running', 'background');
    await queue.take();
    queue.add('a/running', 'background');
    queue.add('a/running', 'change');
    queue.add('a/first', 'new');
    queue.add('a/second', 'background');
    queue.add('a/second', 'change');
    queue.done('a/running');
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['a/second', 'a/running', 'a/first']);
  });

  test('an object that fails again and again is tried when nothing else is to be done [F18]', async () => {
    using queue = new WorkQueue<string>(() => 10);
    for (let failure = 0; failure < 4; failure += 1) {
      queue.retry('a/poison');
      vi.advanceTimersByTime(10);
      // oxlint-disable-next-line no-await-in-loop -- one failure after the other
      if (failure < 3) queue.done((await queue.take()) ?? '');
    }
    queue.add('b/new', 'new');
    expect(await queue.take()).toBe('b/new');
  });

  test('tells how long the oldest key waits and how long work takes', async () => {
    let state: () => QueueState = () => ({ oldestWaitSeconds: -1, longestRunSeconds: -1, unfinishedSeconds: -1 });
    const nothing = (): void => {};
    const follow: QueueObserver['follow'] = (given) => void (state = given);
    using queue = new WorkQueue<string>(() => 10, {
      added: nothing,
      taken: nothing,
      retried: nothing,
      depth: nothing,
      follow,
    });
    expect(state()).toEqual({ oldestWaitSeconds: 0, longestRunSeconds: 0, unfinishedSeconds: 0 });
    queue.add('a/1');
    await queue.take();
    vi.advanceTimersByTime(1000);
    queue.add('a/2');
    await queue.take();
    queue.add('a/3');
    vi.advanceTimersByTime(2000);
    expect(state()).toEqual({ oldestWaitSeconds: 2, longestRunSeconds: 3, unfinishedSeconds: 5 });
  });

  test('under any sequence no key is worked on twice at once and no add is lost', async () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ type: fc.constant('add' as const), key }),
      fc.record({ type: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ type: fc.constant('retry' as const), key }),
      fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ type: fc.constant('take' as const) }),
      fc.record({ type: fc.constant('done' as const), key }),
    );
    const run = async (steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Promise<void> => {
      using queue = new WorkQueue<string>(() => 5);
      const running = new Set<string>();
      const owed = new Set<string>(); // added, and not yet taken since
      const start = (taken: string | undefined): void => {
        if (taken === undefined) return;
        expect(running.has(taken)).toBe(false);
        running.add(taken);
        owed.delete(taken);
      };
      const finish = (finished: string): void => {
        if (running.delete(finished)) queue.done(finished);
      };
      for (const current of steps) {
        if (current.type === 'add') queue.add(current.key);
        else if (current.type === 'addAfter') queue.addAfter(current.key, current.ms);
        else if (current.type === 'retry') queue.retry(current.key);
        else if (current.type === 'advance') vi.advanceTimersByTime(current.ms);
        else if (current.type === 'done') finish(current.key);
        // oxlint-disable-next-line no-await-in-loop -- the steps are a sequence
        else void queue.take().then(start);
        if ('key' in current && current.type !== 'done') owed.add(current.key);
        await Promise.resolve();
      }
      for (let round = 0; round < 10; round += 1) {
        vi.advanceTimersByTime(100);
        for (const taken of running) finish(taken);
        void queue.take().then(start);
        // oxlint-disable-next-line no-await-in-loop -- lets the taken key arrive
        await Promise.resolve();
      }
      expect([...owed]).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), run), { numRuns: 500 });
  });
});
