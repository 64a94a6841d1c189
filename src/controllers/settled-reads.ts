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
