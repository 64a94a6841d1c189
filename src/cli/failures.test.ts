import { describe, expect, test } from 'vitest';
import { awsError, thrownBy } from '../../test/support/builders.ts';
import { classify } from '../iam/errors.ts';
import { ApiError } from '../kube/errors.ts';
import { asPerson, kubernetesFailure } from './failures.ts';

const SERVER = 'https://127.0.0.1:6443';
const unreachable = Object.assign(new TypeError('fetch failed'), {
  cause: new Error('connect ECONNREFUSED 127.0.0.1'),
});

const failing = (error: Error): Promise<unknown> =>
  thrownBy(() =>
    asPerson(() =>
      classify('GetRole', 'reports', async () => {
        throw error;
      }),
    ),
  );
const noCredentials = Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
const refused = Object.assign(new Error('why'), { code: 'ECONNREFUSED' });

describe('a request to the API server', () => {
  test.each([
    {
      name: 'that does not answer',
      error: unreachable,
      says: /^cannot reach the API server https:\S+ to list X: connect ECONN/,
    },
    { name: 'that refuses the login', error: new ApiError(401, 'Unauthorized', ''), says: /log in again$/ },
    {
      name: 'that forbids it',
      error: new ApiError(403, 'Forbidden', 'no right'),
      says: /^you may not list X: no right\. Ask/,
    },
    { name: 'that knows no such kind', error: new ApiError(404, '', 'HTTP 404'), says: /Install the operator's CRDs/ },
    { name: 'that fails', error: new ApiError(500, 'InternalError', 'etcd'), says: /^cannot list X: etcd$/ },
  ])('$name says what to do', ({ error, says }) => {
    expect(kubernetesFailure('list X', SERVER, error).message).toMatch(says);
  });
});

describe('a call to AWS', () => {
  test.each([
    { name: 'without credentials', error: noCredentials, says: /^no AWS credentials: .*AWS_PROFILE/ },
    {
      name: 'with old credentials',
      error: awsError('ExpiredToken', 'expired.'),
      says: /does not accept your credentials: expired\. Renew/,
    },
    { name: 'without an answer', error: refused, says: /^cannot reach AWS: why$/ },
  ])('$name concerns everybody', async ({ error, says }) => {
    expect(await failing(error)).toMatchObject({ name: 'CliError', message: expect.stringMatching(says) });
  });

  test('that is denied names the rights of a reader, and not those of the operator', async () => {
    const failure = await failing(awsError('AccessDenied', 'User: u is not authorized'));
    expect(failure).toMatchObject({
      name: 'ReconcileError',
      reason: 'AccessDenied',
      message: expect.stringMatching(
        /^User: u is not authorized\. The plan looks at roles with your own AWS credentials/,
      ),
    });
    expect(String(failure)).not.toContain('operator');
  });

  test('that fails otherwise is passed on as it is', async () => {
    expect(await failing(awsError('Throttling'))).toMatchObject({ reason: 'Throttled' });
    await expect(asPerson(() => Promise.reject(new TypeError('a bug')))).rejects.toThrow('a bug');
  });
});
