import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetAccountAuthorizationDetailsCommand,
  GetAccountSummaryCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesForRoleCommand,
  ListRolesCommand,
  ListRoleTagsCommand,
  paginateListRoles,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import { ADMIN_POLICY, EC2_TRUST, errorOf, policyOf, startWithAdmin } from '../test-clients.ts';

const READ_S3 = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
const trust = (statement: Record<string, unknown>) =>
  policyOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' }, ...statement });
const create = (iam: IAMClient, name: string, rest: Record<string, unknown> = {}) =>
  iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: EC2_TRUST, ...rest }));

const conflict = (what: string) => ({ code: 'DeleteConflict', status: 409, message: `Cannot delete entity, ${what}` });

describe('what roles answer', () => {
  test('CreateRole echoes tags and boundary but neither Description nor MaxSessionDuration; GetRole has all', async () => {
    await using setup = await startWithAdmin();
    const { iam, aws } = setup;
    const boundary = await aws.account().createPolicy('boundary', ADMIN_POLICY, { path: '/irsa/' });
    const given = {
      Path: '/irsa/',
      Description: 'd',
      MaxSessionDuration: 7200,
      PermissionsBoundary: boundary,
      Tags: [{ Key: 'a', Value: '' }],
    };
    const created = (await create(iam, 'r', given)).Role;
    expect(created).toEqual({
      Path: '/irsa/',
      RoleName: 'r',
      RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/),
      Arn: 'arn:aws:iam::111122223333:role/irsa/r',
      CreateDate: expect.any(Date),
      AssumeRolePolicyDocument: encodeURIComponent(EC2_TRUST),
      PermissionsBoundary: { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: boundary },
      Tags: [{ Key: 'a', Value: '' }],
    });
    const read = (await iam.send(new GetRoleCommand({ RoleName: 'R' }))).Role;
    expect(read).toEqual({ ...created, Description: 'd', MaxSessionDuration: 7200, RoleLastUsed: {} });
    const listed = (await iam.send(new ListRolesCommand({ PathPrefix: '/ir' }))).Roles;
    const { Tags: _tags, PermissionsBoundary: _boundary, ...rest } = created ?? {};
    expect(listed).toEqual([{ ...rest, Description: 'd', MaxSessionDuration: 7200 }]);
    const details = await iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ['Role'] }));
    expect(details.RoleDetailList?.[0]).toMatchObject({
      RoleName: 'r',
      PermissionsBoundary: created?.PermissionsBoundary,
    });
    expect(details.RoleDetailList?.[0]).not.toHaveProperty('Description');
  });

  test('documents come back percent-encoded, byte for byte as sent, with one level of encoding', async () => {
    await using setup = await startWithAdmin();
    await create(setup.iam, 'r');
    const document =
      '{ "Version": "2012-10-17",\n "Statement": {"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::b/100%25*(\'x\')"}}';
    await setup.iam.send(new PutRolePolicyCommand({ RoleName: 'r', PolicyName: 'p', PolicyDocument: document }));
    const { PolicyDocument = '' } = await setup.iam.send(new GetRolePolicyCommand({ RoleName: 'r', PolicyName: 'p' }));
    expect(PolicyDocument).not.toMatch(/[^\w.~%-]/);
    expect(decodeURIComponent(PolicyDocument)).toBe(document);
    const version = await setup.iam.send(new GetPolicyVersionCommand({ PolicyArn: READ_S3, VersionId: 'v1' }));
    expect(JSON.parse(decodeURIComponent(version.PolicyVersion?.Document ?? ''))).toMatchObject({
      Version: '2012-10-17',
    });
  });

  test('an account id as principal is stored as the root ARN', async () => {
    await using setup = await startWithAdmin();
    await create(setup.iam, 'r', { AssumeRolePolicyDocument: trust({ Principal: { AWS: '999988887777' } }) });
    const { Role } = await setup.iam.send(new GetRoleCommand({ RoleName: 'r' }));
    expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '')).toContain('"arn:aws:iam::999988887777:root"');
  });

  test('UpdateRole merges: what is absent stays, an empty Description clears', async () => {
    await using setup = await startWithAdmin();
    const { iam, aws } = setup;
    await create(iam, 'r', { Description: 'd' });
    await iam.send(new UpdateRoleCommand({ RoleName: 'r', MaxSessionDuration: 7200 }));
    expect(aws.account().role('r')).toMatchObject({ description: 'd', maxSessionDuration: 7200 });
    await iam.send(new UpdateRoleCommand({ RoleName: 'r', Description: '' }));
    expect(aws.account().role('r')).toMatchObject({ description: undefined, maxSessionDuration: 7200 });
  });

  test('DeleteRole asks for profiles, then attachments, then inline policies to go first', async () => {
    await using setup = await startWithAdmin();
    const { iam, aws } = setup;
    await create(iam, 'r');
    aws.account().addToInstanceProfile('r', 'node');
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'r', PolicyArn: READ_S3 }));
    await iam.send(new AttachRolePolicyCommand({ RoleName: 'r', PolicyArn: READ_S3 }));
    await iam.send(new PutRolePolicyCommand({ RoleName: 'r', PolicyName: 'p', PolicyDocument: ADMIN_POLICY }));
    const remove = () => iam.send(new DeleteRoleCommand({ RoleName: 'r' }));
    expect(await errorOf(remove())).toEqual(conflict('must remove roles from instance profile first.'));
    const profiles = await iam.send(new ListInstanceProfilesForRoleCommand({ RoleName: 'r' }));
    expect(profiles.InstanceProfiles?.map((profile) => profile.InstanceProfileName)).toEqual(['node']);
    aws.account().removeFromInstanceProfile('r', 'node');
    expect(await errorOf(remove())).toEqual(conflict('must detach all policies first.'));
    await iam.send(new DetachRolePolicyCommand({ RoleName: 'r', PolicyArn: READ_S3 }));
    expect(await errorOf(remove())).toEqual(conflict('must delete policies first.'));
    await iam.send(new DeleteRolePolicyCommand({ RoleName: 'r', PolicyName: 'p' }));
    await remove();
    expect(await errorOf(remove())).toMatchObject({ code: 'NoSuchEntity', status: 404 });
  });

  test('tags overwrite by key, an absent key is no error, lists are sorted', async () => {
    await using setup = await startWithAdmin();
    const { iam } = setup;
    await create(iam, 'r', { Tags: [{ Key: 'b', Value: '1' }] });
    await iam.send(
      new TagRoleCommand({
        RoleName: 'r',
        Tags: [
          { Key: 'b', Value: '2' },
          { Key: 'a', Value: '' },
        ],
      }),
    );
    await iam.send(new UntagRoleCommand({ RoleName: 'r', TagKeys: ['nothing'] }));
    expect((await iam.send(new ListRoleTagsCommand({ RoleName: 'r' }))).Tags).toEqual([
      { Key: 'a', Value: '' },
      { Key: 'b', Value: '2' },
    ]);
  });

  test('pages of 100 by default, markers that need encoding, fewer items than asked where the service likes', async () => {
    await using setup = await startWithAdmin();
    const { iam, aws } = setup;
    for (let index = 0; index < 120; index += 1) {
      await aws.account().perform('CreateRole', {
        RoleName: `r${index}`,
        Path: index % 2 ? '/a/' : '/b/',
        AssumeRolePolicyDocument: EC2_TRUST,
      });
    }
    const first = await iam.send(new ListRolesCommand({}));
    expect([first.Roles?.length, first.IsTruncated]).toEqual([100, true]);
    expect(first.Marker).toMatch(/[+/]/);
    aws.account().setQuotas({ pageSize: 7 });
    const names: string[] = [];
    let pages = 0;
    for await (const page of paginateListRoles({ client: iam }, { PathPrefix: '/a/', MaxItems: 1000 })) {
      names.push(...(page.Roles ?? []).map((role) => role.RoleName ?? ''));
      pages += 1;
    }
    expect([new Set(names).size, pages]).toEqual([60, 9]);
    expect((await iam.send(new ListRolesCommand({ PathPrefix: '/none/' }))).Roles).toEqual([]);
  });

  test('GetAccountSummary names the quotas, and a raised quota counts', async () => {
    await using setup = await startWithAdmin();
    const { iam, aws } = setup;
    aws.account().setQuotas({ assumeRolePolicySize: 4096 });
    const { SummaryMap } = await iam.send(new GetAccountSummaryCommand({}));
    expect(SummaryMap).toMatchObject({
      AssumeRolePolicySizeQuota: 4096,
      AttachedPoliciesPerRoleQuota: 10,
      RolePolicySizeQuota: 10_240,
      RolesQuota: 1000,
    });
    await create(iam, 'x', {
      AssumeRolePolicyDocument: trust({ Condition: { StringLike: { 'a:sub': 'x'.repeat(2048) } } }),
    });
    expect((await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: 'x' }))).AttachedPolicies).toEqual([]);
  });
});
