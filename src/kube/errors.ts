import { type Disposition, ReconcileError } from '../errors.ts';

/** An answer of the API server that is not 2xx. Holds its Status message and code, never headers or bodies of requests. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  /** `reason` of the Status, for example NotFound, Conflict, Invalid. */
  readonly statusReason: string;
  /** From Retry-After, when the API server asks for patience. */
  readonly retryAfterMs: number | undefined;

  constructor(code: number, statusReason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.statusReason = statusReason;
    this.retryAfterMs = retryAfterMs;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;

export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.code === 409;

export function undefinedIfNotFound(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}

/** Every failed request becomes retryable: the API server's refusals are fixed by people who do not touch our object. */
export function toKubernetesError(request: string, error: unknown): ReconcileError {
  if (error instanceof ReconcileError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const disposition: Disposition =
    error instanceof ApiError && error.retryAfterMs !== undefined
      ? { kind: 'waiting', retryAfterMs: error.retryAfterMs }
      : { kind: 'retryable' };
  return new ReconcileError('KubernetesRequestFailed', `${request}: ${text}`, disposition, { cause: error });
}
