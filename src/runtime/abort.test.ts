import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deadline, limited } from './abort.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe('a deadline', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('aborts with a TimeoutError when the time is over', () => {
    using limit = deadline(1_000, new AbortController().signal);
    vi.advanceTimersByTime(999);
    expect(limit.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(limit.signal.reason).toMatchObject({ name: 'TimeoutError', message: 'Not done within 1000 ms.' });
  });

  test('aborts as the signal does before, with its reason', () => {
    const given = new AbortController();
    using limit = deadline(1_000, given.signal);
    given.abort(new Error('lost'));
    expect(limit.signal.reason).toBe(given.signal.reason);
  });

  test('of a signal that has aborted is over from the start', () => {
    using limit = deadline(1_000, AbortSignal.abort('lost'));
    expect(limit.signal.reason).toBe('lost');
  });

  test('leaves neither a timer nor a listener behind', () => {
    const { signal } = new AbortController();
    deadline(1_000, signal)[Symbol.dispose]();
    expect([vi.getTimerCount(), getEventListeners(signal, 'abort')]).toEqual([0, []]);
  });
});

test('a request that has ended keeps no memory, however long its signal lives', async () => {
  const { signal } = new AbortController();
  const COUNT = 5_000;
  const round = async (): Promise<void> => {
    for (let index = 0; index < COUNT; index += 1) await limited(60_000, signal, async () => {});
  };
  await round(); // whatever is made once
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await round();
  collectGarbage();
  expect((process.memoryUsage().heapUsed - before) / COUNT).toBeLessThan(100);
});
