import { ApiException } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { terminal, toReconcileError } from '../errors.ts';
import { errorCode, errorFields, isProgramFault } from './error-fields.ts';

const secretAnswer = () => new ApiException(403, 'no', { data: 'c2VjcmV0' }, { 'x-token': 'c2VjcmV0' });

test.each([
  { name: 'an answer of the API server', error: secretAnswer() },
  { name: 'a ReconcileError that repeats the text of such an answer', error: toReconcileError(secretAnswer()) },
  { name: 'an error that was caused by one', error: new Error('outer', { cause: secretAnswer() }) },
])('$name is logged by its status, without body and headers', ({ error }) => {
  const fields = errorFields(error);
  expect(JSON.stringify(fields)).not.toContain('c2VjcmV0');
  expect(fields.code).toBe(403);
});

test('the message of our own error is kept beside its cause', () => {
  const fields = errorFields(terminal('InvalidSpec' as never, 'choose another name', { cause: secretAnswer() }));
  expect(fields).toMatchObject({ message: 'choose another name', cause: { type: 'ApiException', code: 403 } });
});

test.each([
  { name: 'its own cause', inner: undefined },
  { name: 'the cause of its cause', inner: new Error('inner') },
])('an error that is $name ends', ({ inner }) => {
  const error = new Error('loop');
  if (inner !== undefined) inner.cause = error;
  error.cause = inner ?? error;
  expect(errorFields(error)).toMatchObject({ message: 'loop' });
  expect([errorCode(error), isProgramFault(error)]).toEqual([undefined, false]);
});

test('the code is that of the nearest cause that has one', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  expect(errorCode(new TypeError('fetch failed', { cause: refused }))).toBe('ECONNREFUSED');
});
