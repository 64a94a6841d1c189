import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Leadership,
  LeadershipLostError,
  type Lease,
  type LeaderElectionOptions,
  runAsLeader,
} from './leader-election.ts';

/** An API server with one Lease, that can be made to fail or hang for one candidate. */
class MemoryLeases {
  lease: Lease | undefined;
  #version = 0;

  client() {
    const client = {
      trouble: 'none' as 'none' | 'error' | 'hang',
      latencyMs: 0,
      /** Runs before each update, as if somebody else were faster. */
      beforeUpdate: (_record: Lease['record']): void => {},
      get: () => answer(() => this.lease),
      create: (_: string, record: Lease['record']) =>
        answer(() => (this.lease === undefined ? this.put(record) : undefined)),
      update: (_: string, { record, resourceVersion }: Lease) =>
        answer(() => {
          client.beforeUpdate(record);
          return this.lease?.resourceVersion === resourceVersion ? this.put(record) : undefined;
        }),
    };
    const answer = async <T>(result: () => T): Promise<T> => {
      if (client.trouble === 'hang') return new Promise(() => {});
      if (client.trouble === 'error') throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
      if (client.latencyMs > 0) await new Promise((resolve) => void setTimeout(resolve, client.latencyMs));
      return result();
    };
    return client;
  }

  put(record: Lease['record']): Lease {
    this.#version += 1;
    return (this.lease = { resourceVersion: String(this.#version), record });
  }
}

const log = pino({ level: 'silent' });

function candidate(
  server: MemoryLeases,
  identity: string,
  overrides: Partial<LeaderElectionOptions> = {},
  latencyMs = 0,
) {
  const leases = Object.assign(server.client(), { latencyMs });
  const shutdown = new AbortController();
  const terms: Leadership[] = [];
  const ended = runAsLeader(
    { leases, name: 'operator', identity, log, random: () => 0, ...overrides },
    shutdown.signal,
    (leadership) => {
      terms.push(leadership);
      return leadership.stopRequested;
    },
  );
  return { leases, shutdown, terms, ended, isLeading: () => terms.at(-1)?.isLeading() ?? false };
}

describe('leader election', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('of two candidates exactly one leads, and it stays so', async () => {
    const server = new MemoryLeases();
    const [a, b] = [candidate(server, 'a'), candidate(server, 'b')];
    await vi.advanceTimersByTimeAsync(120_000);
    expect([a.isLeading(), b.isLeading()]).toEqual([true, false]);
    expect(server.lease?.record).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0, leaseDurationSeconds: 15 });
  });

  test('after a shutdown another leads at its next look, within 1.2 seconds [F16]', async () => {
    const server = new MemoryLeases();
    const [a, b] = [candidate(server, 'a'), candidate(server, 'b')];
    await vi.advanceTimersByTimeAsync(5000);
    a.shutdown.abort();
    await a.ended;
    expect(server.lease?.record.holderIdentity).toBe('');
    await vi.advanceTimersByTimeAsync(1200);
    expect([a.isLeading(), b.isLeading()]).toEqual([false, true]);
    expect(server.lease?.record.leaseTransitions).toBe(1);
  });

  test('after the death of the leader another leads as soon as its Lease has expired [F13]', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(100);
    a.leases.trouble = 'hang'; // its renewal of second 0 is the last one
    const b = candidate(server, 'b', { lookPeriodMs: 700 });
    await vi.advanceTimersByTimeAsync(15_000);
    expect(b.isLeading()).toBe(false);
    await vi.advanceTimersByTimeAsync(10);
    expect(b.isLeading()).toBe(true);
  });

