import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { FaultEffect } from '../../dev/aws/faults.ts';
import { joinAccount, memberRoleArn } from '../../dev/stack/member-account.ts';
import {
  conditionOf,
  identity,
  newNamespace,
  provider,
  read,
  S3_READ,
  type StatusObject,
  untilReady,
  useStack,
} from '../support/stories.ts';

// What AWS can do to the operator: each fault in an account of its own, all at the same time, before the eyes of one process.
interface Row {
  readonly name: string;
  /** On which calls; default: all of IAM's. */
  readonly operation?: string;
  readonly effect: FaultEffect;
  readonly times?: number;
  readonly reason: string;
  readonly says: string;
  /** Most writes that are tried while the fault lasts. */
  readonly atMost: number;
  /** Whether it goes on by itself within a minute, or when somebody asks after the cause is gone. */
  readonly recovers: 'alone' | 'when asked';
}

const refusal = (code: string, status: number, message: string): FaultEffect => ({
  kind: 'error',
  code,
  status,
  message,
});
const DENIAL =
  'User: arn:aws:sts::1:assumed-role/operator/x is not authorized to perform: iam:CreateRole on resource: role because no identity-based policy allows the iam:CreateRole action';

const ROWS: readonly Row[] = [
  {
    name: 'a throttling storm [F27]',
    effect: { kind: 'throttle' },
    reason: 'Throttled',
    says: 'Rate exceeded',
    atMost: 12,
    recovers: 'alone',
  },
  {
    name: 'internal errors [F28]',
    effect: refusal('ServiceFailure', 500, 'The request processing has failed'),
    reason: 'AwsUnreachable',
    says: 'The request processing has failed',
    atMost: 12,
    recovers: 'alone',
  },
  {
    name: 'a call that takes effect after its caller has given up [F26]',
    operation: 'CreateRole',
    effect: { kind: 'latency', ms: 20_000 },
    times: 2,
    reason: 'AwsUnreachable',
    says: 'CreateRole',
    atMost: 6,
    recovers: 'alone',
  },
  {
    name: 'a right that is missing [F32]',
    operation: 'CreateRole',
    effect: refusal('AccessDenied', 403, DENIAL),
    reason: 'AccessDenied',
    says: '"Action":"iam:CreateRole"',
    atMost: 2,
    recovers: 'when asked',
  },
  {
    name: 'a service control policy [F33]',
    operation: 'CreateRole',
    effect: { kind: 'deny' },
    reason: 'AccessDenied',
    says: 'service control policy',
    atMost: 2,
    recovers: 'when asked',
  },
  {
    name: 'credentials that have expired [F34]',
    effect: refusal('ExpiredToken', 403, 'The security token included in the request is expired'),
    reason: 'CredentialsExpired',
    says: 'credentials',
    atMost: 4,
    recovers: 'alone',
  },
  {
    name: 'a quota that is used up [F36]',
    operation: 'CreateRole',
    effect: refusal('LimitExceeded', 409, 'Cannot exceed quota for RolesPerAccount: 1000'),
    reason: 'QuotaExceeded',
    says: 'The quota RolesPerAccount of the account is 1000',
    atMost: 2,
    recovers: 'when asked',
  },
];

const accountOf = (index: number): string => `33334444550${index}`;
const STRANGER = accountOf(ROWS.length);
const LATE = accountOf(ROWS.length + 1);
const ACCOUNTS = [...ROWS.map((_, index) => accountOf(index)), STRANGER, LATE];
const stack = useStack({
  moreAccounts: ACCOUNTS,
  environment: { RESYNC_INTERVAL: '600', CONSISTENCY_WINDOW: '60' },
});
const nameOf = (accountId: string): string => `of-${accountId}`;
const providerOf = (accountId: string): object =>
  provider({ accountId, assumeRole: { roleArn: memberRoleArn(accountId) } }, nameOf(accountId));

let pid: number;
beforeAll(async () => {
  for (const account of ACCOUNTS) await joinAccount(stack(), account);
  const items = ACCOUNTS.filter((account) => account !== STRANGER).map(providerOf);
  await stack().kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  await stack().kubectl(['wait', 'aop', '--all', '--for=condition=Ready', '--timeout=90s']);
  pid = stack().operator.pid;
});
async function identityIn(accountId: string): Promise<string> {
  const namespace = await newNamespace(stack());
  const spec = { providerRef: { name: nameOf(accountId) }, role: { managedPolicyArns: [S3_READ] } };
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, spec));
  return namespace;
}

