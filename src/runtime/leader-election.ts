import type { Logger } from 'pino';
import { aborted, limited, sleep } from './abort.ts';
import { errorFields } from './error-fields.ts';
import type { Metrics } from './metrics.ts';
import { outageLog } from './outage-log.ts';

/** The spec of a coordination.k8s.io/v1 Lease. An empty holder means that it is free. */
export interface LeaseRecord {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime?: Date | undefined;
  readonly renewTime?: Date | undefined;
  readonly leaseTransitions: number;
}

export interface Lease {
  readonly resourceVersion: string;
  readonly record: LeaseRecord;
}

/** Access to Leases by name. `create` and `update` resolve to undefined if somebody else was faster; all else rejects. */
export interface Leases {
  get(name: string, signal: AbortSignal): Promise<Lease | undefined>;
  create(name: string, record: LeaseRecord, signal: AbortSignal): Promise<Lease | undefined>;
  update(name: string, lease: Lease, signal: AbortSignal): Promise<Lease | undefined>;
}

export interface LeaderElectionOptions {
  readonly leases: Leases;
  readonly name: string;
  /** Must differ for each process, also for two lives of one pod: host name plus a UUID. */
  readonly identity: string;
  readonly log: Logger;
  readonly metrics?: Pick<Metrics, 'leadership'>;
  /** Others wait this long after the last sign of life: 15 s as in controller-runtime. */
  readonly leaseDurationMs?: number;
  /** Must be well below `leaseDurationMs`: 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between two renewals: 2 s. */
  readonly retryPeriodMs?: number;
  /** Between two looks of a candidate at the Lease of another, up to a fifth longer: 1 s. */
  readonly lookPeriodMs?: number;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number;
  /** Only written into the Lease for people to read, and to notice that the machine slept. */
  readonly date?: () => Date;
  readonly random?: () => number;
}

export interface Leadership {
  /** Aborts when leadership is lost; not on shutdown, so that work in flight can end. */
  readonly signal: AbortSignal;
  /** Resolves when the work should come to its end: on shutdown or when leadership is lost. */
  readonly stopRequested: Promise<void>;
  /** Whether the last successful renewal is younger than the renew deadline. */
  isLeading(): boolean;
  /** Throws unless `isLeading()`; call it before each write to the outside. */
  fence(): void;
}

/** Thrown by `fence`, and the reason of an aborted `Leadership.signal`. */
export class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError';
}

/**
 * Runs `lead` while this process holds the Lease. After a loss it waits for `lead` to end and stands for election
 * again; on `shutdown` it keeps the Lease until `lead` has ended, then frees it. Rejects only with what `lead` throws.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  shutdown: AbortSignal,
  lead: (leadership: Leadership) => Promise<void>,
): Promise<void> {
  const candidate = new Candidate(options);
  options.metrics?.leadership(options.name, false);
  while (await candidate.acquire(shutdown)) {
    const isLost = await leadOnce(candidate, options, shutdown, lead);
    if (!isLost) return;
  }
}

async function leadOnce(
  candidate: Candidate,
  { log, metrics, name }: LeaderElectionOptions,
  shutdown: AbortSignal,
  lead: (leadership: Leadership) => Promise<void>,
): Promise<boolean> {
  const lost = new AbortController();
  const over = new AbortController();
  log.info({ lease: name }, 'leading');
  metrics?.leadership(name, true);
  const renew = async (): Promise<void> => {
    if (!(await candidate.renewUntilLost(over.signal))) return;
    log.warn({ lease: name }, 'leadership lost');
    metrics?.leadership(name, false);
    lost.abort(new LeadershipLostError(`The Lease ${name} is no longer held by this process.`));
  };
  const renewing = renew();
  const leadership: Leadership = {
    signal: lost.signal,
    stopRequested: aborted(AbortSignal.any([shutdown, lost.signal])),
    isLeading: () => !lost.signal.aborted && candidate.isLeading(),
    fence: () => {
      if (!leadership.isLeading()) throw new LeadershipLostError(`The Lease ${name} is not held by this process.`);
    },
  };
  try {
    await lead(leadership);
  } catch (error) {
    if (!lost.signal.aborted) throw error;
    log.warn({ err: errorFields(error) }, 'work as leader ended with an error after the loss');
  } finally {
    over.abort();
    await renewing;
    if (!lost.signal.aborted) await candidate.release();
    metrics?.leadership(name, false);
  }
  return lost.signal.aborted;
}

/** One process's view of the Lease. Expiry is judged by its own clock since it last saw the record change. */
class Candidate {
  readonly #options: Required<Omit<LeaderElectionOptions, 'metrics'>>;
  #observed: Lease | undefined;
  #observedAt = 0;
  #absentSince: number | undefined;
  #renewedAt = -Infinity;
  #renewedDate = 0;

