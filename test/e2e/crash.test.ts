import { expect, test } from 'vitest';
import { identity, newNamespace, provider, read, S3_READ, untilReady, useStack } from '../support/stories.ts';

// Promise 2: a crash or a lost response at any write loses nothing and makes nothing twice.
const stack = useStack();

const WRITES = ['CreateRole', 'PutRolePolicy', 'AttachRolePolicy'] as const;
const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] };
const role = { managedPolicyArns: [S3_READ], inlinePolicies: [{ name: 'inline', document }] };

/** What must be there in the end, whatever happened on the way. */
async function expectOneRole(namespace: string): Promise<void> {
  const { account } = stack();
  await untilReady(stack(), 'afi/app', namespace);
  const [made, ...others] = account.roles().filter(({ name }) => name.startsWith(namespace));
  expect(others).toEqual([]);
  const { status } = await read(stack(), 'afi/app', '-n', namespace);
  expect([status?.roleArn, status?.roleId]).toEqual([made?.arn, made?.id]);
  const attached = await account.perform('ListAttachedRolePolicies', { RoleName: made?.name });
  expect(JSON.stringify(attached)).toContain(S3_READ);
  const inline = await account.perform('ListRolePolicies', { RoleName: made?.name });
  expect(JSON.stringify(inline)).toContain('inline');
}

async function expectNothingLeft(namespace: string): Promise<void> {
  const { kubectl, account } = stack();
  await kubectl(['wait', 'afi/app', '-n', namespace, '--for=delete', '--timeout=60s']);
  expect(account.roles().filter(({ name }) => name.startsWith(namespace))).toEqual([]);
}

/** Resolves once the operator has a call of this operation under way that does not end for a while. */
async function killedDuring(operation: string, begin: () => Promise<unknown>): Promise<void> {
  const { aws, restartOperator } = stack();
  const mark = aws.calls.mark();
  const slow = aws.faults.add({ operation, times: 1, effect: { kind: 'latency', ms: 1_500 } });
  await begin();
  await new Promise((resolve) => setTimeout(resolve, 900));
  await restartOperator({ graceMs: 0 });
  slow[Symbol.dispose]();
  expect(aws.calls.since(mark).length).toBeGreaterThan(0);
}

test.each(WRITES)('the response to %s is lost', async (operation) => {
  const { kubectl, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  aws.faults.add({ operation, times: 1, effect: { kind: 'dropResponse' } });
  await kubectl(['apply', '-f', '-'], identity(namespace, { role }));
  await expectOneRole(namespace);
});

test.each(WRITES)('the process is killed during %s', async (operation) => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  await killedDuring(operation, () => kubectl(['apply', '-f', '-'], identity(namespace, { role })));
  await expectOneRole(namespace);
});

test.each(['DetachRolePolicy', 'DeleteRolePolicy', 'DeleteRole'])(
  'on deletion, the response to %s is lost',
  async (operation) => {
    const { kubectl, aws } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], provider());
    await kubectl(['apply', '-f', '-'], identity(namespace, { role }));
    await untilReady(stack(), 'afi/app', namespace);
    aws.faults.add({ operation, times: 1, effect: { kind: 'dropResponse' } });
    await kubectl(['delete', 'afi/app', '-n', namespace, '--wait=false']);
    await expectNothingLeft(namespace);
  },
);

test.each(['DetachRolePolicy', 'DeleteRole'])('on deletion, the process is killed during %s', async (operation) => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role }));
  await untilReady(stack(), 'afi/app', namespace);
  await killedDuring(operation, () => kubectl(['delete', 'afi/app', '-n', namespace, '--wait=false']));
  await expectNothingLeft(namespace);
});
