import { describe, expect, test } from 'vitest';
import { manualClock } from '../../test/support/manual-clock.ts';
import { type Priority, RateLimit } from './rate-limit.ts';

const SECOND = 1000;
const never = (): AbortSignal => new AbortController().signal;

/** A limit with callers that want as many calls as they can get; AWS's answer is decided by the test. */
function scene(options: { readonly callsPerSecond?: number; readonly burst?: number } = {}) {
  const clock = manualClock();
  const limit = new RateLimit({ clock, ...options });
  const started: string[] = [];
  const call = async (name: string, priority: Priority = 'user', signal = never()): Promise<void> => {
    await limit.acquire(priority, signal);
    started.push(name);
  };
  /** Calls without a pause, each answered after 50 ms; resolves to how many started in `ms`. */
  const demand = async (ms: number, answer: () => 'throttled' | 'answered', callers = 8): Promise<number> => {
    const stop = new AbortController();
    let calls = 0;
    const caller = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const turn = await limit.acquire('user', stop.signal);
        calls += 1;
        await new Promise<void>((resolve) => void clock.after(50, resolve));
        limit[answer()](turn);
      }
    };
    const all = Array.from({ length: callers }, () => caller().catch(() => 'stopped'));
    await clock.advance(ms);
    const counted = calls;
    stop.abort();
    await clock.advance(50);
    await Promise.all(all);
    return counted;
  };
  return { clock, limit, started, call, demand };
}

describe('in good times', () => {
  test('a burst starts at once, and then ten calls a second', async () => {
    const { clock, call, started } = scene();
    const calls = Array.from({ length: 45 }, (_, index) => call(String(index)));
    await clock.advance(0);
    expect(started).toHaveLength(20);
    await clock.advance(SECOND);
    expect(started).toHaveLength(30);
    await clock.advance(1.5 * SECOND);
    expect(started).toHaveLength(45);
    await Promise.all(calls);
    expect(clock.timers).toBe(0);
  });

  test('calls start in their order', async () => {
    const { clock, call, started } = scene({ burst: 1 });
    const calls = ['a', 'b', 'c'].map((name) => call(name));
    await clock.advance(SECOND);
    await Promise.all(calls);
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test('what a user waits for overtakes the sweep, even if it comes later', async () => {
    const { clock, call, started } = scene({ burst: 1 });
    const calls = [call('first'), call('sweep 1', 'background'), call('sweep 2', 'background'), call('change')];
    await clock.advance(SECOND);
    await Promise.all(calls);
    expect(started).toEqual(['first', 'change', 'sweep 1', 'sweep 2']);
  });

  test('the bucket does not grow beyond the burst in a quiet time', async () => {
    const { clock, limit } = scene();
    await clock.advance(3600 * SECOND);
    expect(limit.state).toEqual({ callsPerSecond: 10, tokens: 20, waiting: 0 });
  });
});

describe('a caller that gives up', () => {
  test('leaves nothing behind: no place in the queue, no timer, no token', async () => {
    const { clock, limit, call } = scene({ burst: 1 });
    await call('first');
    const gone = new AbortController();
    const waiting = call('gone', 'user', gone.signal);
    expect(limit.state.waiting).toBe(1);
    gone.abort(new Error('shutdown'));
    await expect(waiting).rejects.toThrow('shutdown');
    expect(clock.timers).toBe(0);
    await clock.advance(100);
    expect(limit.state).toMatchObject({ tokens: 1, waiting: 0 });
  });

  test('does not hold up those behind it', async () => {
    const { clock, call, started } = scene({ burst: 1 });
    await call('first');
    const gone = new AbortController();
    const waiting = call('gone', 'user', gone.signal);
    const behind = call('behind');
    gone.abort();
    await expect(waiting).rejects.toThrow();
    await clock.advance(100);
    await behind;
    expect(started).toEqual(['first', 'behind']);
  });

  test('is refused at once when it had given up before', async () => {
    const { limit } = scene();
    await expect(limit.acquire('user', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(limit.state.tokens).toBe(20);
  });
});

describe('a throttling storm', () => {
  test('halves the rate once for all calls that were under way together', async () => {
    const { limit } = scene();
    const turns = await Promise.all(Array.from({ length: 20 }, () => limit.acquire('user', never())));
    for (const turn of turns) limit.throttled(turn);
    expect(limit.state).toMatchObject({ callsPerSecond: 5, tokens: 0 });
  });

  test('ends a burst at its first sign', async () => {
    const { limit } = scene();
    limit.throttled(await limit.acquire('user', never()));
    expect(limit.state).toMatchObject({ callsPerSecond: 5, tokens: 0 });
  });

  test('leaves at most one call a second after 30 seconds, and never none [F27]', async () => {
    const { demand } = scene();
    await demand(30 * SECOND, () => 'throttled');
    const calls = await demand(60 * SECOND, () => 'throttled');
    expect(calls).toBeLessThanOrEqual(60);
    expect(calls).toBeGreaterThanOrEqual(25);
  });

  test('of every other call leaves at most about one call a second, too', async () => {
    const { demand } = scene();
    let calls = 0;
    const everyOther = () => ((calls += 1) % 2 === 0 ? 'throttled' : 'answered');
    await demand(30 * SECOND, everyOther);
    expect(await demand(60 * SECOND, everyOther)).toBeLessThanOrEqual(60);
  });

  test('is over within two minutes: 80 % of the rate, and the whole rate soon', async () => {
    const { demand, limit } = scene();
    await demand(60 * SECOND, () => 'throttled');
    expect(limit.state.callsPerSecond).toBe(0.5);
    await demand(120 * SECOND, () => 'answered');
    expect(limit.state.callsPerSecond).toBeGreaterThanOrEqual(8);
    await demand(60 * SECOND, () => 'answered');
    expect(limit.state.callsPerSecond).toBe(10);
  });

  test('is not forgotten by one success after a quiet hour, and lets no burst out', async () => {
    const { clock, demand, limit } = scene();
    await demand(60 * SECOND, () => 'throttled');
    await clock.advance(3600 * SECOND);
    expect(limit.state.tokens).toBe(1);
    limit.answered(await limit.acquire('user', never()));
    expect(limit.state.callsPerSecond).toBe(1);
  });

  test('is not ended by answers to calls from before it', async () => {
    const { clock, limit } = scene();
    const early = await limit.acquire('user', never());
    const other = await limit.acquire('user', never());
    await clock.advance(10 * SECOND);
    limit.throttled(early);
    limit.answered(other);
    expect(limit.state.callsPerSecond).toBe(5);
  });
});