/** Writes of the operator to the roles of an account since a mark. */
const writesTo = (accountId: string, mark: number) =>
  stack()
    .aws.calls.since(mark)
    .filter(({ account, write, resource }) => account === accountId && write && resource.includes(':role/federated/'));

const readyOf = async (namespace: string): Promise<string | undefined> => {
  const object = await read<StatusObject>(stack(), 'afi/app', '-n', namespace);
  return conditionOf(object, 'Ready')?.reason;
};

test.concurrent.for(ROWS.map((row, index) => ({ ...row, account: accountOf(index) })))(
  '$name',
  { timeout: 300_000 },
  async ({ account, operation = '*', effect, times, reason, says, atMost, recovers }, { expect: expectHere }) => {
    const { aws, kubectl } = stack();
    const mark = aws.calls.mark();
    const fault = aws.faults.add({
      operation,
      match: (candidate) => candidate.service === 'iam' && candidate.account === account,
      ...(times === undefined ? {} : { times }),
      effect,
    });
    const namespace = await identityIn(account);
    await expectHere.poll(() => readyOf(namespace), { timeout: 90_000, interval: 300 }).toBe(reason);
    const told = conditionOf(await read(stack(), 'afi/app', '-n', namespace), 'Ready');
    expectHere(told).toMatchObject({ status: 'False', message: expect.stringContaining(says) });
    await sleep(8_000); // the fault lasts, and nobody hammers at AWS
    expectHere(writesTo(account, mark).length).toBeLessThanOrEqual(atMost);
    fault[Symbol.dispose]();
    if (recovers === 'when asked')
      await kubectl(['annotate', 'afi/app', '-n', namespace, 'federatedidentity.dev/requestedAt=now']);
    await expectHere.poll(() => readyOf(namespace), { timeout: 150_000, interval: 300 }).toBe('Succeeded');
    const done = writesTo(account, mark).filter(({ errorCode }) => errorCode === undefined);
    expectHere(done.map((call) => call.operation)).toEqual(['CreateRole', 'AttachRolePolicy']);
  },
);

test.concurrent(
  'reads that are 15 s late cost no second write [F29]',
  { timeout: 300_000 },
  async ({ expect: expectHere }) => {
    const { aws } = stack();
    const mark = aws.calls.mark();
    const effect = { kind: 'delayReads', ms: 15_000 } as const;
    using _late = aws.faults.add({ operation: '*', match: ({ account }) => account === LATE, effect });
    const namespace = await identityIn(LATE);
    await expectHere.poll(() => readyOf(namespace), { timeout: 150_000, interval: 300 }).toBe('Succeeded');
    expectHere(writesTo(LATE, mark).map(({ operation }) => operation)).toEqual(['CreateRole', 'AttachRolePolicy']);
  },
);

test.concurrent(
  'credentials of another account write nothing, until they are right [F35]',
  { timeout: 300_000 },
  async ({ expect: expectHere }) => {
    const { aws, kubectl } = stack();
    const mark = aws.calls.mark();
    const name = nameOf(STRANGER);
    const wrong = provider({ accountId: STRANGER, assumeRole: { roleArn: memberRoleArn(LATE) } }, name);
    await kubectl(['apply', '-f', '-'], wrong);
    const reason = async (): Promise<string | undefined> =>
      conditionOf(await read(stack(), `aop/${name}`), 'Ready')?.reason;
    await expectHere.poll(reason, { timeout: 60_000, interval: 300 }).toBe('WrongAccount');
    const namespace = await identityIn(STRANGER);
    await expectHere.poll(() => readyOf(namespace), { timeout: 60_000, interval: 300 }).toBe('ProviderNotReady');
    expectHere(writesTo(STRANGER, mark)).toEqual([]);
    await kubectl(['apply', '-f', '-'], providerOf(STRANGER));
    await untilReady(stack(), `aop/${name}`);
    await expectHere.poll(() => readyOf(namespace), { timeout: 150_000, interval: 300 }).toBe('Succeeded');
  },
);

test('all that was one process', async () => {
  const health = await fetch(`${stack().operator.url}/healthz`);
  expect([health.status, stack().operator.pid]).toEqual([200, pid]);
});
