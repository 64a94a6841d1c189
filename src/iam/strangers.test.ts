import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IAMClient } from '@aws-sdk/client-iam';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ACCOUNT, desiredRole, PROVIDER_ARN, ROLE_NAME, roleArn, thrownBy } from '../../test/support/builders.ts';
import { stsTokenExchange } from '../sts/token-exchange.ts';
import { awsAccounts } from './account.ts';
import { CLIENT_OPTIONS } from './calls.ts';
import { awsOidcProviders } from './oidc-providers.ts';
import { awsRoles } from './roles.ts';

const signal = new AbortController().signal;
const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'x' };

afterEach(() => vi.unstubAllEnvs());

/** Something between that answers whatever is asked, and the calls that get its answer. */
async function between(status: number, body: string) {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
  const client = new IAMClient({ region: 'eu-west-1', endpoint, credentials, ...CLIENT_OPTIONS });
  const accounts = awsAccounts({ onCall: () => {}, fence: () => {}, callsPerSecond: 10 });
  const account = accounts.of({ accountId: ACCOUNT, region: 'eu-west-1' });
  return {
    GetRole: () => awsRoles(client).get(ROLE_NAME, signal),
    CreateRole: () => awsRoles(client).create(desiredRole(), signal),
    GetOpenIDConnectProvider: () => awsOidcProviders(client).get(PROVIDER_ARN, signal),
    GetCallerIdentity: () => account.caller(signal),
    exchange: () => stsTokenExchange({ onCall: () => {} }).exchange('eu-west-1', roleArn(), 'token', signal),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const GATEWAY = '<html>\r\n<head><title>502 Bad Gateway</title></head><body><hr></body></html>';
const LOGIN = '<html><body>Log in first</body></html>';

describe.each([
  { status: 200, body: '', what: 'nothing' },
  { status: 200, body: LOGIN, what: 'a page' },
  { status: 502, body: GATEWAY, what: 'a page that is no XML' },
  { status: 503, body: '', what: 'nothing' },
  { status: 403, body: LOGIN, what: 'a page' },
  { status: 429, body: '', what: 'nothing' },
])('something between AWS and us that answers $status and $what [F28]', ({ status, body }) => {
  test.each(['GetRole', 'CreateRole', 'GetOpenIDConnectProvider', 'GetCallerIdentity'] as const)(
    'says nothing of what %s asks for',
    async (operation) => {
      await using calls = await between(status, body);
      expect(await thrownBy(calls[operation])).toMatchObject({
        reason: 'AwsUnreachable',
        disposition: { kind: 'retryable' },
        message: expect.stringMatching(`^${operation} .*: HTTP ${status} without an answer of AWS`),
      });
    },
  );

  test('proves no token', async () => {
    await using calls = await between(status, body);
    expect(await calls.exchange()).toEqual({
      kind: 'unreachable',
      message: expect.stringMatching(`^HTTP ${status} without an answer of AWS`),
    });
  });
});
