import { CreateRoleCommand, ListRolesCommand } from '@aws-sdk/client-iam';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { clientsOf, EC2_TRUST, errorOf, policyOf, startWithAdmin } from '../test-clients.ts';

const ACCOUNT = '111122223333';
const OTHER = '999988887777';

describe('AssumeRole', () => {
  /** A hub user in one account, a role in the other that trusts it with an external id. */
  async function twoAccounts() {
    const setup = await startWithAdmin({ accounts: [ACCOUNT, OTHER] });
    const { aws } = setup;
    const policy = policyOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: `arn:aws:iam::${OTHER}:role/*` });
    const hub = clientsOf(aws, aws.account(ACCOUNT).createUser('hub', policy));
    const target = aws.account(OTHER);
    await target.perform('CreateRole', {
      RoleName: 'operator',
      AssumeRolePolicyDocument: policyOf({
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/hub` },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': 'secret-id' } },
      }),
    });
    await target.perform('AttachRolePolicy', {
      RoleName: 'operator',
      PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
    });
    const assume = (input: Record<string, unknown> = {}) =>
      hub.sts.send(
        new AssumeRoleCommand({
          RoleArn: `arn:aws:iam::${OTHER}:role/operator`,
          RoleSessionName: 'hub',
          ExternalId: 'secret-id',
          ...input,
        }),
      );
    return { ...setup, hub, target, assume };
  }
  const refused = {
    code: 'AccessDenied',
    status: 403,
    message: `User: arn:aws:iam::${ACCOUNT}:user/hub is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::${OTHER}:role/operator`,
  };

  test('into another account acts there, and leaves this one alone', async () => {
    await using setup = await twoAccounts();
    const { Credentials } = await setup.assume();
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const remote = clientsOf(setup.aws, {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    });
    expect((await remote.sts.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      `arn:aws:sts::${OTHER}:assumed-role/operator/hub`,
    );
    await remote.iam.send(new CreateRoleCommand({ RoleName: 'made', AssumeRolePolicyDocument: EC2_TRUST }));
    expect(setup.target.role('made')?.arn).toBe(`arn:aws:iam::${OTHER}:role/made`);
    expect(setup.aws.account(ACCOUNT).roles()).toEqual([]);

    const chained = remote.sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${OTHER}:role/operator`,
        RoleSessionName: 'two',
        DurationSeconds: 3601,
      }),
    );
    expect((await errorOf(chained)).message).toContain('role chaining');

    await setup.target.perform('PutRolePermissionsBoundary', {
      RoleName: 'operator',
      PermissionsBoundary: 'arn:aws:iam::aws:policy/AmazonS3FullAccess',
    });
    expect((await errorOf(remote.iam.send(new ListRolesCommand({})))).message).toBe(
      `User: arn:aws:sts::${OTHER}:assumed-role/operator/hub is not authorized to perform: iam:ListRoles on resource: * because no permissions boundary allows the iam:ListRoles action`,
    );
  });

  test.each([
    { name: 'without the external id', input: { ExternalId: undefined } },
    { name: 'with another external id', input: { ExternalId: 'guess' } },
  ])('is refused $name', async ({ input }) => {
    await using setup = await twoAccounts();
    expect(await errorOf(setup.assume(input))).toEqual(refused);
  });

  test('is refused when the trust policy names somebody else, in the same words', async () => {
    await using setup = await twoAccounts();
    await setup.target.perform('UpdateAssumeRolePolicy', { RoleName: 'operator', PolicyDocument: EC2_TRUST });
    expect(await errorOf(setup.assume())).toEqual(refused);
  });

  test('what the double does not have is refused, not ignored', async () => {
    await using setup = await twoAccounts();
    const error = await errorOf(setup.assume({ Tags: [{ Key: 'a', Value: 'b' }] }));
    expect(error).toMatchObject({ code: 'NotImplemented', status: 501 });
  });

  test('a session policy narrows the session', async () => {
    await using setup = await twoAccounts();
    setup.target.createBucket('data');
    const { Credentials } = await setup.assume({
      Policy: policyOf({ Effect: 'Allow', Action: 'iam:*', Resource: '*' }),
    });
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const remote = clientsOf(setup.aws, {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    });
    await remote.iam.send(new ListRolesCommand({}));
    expect((await errorOf(remote.s3.send(new ListObjectsV2Command({ Bucket: 'data' })))).message).toMatch(
      /because no session policy allows the s3:ListBucket action$/,
    );
  });
});
