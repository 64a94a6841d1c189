import { CreateRoleCommand, GetRoleCommand, IAMClient, ListRolesCommand } from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import { EC2_TRUST, errorOf, startWithAdmin } from './test-clients.ts';

const create = (name: string) => new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: EC2_TRUST });

describe('faults', () => {
  test('throttling strikes as often as it is told, and the SDK gets over it', async () => {
    await using setup = await startWithAdmin();
    const { aws, admin } = setup;
    aws.faults.add({ operation: 'ListRoles', times: 1, effect: { kind: 'throttle' } });
    expect(await errorOf(setup.iam.send(new ListRolesCommand({})))).toEqual({
      code: 'Throttling',
      status: 400,
      message: 'Rate exceeded',
    });
    aws.faults.add({
      operation: '*',
      times: 1,
      effect: { kind: 'error', code: 'ServiceFailure', status: 500, message: 'oops' },
    });
    const retrying = new IAMClient({ region: 'us-east-1', endpoint: aws.endpoint, credentials: admin });
    await retrying.send(new ListRolesCommand({}));
    expect(aws.calls.filter((call) => call.operation === 'ListRoles').map((call) => call.errorCode)).toEqual([
      'Throttling',
      'ServiceFailure',
      undefined,
    ]);
  });

  test('a dropped response does the work; the caller cannot know', async () => {
    await using setup = await startWithAdmin();
    setup.aws.faults.add({ operation: 'CreateRole', times: 1, effect: { kind: 'dropResponse' } });
    expect((await errorOf(setup.iam.send(create('r')))).status).toBeUndefined();
    expect(setup.aws.account().role('r')).toBeDefined();
    expect((await errorOf(setup.iam.send(create('r')))).code).toBe('EntityAlreadyExists');
  });

  test('each call asks whether it is done, and whether it is answered', async () => {
    await using setup = await startWithAdmin();
    const decisions = ['dropRequest', 'dropResponse', 'proceed'] as const;
    const asked: string[] = [];
    setup.aws.faults.add({
      operation: '*',
      effect: {
        kind: 'ask',
        decide: async ({ parameters: { RoleName = '' } }) => decisions[asked.push(RoleName) - 1] ?? 'proceed',
      },
    });
    for (const name of ['cut', 'unanswered'])
      expect((await errorOf(setup.iam.send(create(name)))).status).toBeUndefined();
    await setup.iam.send(create('made'));
    expect(asked).toEqual(['cut', 'unanswered', 'made']);
    expect(
      setup.aws
        .account()
        .roles()
        .map(({ name }) => name),
    ).toEqual(['made', 'unanswered']);
    expect(setup.aws.calls.filter(({ operation }) => operation === 'CreateRole')[0]?.errorCode).toBe('ConnectionCut');
  });

  test('delayed reads do not see young writes, writes do', async () => {
    let now = new Date('2026-11-24T12:00:00Z');
    await using setup = await startWithAdmin({ now: () => now });
    using _delay = setup.aws.faults.add({ operation: '*', effect: { kind: 'delayReads', ms: 5000 } });
    await setup.iam.send(create('r'));
    const get = () => setup.iam.send(new GetRoleCommand({ RoleName: 'r' }));
    expect((await errorOf(get())).code).toBe('NoSuchEntity');
    expect((await setup.iam.send(new ListRolesCommand({}))).Roles).toEqual([]);
    expect((await errorOf(setup.iam.send(create('r')))).code).toBe('EntityAlreadyExists');
    now = new Date(now.getTime() + 5000);
    expect((await get()).Role?.RoleName).toBe('r');
  });

  test('a denied action, only for the calls that match', async () => {
    await using setup = await startWithAdmin();
    setup.aws.faults.add({
      operation: 'CreateRole',
      match: ({ parameters }) => parameters['RoleName'] === 'a',
      effect: { kind: 'deny' },
    });
    await setup.iam.send(create('b'));
    const error = await errorOf(setup.iam.send(create('a')));
    expect(error).toMatchObject({ code: 'AccessDenied', status: 403 });
    expect(error.message).toMatch(/with an explicit deny in a service control policy$/);
  });

  test('latency and probability', async () => {
    const draws = [0.9, 0.1];
    await using setup = await startWithAdmin({ random: () => draws.shift() ?? 1 });
    setup.aws.faults.add({ operation: '*', probability: 0.5, effect: { kind: 'throttle' } });
    await setup.iam.send(new ListRolesCommand({}));
    expect((await errorOf(setup.iam.send(new ListRolesCommand({})))).code).toBe('Throttling');
    setup.aws.faults.clear();
    setup.aws.faults.add({ operation: '*', effect: { kind: 'latency', ms: 50 } });
    const start = performance.now();
    await setup.iam.send(new ListRolesCommand({}));
    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
  });
});

test('the call log tells who did what, brackets steps, and knows writes', async () => {
  await using setup = await startWithAdmin();
  const { aws, iam } = setup;
  await iam.send(new ListRolesCommand({}));
  const mark = aws.calls.mark();
  await iam.send(create('r'));
  await errorOf(iam.send(create('r')));
  await iam.send(new GetRoleCommand({ RoleName: 'r' }));
  expect(aws.calls.since(mark).map(({ operation, write, errorCode }) => [operation, write, errorCode])).toEqual([
    ['CreateRole', true, undefined],
    ['CreateRole', true, 'EntityAlreadyExists'],
    ['GetRole', false, undefined],
  ]);
  expect(aws.calls.writes()).toHaveLength(1);
  expect(aws.calls.writes()[0]).toMatchObject({
    service: 'iam',
    account: '111122223333',
    principal: 'arn:aws:iam::111122223333:user/admin',
    resource: 'arn:aws:iam::111122223333:role/r',
    parameters: { RoleName: 'r' },
  });
  aws.calls.clear();
  expect([...aws.calls]).toEqual([]);
});
