import pRetry from 'p-retry';
import { type ReconcileError, retryable, waiting } from '../errors.ts';
import type { Verdict } from './federation-check.ts';

/** What IAM was just told is known to STS within a second or two, mostly: worth a short wait in place. */
const IN_PLACE = { retries: 3, minTimeout: 250, factor: 2 };
/** An issuer that was too slow once is asked for its keys again, before it is called unreachable. */
const AGAIN: ReadonlySet<unknown> = new Set(['Propagating', 'IssuerUnreachable']);
/** After that the worker goes on with others. */
const PROPAGATION_RETRY_MS = 3_000;

/**
 * Asks until the verdict is `verified`, with a few tries in a row. Throws Propagating while IAM spreads our last write, else
 * the cause with its remedy; what `ask` throws passes through.
 */
export async function untilVerified(ask: () => Promise<Verdict>, signal: AbortSignal): Promise<void> {
  await pRetry(
    async () => {
      const verdict = await ask();
      if (verdict.kind !== 'verified') throw failureOf(verdict);
    },
    { ...IN_PLACE, signal, shouldRetry: ({ error }) => 'reason' in error && AGAIN.has(error.reason) },
  );
}

function failureOf(verdict: Exclude<Verdict, { kind: 'verified' }>): ReconcileError {
  switch (verdict.kind) {
    case 'propagating':
      return waiting('Propagating', verdict.message, PROPAGATION_RETRY_MS);
    case 'failed':
      return retryable(verdict.reason, verdict.message);
    default:
      return verdict satisfies never;
  }
}

/** Milliseconds since a write, for `judge`; undefined is long ago. */
export const sinceMs = (lastWrite: Date | undefined, now: Date): number =>
  lastWrite === undefined ? Infinity : now.getTime() - lastWrite.getTime();
