import type { Lease, LeaseRecord, Leases } from '../../src/runtime/leader-election.ts';
import type { Line } from './network.ts';

/** The one Lease for which all replicas stand, as the API server keeps it: who writes must have seen the last version. */
export class StoredLease {
  #lease: Lease | undefined;
  #version = 0;
  #terms = 0;

  /** Terms of all processes are numbered as they begin. */
  nextTerm(): number {
    this.#terms += 1;
    return this.#terms;
  }

  /** kubectl delete lease. */
  delete(): void {
    this.#lease = undefined;
  }

  /** Somebody else writes himself into it, and never renews. */
  steal(): void {
    if (this.#lease !== undefined) this.#put({ ...this.#lease.record, holderIdentity: 'somebody else' });
  }

  /** As one process reaches it. */
  through(line: Line): Leases {
    const call = <T>(verb: string, effect: () => T, signal: AbortSignal): Promise<T> =>
      line.send({ target: 'api', operation: `${verb} Lease`, effect }, signal);
    return {
      get: (_, signal) => call('get', () => this.#lease, signal),
      create: (_, record, signal) =>
        call('create', () => (this.#lease === undefined ? this.#put(record) : undefined), signal),
      update: (_, { record, resourceVersion }, signal) =>
        call(
          'update',
          () => (this.#lease?.resourceVersion === resourceVersion ? this.#put(record) : undefined),
          signal,
        ),
    };
  }

  #put(record: LeaseRecord): Lease {
    this.#version += 1;
    this.#lease = { resourceVersion: String(this.#version), record };
    return this.#lease;
  }
}
