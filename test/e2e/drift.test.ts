import { beforeAll, describe, expect, test } from 'vitest';
import {
  identity,
  newNamespace,
  operatorCalls,
  provider,
  read,
  S3_READ,
  SQS_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

const stack = useStack();
const BOUNDARY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

const allow = (action: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });

const role = {
  managedPolicyArns: [S3_READ],
  inlinePolicies: [{ name: 'inline', document: allow('s3:GetObject') }],
  permissionsBoundaryArn: BOUNDARY,
  description: 'as the spec says',
  maxSessionDurationSeconds: 7200,
  tags: { team: 'reports' },
};

const anyone = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'sts:AssumeRole' }],
});

/** Each field of the role, changed by hand, and the one call that repairs it. */
const CHANGES = [
  {
    field: 'role.managedPolicyArns',
    change: ['AttachRolePolicy', { PolicyArn: SQS_READ }],
    repair: 'DetachRolePolicy',
  },
  { field: 'role.managedPolicyArns', change: ['DetachRolePolicy', { PolicyArn: S3_READ }], repair: 'AttachRolePolicy' },
  {
    field: 'role.inlinePolicies[inline]',
    change: ['PutRolePolicy', { PolicyName: 'inline', PolicyDocument: allow('*') }],
    repair: 'PutRolePolicy',
  },
  {
    field: 'role.inlinePolicies[other]',
    change: ['PutRolePolicy', { PolicyName: 'other', PolicyDocument: allow('*') }],
    repair: 'DeleteRolePolicy',
  },
  {
    field: 'role.trustPolicy',
    change: ['UpdateAssumeRolePolicy', { PolicyDocument: anyone }],
    repair: 'UpdateAssumeRolePolicy',
  },
  {
    field: 'role.permissionsBoundaryArn',
    change: ['DeleteRolePermissionsBoundary', {}],
    repair: 'PutRolePermissionsBoundary',
  },
  { field: 'role.description', change: ['UpdateRole', { Description: 'by hand' }], repair: 'UpdateRole' },
  {
    field: 'role.maxSessionDurationSeconds',
    change: ['UpdateRole', { MaxSessionDuration: '3600' }],
    repair: 'UpdateRole',
  },
  {
    field: 'role.tags',
    change: ['TagRole', { 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': 'others' }],
    repair: 'TagRole',
  },
  { field: 'role.tags', change: ['UntagRole', { 'TagKeys.member.1': 'federatedidentity.dev/uid' }], repair: 'TagRole' },
] as const;

describe.each([{ managementPolicy: 'Manage' }, { managementPolicy: 'Observe' }] as const)(
  'under $managementPolicy',
  ({ managementPolicy }) => {
    let namespace = '';
    let RoleName = '';

    // One identity for each change, so that all of them are found by the same few sweeps.
    const names = CHANGES.map((_, index) => `app-${index}`);
    const roleNames = new Map<string, string>();

    beforeAll(async () => {
      const { kubectl } = stack();
      namespace = await newNamespace(stack());
      await kubectl(['apply', '-f', '-'], provider());
      await kubectl(['apply', '-f', '-'], {
        apiVersion: 'v1',
        kind: 'List',
        items: names.map((name) => identity(namespace, { role }, name)),
      });
      await kubectl(['wait', 'afi', '--all', '-n', namespace, '--for=condition=Ready', '--timeout=60s']);
      if (managementPolicy === 'Observe') {
        for (const name of names)
          await kubectl([
            'patch',
            `afi/${name}`,
            '-n',
            namespace,
            '--type=merge',
            '-p',
            '{"spec":{"managementPolicy":"Observe"}}',
          ]);
      }
      for (const name of names) {
        roleNames.set(
          name,
          (await read(stack(), `afi/${name}`, '-n', namespace)).status?.roleArn?.split('/').at(-1) ?? '',
        );
      }
      await stack().restartOperator(); // it forgets its own writes, within whose window it would not look
    });

    test.each(CHANGES.map((change, index) => ({ ...change, name: names[index] ?? '' })))(
      '$change.0 by hand shows as $field [F39 S17]',
      async ({ name, field, change: [operation, parameters], repair }) => {
        const { account, aws } = stack();
        RoleName = roleNames.get(name) ?? '';
        const before = account.role(RoleName);
        await account.perform(operation, { RoleName, ...parameters });
        const mark = aws.calls.mark();
        const writes = (): readonly string[] =>
          operatorCalls(stack(), mark)
            .filter(({ write, resource }) => write && resource.endsWith(`/${RoleName}`))
            .map((call) => call.operation);
        if (managementPolicy === 'Manage') {
          await expect.poll(writes, { timeout: 30_000, interval: 200 }).toEqual([repair]);
          expect(account.role(RoleName)).toMatchObject({ tags: before?.tags, description: before?.description });
        } else {
          const object = await untilReason(stack(), [`afi/${name}`, '-n', namespace], 'Synced', 'DriftDetected');
          expect(object.status?.drift?.map(({ path }) => path)).toEqual([field]);
          expect(writes()).toEqual([]);
        }
      },
    );

    test('a role that was deleted by hand is made anew, or reported [F40]', async () => {
      const { account, kubectl } = stack();
      const before = names[0] ?? '';
      const name = roleNames.get(before) ?? '';
      for (const PolicyArn of [S3_READ, SQS_READ])
        await account.perform('DetachRolePolicy', { RoleName: name, PolicyArn }).catch(() => undefined);
      await account.perform('DeleteRolePolicy', { RoleName: name, PolicyName: 'inline' });
      await account.perform('DeleteRole', { RoleName: name });
      if (managementPolicy === 'Manage') {
        await expect.poll(() => account.role(name)?.name, { timeout: 90_000, interval: 500 }).toBe(name);
        await untilReady(stack(), `afi/${before}`, namespace);
      } else {
        await untilReason(stack(), [`afi/${before}`, '-n', namespace], 'RoleReady', 'DriftDetected');
        await kubectl(['delete', `afi/${before}`, '-n', namespace, '--timeout=30s']);
      }
    });
  },
);
