import { describe, expect, test } from 'vitest';
import { terminal } from '../errors.ts';
import { ApiError, isConflict, isNotFound, toKubernetesError, undefinedIfNotFound } from './errors.ts';

const notFound = new ApiError(404, 'NotFound', 'pods "x" not found');
const conflict = new ApiError(409, 'Conflict', 'changed meanwhile');

describe('an answer of the API server', () => {
  test('is told by its code', () => {
    expect([isNotFound(notFound), isNotFound(conflict), isNotFound(new Error('404'))]).toEqual([true, false, false]);
    expect([isConflict(conflict), isConflict(notFound), isConflict(undefined)]).toEqual([true, false, false]);
  });

  test('that something is missing is a value; any other failure stays one', () => {
    expect(undefinedIfNotFound(notFound)).toBeUndefined();
    expect(() => undefinedIfNotFound(conflict)).toThrow(conflict);
  });
});

describe('a failed request', () => {
  test.each([
    { name: 'a refusal', error: conflict, disposition: { kind: 'retryable' } },
    { name: 'a fault of the network', error: new Error('ECONNREFUSED'), disposition: { kind: 'retryable' } },
    { name: 'a thrown string', error: 'boom', disposition: { kind: 'retryable' } },
    {
      name: 'a plea for patience',
      error: new ApiError(429, '', 'busy', 7_000),
      disposition: { kind: 'waiting', retryAfterMs: 7_000 },
    },
  ])('becomes an error that names the request: $name', ({ error, disposition }) => {
    const text = error instanceof Error ? error.message : String(error);
    expect(toKubernetesError('Status of x', error)).toMatchObject({
      reason: 'KubernetesRequestFailed',
      disposition,
      message: `Status of x: ${text}`,
      cause: error,
    });
  });

  test('that has its reason already keeps it', () => {
    const error = terminal('InvalidSpec', 'x');
    expect(toKubernetesError('y', error)).toBe(error);
  });
});
