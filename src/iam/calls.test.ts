import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DeleteRoleCommand, IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import { awsError, thrownBy } from '../../test/support/builders.ts';
import type { PendingCall } from './call-gate.ts';
import { type AwsCall, CLIENT_OPTIONS, fenceWrites, gateCalls, tellCalls } from './calls.ts';
import { classified } from './errors.ts';

async function callsOf(next: () => Promise<unknown>): Promise<readonly AwsCall[]> {
  const calls: AwsCall[] = [];
  const send = tellCalls('iam', (call) => calls.push(call))(next, { commandName: 'CreateRoleCommand' });
  await send({}).catch(() => 'seen by the caller');
  return calls;
}

test.each([
  { name: 'a call that succeeds', next: () => Promise.resolve({}), code: 'OK' },
  { name: 'a call that AWS refuses', next: () => Promise.reject(awsError('LimitExceeded')), code: 'LimitExceeded' },
  { name: 'a call without answer', next: () => Promise.reject(new Error('socket hang up')), code: 'Unreachable' },
])('$name is told once, as $code', async ({ next, code }) => {
  expect(await callsOf(next)).toEqual([{ service: 'iam', operation: 'CreateRole', code, seconds: expect.any(Number) }]);
});

test('output and error pass through unchanged', async () => {
  const error = awsError('LimitExceeded');
  const tell = tellCalls('iam', () => {});
  await expect(tell(() => Promise.resolve('output'), {})({})).resolves.toBe('output');
  await expect(tell(() => Promise.reject(error), {})({})).rejects.toBe(error);
});

test('the SDK retries nothing, so that a quota error is sent once [F26]', () => {
  expect(CLIENT_OPTIONS.maxAttempts).toBe(1);
});

test('a call that AWS does not answer is given up, and told as such [F28]', async () => {
  const silent = createServer(() => {});
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo; // TCP
  const client = new IAMClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
    ...CLIENT_OPTIONS,
    requestHandler: { ...CLIENT_OPTIONS.requestHandler, requestTimeout: 50 },
  });
  const error = await thrownBy(() => client.send(new ListRolesCommand({})));
  client.destroy();
  silent.closeAllConnections();
  silent.close();
  expect(classified('ListRoles', 'roles', error)).toMatchObject({
    reason: 'AwsUnreachable',
    message: 'ListRoles roles: a request has exceeded the configured 50 ms requestTimeout',
  });
});

test('a write that has been signed is not sent by a process that leads no more, and a read is [F14]', async () => {
  const sent: string[] = [];
  const server = createServer((request, response) => {
    sent.push(String(request.headers['authorization']).slice(0, 16));
    response.end('<ListRolesResponse><ListRolesResult><Roles/></ListRolesResult></ListRolesResponse>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  let signedBefore = false;
  const client = new IAMClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // TCP
    credentials: async () => {
      signedBefore = true;
      return { accessKeyId: 'AKIA', secretAccessKey: 'secret' };
    },
    ...CLIENT_OPTIONS,
  });
  const fence = (): void => {
    throw new Error(`leads no more, signed: ${signedBefore}`);
  };
  client.middlewareStack.add(fenceWrites(fence), { step: 'deserialize', priority: 'low', name: 'fenceWrites' });
  const refusal = await thrownBy(() => client.send(new DeleteRoleCommand({ RoleName: 'reports' })));
  expect(refusal).toMatchObject({ message: 'leads no more, signed: true' });
  expect(sent).toEqual([]);
  await client.send(new ListRolesCommand({}));
  expect(sent).toEqual(['AWS4-HMAC-SHA256']);
  client.destroy();
  server.close();
});

const gateOf = () => {
  const pending: PendingCall[] = [];
  const gate = {
    pass: async <T>(call: PendingCall, send: () => Promise<T>): Promise<T> => {
      pending.push(call);
      return send();
    },
  };
  return { gate, pending };
};

describe('a gate', () => {
  test('is told the operation, the priority and the signal of the caller, as the SDK passes them on', async () => {
    const { gate, pending } = gateOf();
    const { signal } = new AbortController();
    const client = new IAMClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
    client.middlewareStack.add(gateCalls(gate, 'background'), { step: 'initialize', priority: 'high' });
    client.middlewareStack.add(() => async () => ({ response: {}, output: { $metadata: {} } }), { step: 'initialize' });
    await client.send(new ListRolesCommand({}), { abortSignal: signal });
    expect(pending).toEqual([{ operation: 'ListRoles', priority: 'background', signal }]);
    expect(pending[0]?.signal).toBe(signal);
  });

  test('works for a call without a signal', async () => {
    const { gate, pending } = gateOf();
    await expect(gateCalls(gate, 'user')(() => Promise.resolve('output'), {})({})).resolves.toBe('output');
    expect(pending[0]?.signal.aborted).toBe(false);
  });
});