  test('the Lease is kept until the work has ended after a shutdown', async () => {
    const server = new MemoryLeases();
    const shutdown = new AbortController();
    const work = Promise.withResolvers<void>();
    let leadership: Leadership | undefined;
    const options = { leases: server.client(), name: 'operator', identity: 'a', log };
    const ended = runAsLeader(options, shutdown.signal, (given) => {
      leadership = given;
      return work.promise;
    });
    await vi.advanceTimersByTimeAsync(1000);
    shutdown.abort();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(leadership?.isLeading()).toBe(true);
    expect(leadership?.signal.aborted).toBe(false);
    work.resolve();
    await ended;
    expect(server.lease?.record.holderIdentity).toBe('');
    expect(() => leadership?.fence()).toThrow(LeadershipLostError);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(['error', 'hang'] as const)(
    'a leader whose API server answers with %s stops before another starts',
    async (trouble) => {
      const server = new MemoryLeases();
      const [a, b] = [candidate(server, 'a'), candidate(server, 'b')];
      await vi.advanceTimersByTimeAsync(5000);
      a.leases.trouble = trouble;
      let stoppedAt = 0;
      let takenAt = 0;
      for (let ms = 0; ms < 30_000; ms += 100) {
        // oxlint-disable-next-line no-await-in-loop -- time goes step by step
        await vi.advanceTimersByTimeAsync(100);
        expect(a.isLeading() && b.isLeading()).toBe(false);
        if (!a.isLeading()) stoppedAt ||= ms;
        if (b.isLeading()) takenAt ||= ms;
      }
      expect(a.terms[0]?.signal.reason).toBeInstanceOf(LeadershipLostError);
      expect(stoppedAt).toBeLessThanOrEqual(10_000);
      expect(takenAt).toBeGreaterThan(12_000);
      expect(takenAt).toBeLessThan(20_000);
    },
  );

  test('a leader that lost the Lease stands again and leads once more', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(5000);
    a.leases.trouble = 'error';
    await vi.advanceTimersByTimeAsync(60_000);
    expect(a.isLeading()).toBe(false);
    a.leases.trouble = 'none';
    await vi.advanceTimersByTimeAsync(5000);
    expect(a.isLeading()).toBe(true);
    expect(a.terms).toHaveLength(2);
  });

  test('a Lease that another took meanwhile is given up at the next renewal [F15]', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(5000);
    server.put({ ...server.lease!.record, holderIdentity: 'thief' });
    await vi.advanceTimersByTimeAsync(2000);
    expect(a.terms[0]?.signal.aborted).toBe(true);
  });

