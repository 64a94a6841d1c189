import type { Reason } from './crds/condition.ts';

/** What the runtime does after a failed reconcile: Flux's three kinds. */
export type Disposition =
  /** Only a change of the spec, the provider or (looked at hourly) the world can help. */
  | { readonly kind: 'terminal' }
  /** Something else must come first; look again after a while, without counting a failure. */
  | { readonly kind: 'waiting'; readonly retryAfterMs: number }
  /** Back off and try again. */
  | { readonly kind: 'retryable' };

/** The only error that crosses a module boundary. `reason` and `message` become a condition that a user reads. */
export class ReconcileError extends Error {
  override readonly name = 'ReconcileError';
  readonly reason: Reason;
  readonly disposition: Disposition;

  constructor(reason: Reason, message: string, disposition: Disposition, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.disposition = disposition;
  }
}

export const terminal = (reason: Reason, message: string, options?: ErrorOptions): ReconcileError =>
  new ReconcileError(reason, message, { kind: 'terminal' }, options);

export const waiting = (
  reason: Reason,
  message: string,
  retryAfterMs: number,
  options?: ErrorOptions,
): ReconcileError => new ReconcileError(reason, message, { kind: 'waiting', retryAfterMs }, options);

export const retryable = (reason: Reason, message: string, options?: ErrorOptions): ReconcileError =>
  new ReconcileError(reason, message, { kind: 'retryable' }, options);

/** Anything unknown is retryable: a bug or an outage must heal by itself once it is gone. */
export function toReconcileError(error: unknown): ReconcileError {
  if (error instanceof ReconcileError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return retryable('InternalError', message, { cause: error });
}
