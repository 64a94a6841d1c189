import { IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import { awsError } from '../../test/support/builders.ts';
import type { PendingCall } from './call-gate.ts';
import { type AwsCall, CLIENT_OPTIONS, gateCalls, tellCalls } from './calls.ts';

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
  expect(await callsOf(next)).toEqual([{ service: 'iam', operation: 'CreateRole', code }]);
});

test('output and error pass through unchanged', async () => {
  const error = awsError('LimitExceeded');
  const tell = tellCalls('iam', () => {});
  await expect(tell(() => Promise.resolve('output'), {})({})).resolves.toBe('output');
  await expect(tell(() => Promise.reject(error), {})({})).rejects.toBe(error);
});

test('the SDK retries nothing, so that a quota error is sent once', () => {
  expect(CLIENT_OPTIONS.maxAttempts).toBe(1);
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