  test.each([
    { name: 'edited', change: (server: MemoryLeases) => void server.put(server.lease!.record) },
    { name: 'deleted', change: (server: MemoryLeases) => void (server.lease = undefined) },
  ])('a Lease that was $name by hand is kept [F15]', async ({ change }) => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(5000);
    change(server);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(a.isLeading()).toBe(true);
    expect(a.terms).toHaveLength(1);
    expect(server.lease?.record.holderIdentity).toBe('a');
  });

  test('a Lease that is deleted is left to its holder, for as long as it would have been good', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(100);
    const b = candidate(server, 'b');
    await vi.advanceTimersByTimeAsync(2000);
    server.lease = undefined;
    await vi.advanceTimersByTimeAsync(1500);
    expect([b.isLeading(), server.lease]).toEqual([false, undefined]); // it has looked, and waits for a
    await vi.advanceTimersByTimeAsync(5000);
    expect([a.isLeading(), a.terms.length, b.isLeading()]).toEqual([true, 1, false]);
    a.leases.trouble = 'hang';
    server.lease = undefined;
    await vi.advanceTimersByTimeAsync(18_000);
    expect([a.isLeading(), b.isLeading()]).toEqual([false, true]);
  });

  test('edits of the Lease that cross two renewals in a row do not end the leadership', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(1000);
    let edits = 2;
    a.leases.beforeUpdate = () => {
      edits -= 1;
      if (edits >= 0) server.put(server.lease!.record);
    };
    await vi.advanceTimersByTimeAsync(30_000);
    expect(a.isLeading()).toBe(true);
    expect(a.terms).toHaveLength(1);
  });

  test('an edit of the Lease that crosses its release does not prevent it', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(1000);
    let isFirst = true;
    a.leases.beforeUpdate = ({ holderIdentity }) => {
      if (holderIdentity === '' && isFirst) server.put(server.lease!.record);
      if (holderIdentity === '') isFirst = false;
    };
    a.shutdown.abort();
    await a.ended;
    expect(server.lease?.record.holderIdentity).toBe('');
  });

  test('a slow renewal counts from its start, since others may have seen it as early [F6 F14]', async () => {
    const a = candidate(new MemoryLeases(), 'a', { date: () => new Date(0) });
    await vi.advanceTimersByTimeAsync(1000);
    a.leases.latencyMs = 4000; // the renewal of second 2 is answered in second 6
    await vi.advanceTimersByTimeAsync(6000);
    a.leases.trouble = 'hang';
    await vi.advanceTimersByTimeAsync(4900);
    expect(a.isLeading()).toBe(true);
    await vi.advanceTimersByTimeAsync(200);
    expect(a.isLeading()).toBe(false);
  });

  test('one renewal without an answer is no loss: there is time for another', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(1000);
    a.leases.trouble = 'hang';
    await vi.advanceTimersByTimeAsync(1500); // the renewal of second 2 is on its way
    a.leases.trouble = 'none';
    await vi.advanceTimersByTimeAsync(30_000);
    expect([a.isLeading(), a.terms.length]).toEqual([true, 1]);
  });

  test('an attempt that was given up writes nothing any more', async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a', {}, 5000);
    await vi.advanceTimersByTimeAsync(1000);
    a.shutdown.abort();
    await a.ended;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.lease).toBeUndefined();
  });

  test("another's clock that is a day behind does not make its Lease expire [F15]", async () => {
    const server = new MemoryLeases();
    const a = candidate(server, 'a', { date: () => new Date(Date.now() - 86_400_000) });
    await vi.advanceTimersByTimeAsync(1000);
    const b = candidate(server, 'b');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([a.isLeading(), b.isLeading()]).toEqual([true, false]);
  });

  test('a machine that slept does not believe that it still leads, though its monotonic clock stood still [F14]', async () => {
    let sleptMs = 0;
    const a = candidate(new MemoryLeases(), 'a', { date: () => new Date(Date.now() + sleptMs) });
    await vi.advanceTimersByTimeAsync(5000);
    sleptMs = 60_000;
    expect(() => a.terms[0]?.fence()).toThrow(LeadershipLostError);
  });

  test('the crashed holder of an old Lease is waited for, then replaced', async () => {
    const server = new MemoryLeases();
    server.put({ holderIdentity: 'crashed', leaseDurationSeconds: 15, leaseTransitions: 3 });
    const a = candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(14_000);
    expect(a.isLeading()).toBe(false);
    await vi.advanceTimersByTimeAsync(4000);
    expect(a.isLeading()).toBe(true);
    expect(server.lease?.record.leaseTransitions).toBe(4);
  });

  test('an API server that is down at the start is waited for', async () => {
    const a = candidate(new MemoryLeases(), 'a');
    a.leases.trouble = 'hang';
    await vi.advanceTimersByTimeAsync(120_000);
    expect(a.terms).toEqual([]);
    a.leases.trouble = 'none';
    await vi.advanceTimersByTimeAsync(15_000);
    expect(a.isLeading()).toBe(true);
  });

  test('shutdown ends a candidate that never led', async () => {
    const server = new MemoryLeases();
    candidate(server, 'a');
    await vi.advanceTimersByTimeAsync(100);
    const b = candidate(server, 'b');
    await vi.advanceTimersByTimeAsync(5000);
    b.shutdown.abort();
    await b.ended;
    expect(b.terms).toEqual([]);
    expect(server.lease?.record.holderIdentity).toBe('a');
  });

  test('what the work throws ends the election, with the Lease released', async () => {
    const server = new MemoryLeases();
    const options = { leases: server.client(), name: 'operator', identity: 'a', log };
    const ended = runAsLeader(options, new AbortController().signal, async () => {
      throw new Error('broken');
    });
    await expect(ended).rejects.toThrow('broken');
    expect(server.lease?.record.holderIdentity).toBe('');
  });
});
