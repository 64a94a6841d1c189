import { expect, test } from 'vitest';
import { retryable, terminal, toReconcileError, waiting } from './errors.ts';

test.each([
  { error: terminal('InvalidSpec', 'x'), disposition: { kind: 'terminal' } },
  { error: waiting('ProviderNotReady', 'x', 5), disposition: { kind: 'waiting', retryAfterMs: 5 } },
  { error: retryable('AwsUnreachable', 'x'), disposition: { kind: 'retryable' } },
])('a $disposition.kind error says so, and passes every boundary unchanged', ({ error, disposition }) => {
  expect(error).toMatchObject({ name: 'ReconcileError', message: 'x', disposition });
  expect(toReconcileError(error)).toBe(error);
});

test.each([new TypeError('x is undefined'), 'text', undefined, null, 7])(
  '%s is an internal error that is tried again [F18]',
  (thrown) => {
    expect(toReconcileError(thrown)).toMatchObject({
      reason: 'InternalError',
      disposition: { kind: 'retryable' },
      message: thrown instanceof Error ? thrown.message : String(thrown),
      cause: thrown,
    });
  },
);
