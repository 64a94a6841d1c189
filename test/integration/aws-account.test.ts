import { afterEach, describe, expect, test, vi } from 'vitest';
import { type LocalAws, startLocalAws } from '../../dev/aws/local-aws.ts';
import { ADMIN_POLICY, EC2_TRUST, policyOf } from '../../dev/aws/test-clients.ts';
import { type AwsAccount, awsAccounts, requireAccount } from '../../src/iam/account.ts';
import { AccountId, PolicyArn, RoleArn, RoleName, RolePath } from '../../src/iam/arn.ts';
import type { AwsCall } from '../../src/iam/calls.ts';
import type { AccountConnection } from '../../src/iam/clients.ts';
import { desiredRole, policyArn, thrownBy } from '../support/builders.ts';
import { manualClock } from '../support/manual-clock.ts';

// The whole way from our own words to the wire, with the real SDK, against the local AWS: accounts and roles to assume,
// rate, breaker and fence. What each call costs is read from AWS's log; time is the test's.

const HUB = AccountId.parse('111122223333');
const TARGET = AccountId.parse('999988887777');
const OPERATOR_ROLE = RoleArn.parse(`arn:aws:iam::${TARGET}:role/operator`);
const NAME = RoleName.parse('reports');
const MINUTE = 60_000;

const signal = (): AbortSignal => new AbortController().signal;

const QUERY = { pathPrefix: RolePath.parse('/federated/'), names: new Set([NAME]), isMarked: () => false };

afterEach(() => void vi.unstubAllEnvs());

interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The operator's own credentials, as the SDK's chain finds them. */
function useKey({ accessKeyId, secretAccessKey }: Key): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
}

