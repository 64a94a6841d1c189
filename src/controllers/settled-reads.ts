import { waiting } from '../errors.ts';

/** A write to AWS, and how late IAM's reads can tell of it. */
export interface Settling {
  /** Milliseconds since the epoch, of a time that Kubernetes keeps in whole seconds. */
  readonly writtenAt: number;
  readonly consistencyWindowMs: number;
}

const RETRY_MS = 10_000;

/** Milliseconds until IAM must show what was written; not above 0 once it must. */
export const settlesInMs = ({ writtenAt, consistencyWindowMs }: Settling, now: Date): number =>
  writtenAt + 1_000 + consistencyWindowMs - now.getTime();

/** Throws a ReconcileError that waits, with `message`, while an answer of IAM can be from before the write. */
export function requireSettled(settling: Settling, now: Date, message: string): void {
  const remainingMs = settlesInMs(settling, now);
  if (remainingMs > 0) throw waiting('Propagating', message, Math.min(remainingMs, RETRY_MS));
}

/**
 * When this process first looked at each object that is being deleted, by UID. All that was ever written to AWS for it came
 * before: a pass of ours has ended by then, and one of a process before us too, whether or not the status could still tell of it.
 */
export class CleanupStarts {
  readonly #starts = new Map<string, number>();

  /** Milliseconds since the epoch; now for the first look. */
  of(uid: string, now: Date): number {
    const start = this.#starts.get(uid) ?? now.getTime();
    this.#starts.set(uid, start);
    return start;
  }

  forget(uid: string): void {
    this.#starts.delete(uid);
  }
}