  constructor(options: LeaderElectionOptions) {
    const { now = () => performance.now(), date = () => new Date(), random = Math.random } = options;
    const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000 } = options;
    const { retryPeriodMs = 2000, lookPeriodMs = 1000 } = options;
    const periods = { leaseDurationMs, renewDeadlineMs, retryPeriodMs, lookPeriodMs };
    this.#options = { ...options, ...periods, now, date, random };
  }

  /** Tries until the Lease is held (true) or `signal` aborts (false). */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { log, name, lookPeriodMs, random } = this.#options;
    const outage = outageLog(log, { lease: name });
    while (!signal.aborted) {
      const pauseMs = lookPeriodMs * (1 + 0.2 * random());
      try {
        const isHeld = await this.#attempt(this.#limitMs, signal);
        outage.recovered();
        if (isHeld) return true;
      } catch (error) {
        if (!signal.aborted) outage.failed(error, pauseMs);
      }
      await sleep(Math.min(pauseMs, this.#expiresInMs() ?? pauseMs), signal);
    }
    return false;
  }

  /** Renews until it is too late or the Lease has another holder (true), or `signal` aborts (false). */
  async renewUntilLost(signal: AbortSignal): Promise<boolean> {
    const { log, name, identity, retryPeriodMs } = this.#options;
    const outage = outageLog(log, { lease: name });
    while (true) {
      await sleep(Math.min(retryPeriodMs, Math.max(this.#remainingMs(), 0)), signal);
      if (signal.aborted) return false;
      const remainingMs = this.#remainingMs();
      if (remainingMs <= 0) return true;
      try {
        const isHeld = await this.#attempt(Math.min(this.#limitMs, remainingMs), signal);
        outage.recovered();
        // Not held and yet ours: somebody edited the Lease at the same moment. Try again.
        if (!isHeld && this.#observed?.record.holderIdentity !== identity) return true;
      } catch (error) {
        if (!signal.aborted) outage.failed(error, retryPeriodMs);
      }
    }
  }

  isLeading(): boolean {
    return this.#remainingMs() > 0;
  }

  /** An attempt without an answer, on a dead connection perhaps, leaves time for another on a new one. */
  get #limitMs(): number {
    return this.#options.renewDeadlineMs / 2;
  }

  /** Frees the Lease, so that another candidate takes it at its next look. A failure is logged: it then expires. */
  async release(): Promise<void> {
    const { log, name } = this.#options;
    this.#renewedAt = -Infinity;
    try {
      await limited(2000, new AbortController().signal, (signal) => this.#free(signal));
      log.info({ lease: name }, 'Lease released');
    } catch (error) {
      log.warn({ err: errorFields(error), lease: name }, 'Lease could not be released and will expire');
    }
  }

  async #free(signal: AbortSignal): Promise<void> {
    const { leases, name, identity, date } = this.#options;
    while (true) {
      // Read anew: the last renewal may have been given up here and still have arrived there.
      const current = await leases.get(name, signal);
      if (current?.record.holderIdentity !== identity) return;
      const record = { ...current.record, holderIdentity: '', leaseDurationSeconds: 1, renewTime: date() };
      signal.throwIfAborted();
      if ((await leases.update(name, { ...current, record }, signal)) !== undefined) return;
    }
  }

  /** Takes or renews the Lease by optimistic locking; false if it is another's. */
  async #attempt(limitMs: number, signal: AbortSignal): Promise<boolean> {
    // The request's start counts: others cannot have seen the renewal any earlier.
    const startedAt = this.#options.now();
    const startedDate = this.#options.date().getTime();
    const isHeld = await limited(limitMs, signal, (either) => this.#hold(either));
    if (isHeld) {
      this.#renewedAt = startedAt;
      this.#renewedDate = startedDate;
    }
    return isHeld;
  }

  async #hold(signal: AbortSignal): Promise<boolean> {
    const { leases, name, identity } = this.#options;
    if (this.#observed?.record.holderIdentity === identity && (await this.#write(this.#observed, signal))) return true;
    const current = await leases.get(name, signal);
    if (current === undefined) return this.#mayReplace() && (await this.#write(undefined, signal));
    this.#observe(current);
    return this.#isFree(current.record) && (await this.#write(current, signal));
  }

  async #write(current: Lease | undefined, signal: AbortSignal): Promise<boolean> {
    const { leases, name, identity, leaseDurationMs, date } = this.#options;
    signal.throwIfAborted(); // an attempt that was given up must not write any more
    const renewTime = date();
    const isOurs = current?.record.holderIdentity === identity;
    const record: LeaseRecord = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: isOurs ? current?.record.acquireTime : renewTime,
      renewTime,
      leaseTransitions: current === undefined ? 0 : current.record.leaseTransitions + (isOurs ? 0 : 1),
    };
    const written = await (current === undefined
      ? leases.create(name, record, signal)
      : leases.update(name, { ...current, record }, signal));
    if (written !== undefined) this.#observe(written);
    return written !== undefined;
  }

  #observe(lease: Lease): void {
    if (JSON.stringify(lease.record) !== JSON.stringify(this.#observed?.record)) this.#observedAt = this.#options.now();
    this.#observed = lease;
    this.#absentSince = undefined;
  }

  /** A Lease that was deleted by hand: whoever held it works on until its next renewal, and makes it anew then. */
  #mayReplace(): boolean {
    const { identity, leaseDurationMs, now } = this.#options;
    if (this.#observed === undefined || this.#observed.record.holderIdentity === identity) return true;
    this.#absentSince ??= now(); // its last holder need not be the one that was seen
    return now() - this.#absentSince > leaseDurationMs;
  }

  #isFree({ holderIdentity, leaseDurationSeconds }: LeaseRecord): boolean {
    if (holderIdentity === '' || holderIdentity === this.#options.identity) return true;
    return this.#options.now() - this.#observedAt > leaseDurationSeconds * 1000;
  }

  /** Milliseconds until the Lease that another held at the last look expires, so that its end is not slept through. */
  #expiresInMs(): number | undefined {
    if (this.#observed === undefined) return undefined;
    const { leaseDurationSeconds } = this.#observed.record;
    const leftMs = leaseDurationSeconds * 1000 - (this.#options.now() - this.#observedAt);
    return leftMs > 0 ? leftMs + 1 : undefined;
  }

  #remainingMs(): number {
    // A monotonic clock may stand still while the machine sleeps; the date does not. The larger of both is safe.
    const monotonicMs = this.#options.now() - this.#renewedAt;
    const dateMs = this.#options.date().getTime() - this.#renewedDate;
    return this.#options.renewDeadlineMs - Math.max(monotonicMs, dateMs);
  }
}