/** Two accounts: an operator with a key in the first, and a role in the second that trusts it with an external id. */
async function scene() {
  const aws = await startLocalAws({ accounts: [HUB, TARGET], issuers: { resolve: {}, caCertificates: [] } });
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  for (const name of ['AWS_SESSION_TOKEN', 'AWS_PROFILE', 'AWS_ROLE_ARN']) vi.stubEnv(name, undefined);
  useKey(aws.account(HUB).createUser('operator', ADMIN_POLICY));
  const target = aws.account(TARGET);
  const trust = policyOf({
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${HUB}:user/operator` },
    Action: 'sts:AssumeRole',
    Condition: { StringEquals: { 'sts:ExternalId': 'external-1' } },
  });
  await target.perform('CreateRole', { RoleName: 'operator', AssumeRolePolicyDocument: trust });
  await target.perform('AttachRolePolicy', {
    RoleName: 'operator',
    PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
  });
  const told: AwsCall[] = [];
  const leadership = { isLost: false };
  const clock = manualClock();
  const accounts = awsAccounts({
    clock,
    callsPerSecond: 10,
    onCall: (call) => told.push(call),
    fence: () => {
      if (leadership.isLost) throw new Error('not the leader');
    },
  });
  aws.calls.clear();
  return { aws, accounts, clock, leadership, told, [Symbol.asyncDispose]: () => aws.close() };
}

const connection = (fields: Partial<AccountConnection> = {}): AccountConnection => ({
  accountId: HUB,
  region: 'eu-west-1',
  ...fields,
});
const assumed = (externalId: string | undefined): AccountConnection =>
  connection({ accountId: TARGET, assumeRole: { roleArn: OPERATOR_ROLE, externalId } });

const operations = (aws: LocalAws): readonly string[] => [...aws.calls].map(({ operation }) => operation);

describe('a role of another account', () => {
  test('is assumed with the external id, once for all calls, and what is made is made there', async () => {
    await using setup = await scene();
    const { accounts, aws, told } = setup;
    const account = accounts.of(assumed('external-1'));
    const caller = await requireAccount(account, TARGET, signal());
    expect(caller).toEqual({
      arn: `arn:aws:sts::${TARGET}:assumed-role/operator/federated-identity-operator`,
      account: TARGET,
      partition: 'aws',
    });
    await account.roles.create(desiredRole({ name: NAME }), signal());
    await account.background.inventory.roles(QUERY, signal());
    expect(aws.account(TARGET).role(NAME)).toBeDefined();
    expect(aws.account(HUB).roles()).toEqual([]);
    const calls = ['AssumeRole', 'GetCallerIdentity', 'CreateRole', 'ListRoles', 'GetAccountAuthorizationDetails'];
    expect(operations(aws)).toEqual(calls);
    expect(told.map(({ operation }) => operation)).toEqual(calls);
    expect(told[0]).toMatchObject({ service: 'sts', operation: 'AssumeRole', code: 'OK' });
  });

  test.each([
    { name: 'another external id', externalId: 'external-2' },
    { name: 'no external id', externalId: undefined },
  ])('is refused with $name: the message says what to change, and a hundred attempts cost one call', async (row) => {
    await using setup = await scene();
    const { accounts, aws, clock } = setup;
    const account = accounts.of(assumed(row.externalId));
    const errors: unknown[] = [];
    for (let attempt = 0; attempt < 100; attempt += 1) {
      errors.push(await thrownBy(() => requireAccount(account, TARGET, signal())));
    }
    expect(errors[0]).toMatchObject({
      reason: 'AccessDenied',
      message: expect.stringContaining(
        `The trust policy of that role must name arn:aws:iam::${HUB}:user/operator, with the externalId of spec.assumeRole`,
      ),
    });
    expect(new Set(errors).size).toBe(1);
    expect(operations(aws)).toEqual(['AssumeRole']);
    await clock.advance(MINUTE);
    await thrownBy(() => requireAccount(account, TARGET, signal()));
    expect(operations(aws)).toHaveLength(2);
  });

  test('has a session of its own for each connection, and equal connections share one', async () => {
    await using setup = await scene();
    const { accounts } = setup;
    const account = accounts.of(assumed('external-1'));
    expect(accounts.of(assumed('external-1'))).toBe(account);
    expect(accounts.of(assumed('external-2'))).not.toBe(account);
    expect(accounts.of(connection({ accountId: TARGET }))).not.toBe(account);
    expect(accounts.of({ ...assumed('external-1'), region: 'us-east-1' })).not.toBe(account);
  });
});

describe('credentials', () => {
  test('of another account write nothing, even if nobody asks whose they are [F35]', async () => {
    await using setup = await scene();
    const { accounts, aws } = setup;
    const account = accounts.of(connection({ accountId: TARGET }));
    expect(await thrownBy(() => account.roles.create(desiredRole({ name: NAME }), signal()))).toMatchObject({
      reason: 'WrongAccount',
      message: expect.stringContaining(`belong to account ${HUB}, but spec.accountId is ${TARGET}`),
    });
    expect(operations(aws)).toEqual(['GetCallerIdentity']);
  });

  test('that AWS does not know cost one call for a hundred attempts; new ones are found by the next probe [F34]', async () => {
    await using setup = await scene();
    const { accounts, aws, clock } = setup;
    useKey({ accessKeyId: 'AKIAGONE', secretAccessKey: 'gone' });
    const account = accounts.of(connection());
    const attempt = () => thrownBy(() => account.roles.getSettings(NAME, signal()));
    const errors = new Set(await Promise.all(Array.from({ length: 50 }, attempt)));
    for (let more = 0; more < 50; more += 1) errors.add(await attempt());
    expect(errors.size).toBe(1);
    expect([...errors][0]).toMatchObject({ reason: 'CredentialsExpired' });
    expect([...aws.calls].map(({ errorCode }) => errorCode)).toEqual(['InvalidClientTokenId']);

    useKey(aws.account(HUB).createUser('operator', ADMIN_POLICY));
    await attempt();
    expect(aws.calls).toHaveLength(1);
    await clock.advance(MINUTE);
    expect(await account.roles.getSettings(NAME, signal())).toBeUndefined();
    expect(await account.roles.getSettings(NAME, signal())).toBeUndefined();
  });

  test('that were good once and are refused now fail at the first step of each reconcile, with one call a minute', async () => {
    await using setup = await scene();
    const { accounts, aws, clock } = setup;
    const account = accounts.of(connection());
    const reconcile = async (): Promise<unknown> => {
      await requireAccount(account, HUB, signal());
      return account.roles.getSettings(NAME, signal());
    };
    await reconcile();
    const effect = { kind: 'error', code: 'InvalidClientTokenId', status: 403, message: 'invalid' } as const;
    using fault = aws.faults.add({ operation: '*', effect });
    aws.calls.clear();
    for (let attempt = 0; attempt < 100; attempt += 1) await thrownBy(reconcile);
    expect(operations(aws)).toEqual(['GetRole']);
    await clock.advance(MINUTE);
    const errors = await Promise.all(Array.from({ length: 100 }, () => thrownBy(reconcile)));
    expect(errors[0]).toMatchObject({ reason: 'CredentialsExpired' });
    expect(operations(aws)).toEqual(['GetRole', 'GetCallerIdentity']);
    fault[Symbol.dispose]();
    await clock.advance(MINUTE);
    await reconcile();
    expect(operations(aws).slice(2)).toEqual(['GetCallerIdentity', 'GetRole']);
  });

  test('that are revoked while in use are renewed from their source, and the call succeeds [F34]', async () => {
    await using setup = await scene();
    const { accounts, aws } = setup;
    const account = accounts.of(assumed('external-1'));
    await account.roles.getSettings(NAME, signal());
    aws.faults.add({
      operation: 'GetRole',
      times: 1,
      effect: { kind: 'error', code: 'ExpiredToken', status: 403, message: 'The security token is expired' },
    });
    aws.calls.clear();
    expect(await account.roles.getSettings(NAME, signal())).toBeUndefined();
    expect(operations(aws)).toEqual(['GetRole', 'AssumeRole', 'GetCallerIdentity', 'GetRole']);
  });
});

/** Callers that ask without a pause, as many reconciles would; each waits for its turn only. */
function demand(account: AwsAccount, stop: AbortSignal): Promise<unknown> {
  const caller = async (): Promise<void> => {
    while (!stop.aborted) await account.roles.getSettings(NAME, stop).catch(() => 'throttled');
  };
  return Promise.all(Array.from({ length: 8 }, caller));
}

describe('a throttling storm', () => {
  test('slows all connections of the account to a call a second, and is over within two minutes [F27]', async () => {
    await using setup = await scene();
    const { accounts, aws, clock } = setup;
    const accountsOfHub = [accounts.of(connection()), accounts.of(connection({ region: 'us-east-1' }))];
    const rate = () => accounts.rates().get(HUB) ?? { callsPerSecond: 0, tokens: 0, waiting: 0 };
    const stop = new AbortController();
    using _storm = aws.faults.add({ operation: 'GetRole', effect: { kind: 'throttle' } });
    const all = accountsOfHub.map((account) => demand(account, stop.signal));
    /** Goes on in steps of 100 ms; in each, all calls that may start have been answered. */
    const pass = async (ms: number): Promise<number> => {
      const before = aws.calls.length;
      for (let passed = 0; passed < ms; passed += 100) {
        await vi.waitUntil(() => rate().waiting === 16, { timeout: 30_000, interval: 1 });
        await clock.advance(100);
      }
      return aws.calls.length - before;
    };
    await pass(30_000);
    expect(rate().callsPerSecond).toBe(0.5);
    expect(await pass(30_000)).toBeLessThanOrEqual(30);

    aws.faults.clear();
    await pass(2 * MINUTE);
    expect(rate().callsPerSecond).toBeGreaterThanOrEqual(8);
    stop.abort();
    await Promise.all(all);
    expect(rate().waiting).toBe(0);
    expect(clock.timers).toBe(0);
  });

  test('leaves other accounts alone, and is told to the queue as Throttled', async () => {
    await using setup = await scene();
    const { accounts, aws } = setup;
    const [hub, target] = [accounts.of(connection()), accounts.of(assumed('external-1'))];
    await target.roles.getSettings(NAME, signal());
    aws.faults.add({ operation: 'GetRole', times: 1, effect: { kind: 'throttle' } });
    expect(await thrownBy(() => hub.roles.getSettings(NAME, signal()))).toMatchObject({
      reason: 'Throttled',
      disposition: { kind: 'retryable' },
    });
    expect(accounts.rates().get(HUB)?.callsPerSecond).toBe(5);
    expect(accounts.rates().get(TARGET)?.callsPerSecond).toBe(10);
  });
});

test('a change overtakes the sweep when calls have to wait', async () => {
  await using setup = await scene();
  const { accounts, aws, clock } = setup;
  const account = accounts.of(connection());
  await Promise.all(Array.from({ length: 20 }, () => account.roles.getSettings(NAME, signal())));
  aws.calls.clear();
  const sweep = account.background.inventory.roles(QUERY, signal());
  const change = account.roles.create(desiredRole({ name: NAME }), signal());
  await vi.waitUntil(() => accounts.rates().get(HUB)?.waiting === 2, { timeout: 30_000, interval: 1 });
  await clock.advance(100);
  await change;
  await vi.waitUntil(() => accounts.rates().get(HUB)?.waiting === 1, { timeout: 30_000, interval: 1 });
  await clock.advance(100);
  await vi.waitUntil(() => accounts.rates().get(HUB)?.waiting === 1 && aws.calls.length === 2, {
    timeout: 30_000,
    interval: 1,
  });
  await clock.advance(100);
  await sweep;
  expect(operations(aws)).toEqual(['CreateRole', 'ListRoles', 'GetAccountAuthorizationDetails']);
});

test('a quota is asked about once, and its number is told [F36]', async () => {
  await using setup = await scene();
  const { accounts, aws } = setup;
  await aws.account(HUB).perform('CreateRole', { RoleName: NAME, AssumeRolePolicyDocument: EC2_TRUST });
  aws.account(HUB).setQuotas({ attachedPoliciesPerRole: 1 });
  const account = accounts.of(connection());
  await account.roles.attachPolicy(NAME, policyArn('AmazonS3ReadOnlyAccess'), signal());
  aws.calls.clear();
  const second = PolicyArn.parse('arn:aws:iam::aws:policy/AmazonS3FullAccess');
  expect(await thrownBy(() => account.roles.attachPolicy(NAME, second, signal()))).toMatchObject({
    reason: 'QuotaExceeded',
    disposition: { kind: 'terminal' },
    message: expect.stringContaining('The quota PoliciesPerRole of the account is 1'),
  });
  expect(operations(aws)).toEqual(['AttachRolePolicy']);
  expect(accounts.rates().get(HUB)?.callsPerSecond).toBe(10);
});

test('AccessDenied names action and statement, and tells an SCP apart [F32 F33]', async () => {
  await using setup = await scene();
  const { accounts, aws } = setup;
  useKey(aws.account(HUB).createUser('narrow', policyOf({ Effect: 'Allow', Action: 'iam:GetRole', Resource: '*' })));
  const account = accounts.of(connection());
  const create = () => thrownBy(() => account.roles.create(desiredRole({ name: NAME }), signal()));
  const arn = `arn:aws:iam::${HUB}:role/federated/${NAME}`;
  expect(await create()).toMatchObject({
    reason: 'AccessDenied',
    message: expect.stringContaining(
      `Add to the policies of arn:aws:iam::${HUB}:user/narrow: {"Effect":"Allow","Action":"iam:CreateRole","Resource":"${arn}"}.`,
    ),
  });
  aws.faults.add({ operation: 'CreateRole', effect: { kind: 'deny' } });
  expect(await create()).toMatchObject({
    reason: 'AccessDenied',
    disposition: { kind: 'waiting' },
    message: expect.stringContaining('A service control policy (SCP) of the AWS organization denies it explicitly'),
  });
});

test('without leadership reads go on, and no write leaves the process [F14]', async () => {
  await using setup = await scene();
  const { accounts, aws, leadership } = setup;
  const account = accounts.of(connection());
  leadership.isLost = true;
  expect(await account.roles.getSettings(NAME, signal())).toBeUndefined();
  await expect(account.roles.create(desiredRole({ name: NAME }), signal())).rejects.toThrow('not the leader');
  expect(operations(aws)).toEqual(['GetCallerIdentity', 'GetRole']);
});
