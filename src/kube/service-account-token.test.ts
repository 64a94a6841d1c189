import { expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../test/support/in-memory-kubernetes.ts';
import type { KubernetesClient } from './client.ts';
import { ApiError } from './errors.ts';
import { requestToken } from './service-account-token.ts';

const signal = new AbortController().signal;
const name = { namespace: 'analytics', name: 'reports' };
const { client } = inMemoryKubernetes();

test('a token is asked for one audience, for the shortest life [S5 S6]', async () => {
  const requests: object[] = [];
  const createSubresource: KubernetesClient['createSubresource'] = (type, object, request, given) => {
    requests.push(request);
    return client.createSubresource(type, object, request, given);
  };
  const token = await requestToken({ ...client, createSubresource }, name, 'sts.amazonaws.com', signal);
  expect(token).toBe('token of analytics/reports for sts.amazonaws.com');
  expect(requests).toMatchObject([
    { path: 'token', kind: 'TokenRequest', spec: { audiences: ['sts.amazonaws.com'], expirationSeconds: 600 } },
  ]);
});

test('a refused token names the ServiceAccount and the words of the API server', async () => {
  const refusal = new ApiError(403, 'Forbidden', 'audience is not allowed');
  const refusing = { ...client, createSubresource: () => Promise.reject(refusal) };
  expect(await thrownBy(() => requestToken(refusing, name, 'x', signal))).toMatchObject({
    reason: 'TokenRequestFailed',
    disposition: { kind: 'retryable' },
    message: 'No token for ServiceAccount analytics/reports: audience is not allowed',
  });
});
