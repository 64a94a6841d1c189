/** What a log line may say of an error. */
export interface ErrorFields {
  readonly type: string;
  readonly code?: string | number | undefined;
  readonly message?: string;
  readonly stack?: string | undefined;
  readonly cause?: ErrorFields;
}

/** Causes that are followed, since they may go round in a circle. */
const MAX_CAUSES = 5;

/**
 * Errors as log keys. An API server's answer is cut down to its status, because the message of client-node's
 * ApiException holds the whole body and all headers, and the body may be a Secret.
 */
export function errorFields(error: unknown, causes = MAX_CAUSES): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = errorCode(error);
  if (isApiException(error)) return { type: 'ApiException', code };
  const { name: type, message, stack, cause } = error;
  if (cause === undefined || causes === 0) return { type, code, message, stack };
  // A wrapper that repeats the text of an ApiException, as toReconcileError does, must not bring it back.
  if (cause instanceof Error && isApiException(cause) && message.includes(cause.message))
    return { type, code, cause: errorFields(cause, causes - 1) };
  return { type, code, message, stack, cause: errorFields(cause, causes - 1) };
}

/** HTTP status, or a code such as ECONNREFUSED, of the error or its nearest cause. */
export function errorCode(error: unknown, causes = MAX_CAUSES): string | number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode = code } = error as { readonly code?: unknown; readonly statusCode?: unknown }; // read as unknown
  if (typeof statusCode === 'number' && !(error instanceof DOMException)) return statusCode;
  if (typeof statusCode === 'string') return statusCode;
  return causes === 0 ? undefined : errorCode(error.cause, causes - 1);
}

/**
 * Whether a program went wrong and not the world around it: the innermost cause decides, as fetch tells of a broken connection
 * by a TypeError of its own.
 */
export function isProgramFault(error: unknown, causes = MAX_CAUSES): boolean {
  if (!(error instanceof Error)) return false;
  if (error.cause instanceof Error && causes > 0) return isProgramFault(error.cause, causes - 1);
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}

/** How long the API server asks to wait (Retry-After), as the error says; else 0. */
export function patienceMs(error: unknown): number {
  const asked = error instanceof Error && 'retryAfterMs' in error ? error.retryAfterMs : undefined;
  return typeof asked === 'number' ? Math.min(asked, MAX_PATIENCE_MS) : 0;
}

/** Whatever is asked for: a store that is not kept is of no use. */
const MAX_PATIENCE_MS = 60_000;

const isApiException = (error: Error): boolean => 'headers' in error && 'body' in error && 'code' in error;
