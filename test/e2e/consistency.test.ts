import { expect, test } from 'vitest';
import {
  identity,
  newNamespace,
  operatorCalls,
  provider,
  S3_READ,
  SQS_READ,
  untilReady,
  useStack,
} from '../support/stories.ts';

// IAM's reads, and STS, do not see what was written in the last seconds. Nobody may take that for drift.
const stack = useStack({ environment: { CONSISTENCY_WINDOW: '60' } });
const DELAY_MS = 5_000;

test('a write that cannot be read yet is neither drift nor a reason to write again, and propagation is no failure [F29 F30]', async () => {
  const { kubectl, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  aws.faults.add({ operation: '*', effect: { kind: 'delayReads', ms: DELAY_MS } });
  const mark = aws.calls.mark();
  const writes = (): readonly string[] =>
    operatorCalls(stack(), mark)
      .filter(({ write, resource }) => write && resource.includes(':role/'))
      .map(({ operation }) => operation);
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  expect(writes()).toEqual(['CreateRole', 'AttachRolePolicy']);

  // A change while the first write is still invisible: planned from what was written, not from what is read.
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [SQS_READ] } }));
  await kubectl(['wait', 'afi/app', '-n', namespace, '--for=jsonpath={.status.observedGeneration}=2', '--timeout=30s']);
  await untilReady(stack(), 'afi/app', namespace);
  expect(writes()).toEqual(['CreateRole', 'AttachRolePolicy', 'DetachRolePolicy', 'AttachRolePolicy']);

  const sweeps = (): number =>
    aws.calls.since(mark).filter(({ operation }) => operation === 'GetAccountAuthorizationDetails').length;
  const before = sweeps();
  await expect.poll(sweeps, { timeout: 30_000 }).toBeGreaterThanOrEqual(before + 2);
  expect(writes()).toHaveLength(4);
});
