import {
  AttachRolePolicyCommand,
  CreateOpenIDConnectProviderCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  GetRoleCommand,
  type IAMClient,
  ListOpenIDConnectProvidersCommand,
  ListRolesCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { describe, expect, test } from 'vitest';
import type { LocalAws } from './local-aws.ts';
import { ADMIN_POLICY, clientsOf, EC2_TRUST, errorOf, outcomeOf, policyOf, startWithAdmin } from './test-clients.ts';

const ACCOUNT = '111122223333';
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/irsa-boundary`;
const OWNED = { Key: 'irsa.example/managed-by', Value: 'CLUSTER' };
const ROLES = `arn:aws:iam::${ACCOUNT}:role/irsa/*`;
const ownedOnly = { 'aws:ResourceTag/irsa.example/managed-by': 'CLUSTER' };

/** The least-privilege policy of an operator: path, boundary and tag conditions. */
const OPERATOR_POLICY = policyOf(
  { Sid: 'Read', Effect: 'Allow', Action: ['iam:GetRole', 'iam:ListRoleTags'], Resource: ROLES },
  {
    Sid: 'CreateBounded',
    Effect: 'Allow',
    Action: 'iam:CreateRole',
    Resource: ROLES,
    Condition: {
      StringEquals: { 'iam:PermissionsBoundary': BOUNDARY, 'aws:RequestTag/irsa.example/managed-by': 'CLUSTER' },
    },
  },
  {
    Sid: 'WriteBounded',
    Effect: 'Allow',
    Action: ['iam:PutRolePolicy', 'iam:PutRolePermissionsBoundary'],
    Resource: ROLES,
    Condition: { StringEquals: { 'iam:PermissionsBoundary': BOUNDARY, ...ownedOnly } },
  },
  {
    Sid: 'TrustBounded',
    Effect: 'Allow',
    Action: 'iam:UpdateAssumeRolePolicy',
    Resource: ROLES,
    Condition: { StringEquals: { 'iam:PermissionsBoundary': BOUNDARY } },
  },
  {
    Sid: 'AttachAllowed',
    Effect: 'Allow',
    Action: 'iam:AttachRolePolicy',
    Resource: ROLES,
    Condition: {
      StringEquals: { 'iam:PermissionsBoundary': BOUNDARY },
      ArnLike: { 'iam:PolicyARN': ['arn:aws:iam::aws:policy/AmazonS3*'] },
    },
  },
  {
    Sid: 'WriteOwned',
    Effect: 'Allow',
    Action: ['iam:UpdateRole', 'iam:DeleteRole'],
    Resource: ROLES,
    Condition: { StringEquals: ownedOnly },
  },
  {
    Sid: 'TagNew',
    Effect: 'Allow',
    Action: 'iam:TagRole',
    Resource: ROLES,
    Condition: { StringEquals: { 'aws:RequestTag/irsa.example/managed-by': 'CLUSTER' } },
  },
  {
    Sid: 'TagOwned',
    Effect: 'Allow',
    Action: ['iam:TagRole', 'iam:UntagRole'],
    Resource: ROLES,
    Condition: {
      StringEquals: ownedOnly,
      'ForAllValues:StringNotEquals': { 'aws:TagKeys': 'irsa.example/managed-by' },
    },
  },
  {
    Sid: 'Oidc',
    Effect: 'Allow',
    Action: 'iam:CreateOpenIDConnectProvider',
    Resource: `arn:aws:iam::${ACCOUNT}:oidc-provider/x.example/a*`,
  },
  { Sid: 'Lists', Effect: 'Allow', Action: 'iam:ListOpenIDConnectProviders', Resource: '*' },
  { Sid: 'Guard', Effect: 'Deny', Action: 'iam:DeleteRolePermissionsBoundary', Resource: '*' },
);

async function operatorOf(aws: LocalAws) {
  const account = aws.account();
  await account.createPolicy('irsa-boundary', policyOf({ Effect: 'Allow', Action: 's3:*', Resource: '*' }));
  await account.perform('CreateRole', { RoleName: 'foreign', Path: '/irsa/', AssumeRolePolicyDocument: EC2_TRUST });
  await account.perform('CreateRole', {
    RoleName: 'own',
    Path: '/irsa/',
    AssumeRolePolicyDocument: EC2_TRUST,
    PermissionsBoundary: BOUNDARY,
    Tags: [OWNED],
  });
  return clientsOf(aws, account.createUser('operator', OPERATOR_POLICY)).iam;
}

const newRole = {
  RoleName: 'new',
  Path: '/irsa/',
  AssumeRolePolicyDocument: EC2_TRUST,
  PermissionsBoundary: BOUNDARY,
  Tags: [OWNED],
};
const denied = (action: string, resource: string) => ({
  code: 'AccessDenied',
  status: 403,
  message: `User: arn:aws:iam::${ACCOUNT}:user/operator is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`,
});

describe('the least-privilege policy of an operator', () => {
  const cases: readonly { name: string; call: (iam: IAMClient) => Promise<unknown>; refusal?: unknown }[] = [
    { name: 'may create a role with boundary and tag', call: (iam) => iam.send(new CreateRoleCommand(newRole)) },
    {
      name: 'may not create one without the boundary',
      call: (iam) => iam.send(new CreateRoleCommand({ ...newRole, PermissionsBoundary: undefined })),
      refusal: denied('iam:CreateRole', `arn:aws:iam::${ACCOUNT}:role/irsa/new`),
    },
    {
      name: 'may not create one without the tag',
      call: (iam) => iam.send(new CreateRoleCommand({ ...newRole, Tags: [] })),
      refusal: denied('iam:CreateRole', `arn:aws:iam::${ACCOUNT}:role/irsa/new`),
    },
    {
      name: 'may not create one outside the path',
      call: (iam) => iam.send(new CreateRoleCommand({ ...newRole, Path: '/' })),
      refusal: denied('iam:CreateRole', `arn:aws:iam::${ACCOUNT}:role/new`),
    },
    { name: 'may read a role under the path', call: (iam) => iam.send(new GetRoleCommand({ RoleName: 'own' })) },
    {
      name: 'gets AccessDenied, not NoSuchEntity, for a role that does not exist: IAM cannot know its path',
      call: (iam) => iam.send(new GetRoleCommand({ RoleName: 'none' })),
      refusal: denied('iam:GetRole', 'role none'),
    },
    {
      name: 'may attach what the list allows',
      call: (iam) =>
        iam.send(
          new AttachRolePolicyCommand({ RoleName: 'own', PolicyArn: 'arn:aws:iam::aws:policy/AmazonS3FullAccess' }),
        ),
    },
    {
      name: 'may not attach AdministratorAccess',
      call: (iam) =>
        iam.send(
          new AttachRolePolicyCommand({ RoleName: 'own', PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' }),
        ),
      refusal: denied('iam:AttachRolePolicy', 'role own'),
    },
    {
      name: 'may write an inline policy of its bounded role',
      call: (iam) =>
        iam.send(new PutRolePolicyCommand({ RoleName: 'own', PolicyName: 'p', PolicyDocument: ADMIN_POLICY })),
    },
    {
      name: 'may not write an inline policy of a role without boundary',
      call: (iam) =>
        iam.send(new PutRolePolicyCommand({ RoleName: 'foreign', PolicyName: 'p', PolicyDocument: ADMIN_POLICY })),
      refusal: denied('iam:PutRolePolicy', 'role foreign'),
    },
    {
      name: 'may not put a wider boundary',
      call: (iam) =>
        iam.send(
          new PutRolePermissionsBoundaryCommand({
            RoleName: 'own',
            PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess',
          }),
        ),
      refusal: denied('iam:PutRolePermissionsBoundary', 'role own'),
    },
    {
      name: 'may change the trust policy of a bounded role',
      call: (iam) => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'own', PolicyDocument: EC2_TRUST })),
    },
    {
      name: 'may not change the trust policy of a role without boundary',
      call: (iam) => iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'foreign', PolicyDocument: EC2_TRUST })),
      refusal: denied('iam:UpdateAssumeRolePolicy', 'role foreign'),
    },
    {
      name: 'may update its role',
      call: (iam) => iam.send(new UpdateRoleCommand({ RoleName: 'own', Description: 'x' })),
    },
    {
      name: 'may not delete a foreign role',
      call: (iam) => iam.send(new DeleteRoleCommand({ RoleName: 'foreign' })),
      refusal: denied('iam:DeleteRole', 'role foreign'),
    },
    {
      name: 'may add a tag to its role',
      call: (iam) => iam.send(new TagRoleCommand({ RoleName: 'own', Tags: [{ Key: 'team', Value: 'a' }] })),
    },
    {
      name: 'may not take its own tag away',
      call: (iam) => iam.send(new UntagRoleCommand({ RoleName: 'own', TagKeys: [OWNED.Key] })),
      refusal: denied('iam:UntagRole', 'role own'),
    },
    { name: 'may list providers', call: (iam) => iam.send(new ListOpenIDConnectProvidersCommand({})) },
    {
      name: 'may not list roles',
      call: (iam) => iam.send(new ListRolesCommand({})),
      refusal: denied('iam:ListRoles', '*'),
    },
    {
      name: 'needs TagOpenIDConnectProvider to create a provider with tags',
      call: (iam) =>
        iam.send(
          new CreateOpenIDConnectProviderCommand({
            Url: 'https://x.example/a',
            ThumbprintList: ['b'.repeat(40)],
            Tags: [OWNED],
          }),
        ),
      refusal: denied('iam:TagOpenIDConnectProvider', `arn:aws:iam::${ACCOUNT}:oidc-provider/x.example/a`),
    },
    {
      name: 'may create the provider of its path without tags',
      call: (iam) =>
        iam.send(
          new CreateOpenIDConnectProviderCommand({ Url: 'https://x.example/a', ThumbprintList: ['b'.repeat(40)] }),
        ),
    },
  ];

  test.each(cases)('$name', async ({ call, refusal }) => {
    await using setup = await startWithAdmin();
    const result = call(await operatorOf(setup.aws));
    expect(await outcomeOf(result)).toEqual(refusal ?? 'ok');
    expect(setup.aws.calls.at(-1)?.principal).toBe(`arn:aws:iam::${ACCOUNT}:user/operator`);
  });

  test('CreateRole with tags names iam:TagRole when only that is missing', async () => {
    await using setup = await startWithAdmin();
    const policy = policyOf({ Effect: 'Allow', Action: 'iam:CreateRole', Resource: '*' });
    const { iam } = clientsOf(setup.aws, setup.aws.account().createUser('operator', policy));
    await iam.send(new CreateRoleCommand({ RoleName: 'a', AssumeRolePolicyDocument: EC2_TRUST }));
    const tagged = new CreateRoleCommand({ RoleName: 'b', AssumeRolePolicyDocument: EC2_TRUST, Tags: [OWNED] });
    expect(await errorOf(iam.send(tagged))).toEqual(denied('iam:TagRole', `arn:aws:iam::${ACCOUNT}:role/b`));
  });
});

test('an explicit deny says so', async () => {
  await using setup = await startWithAdmin();
  const policy = policyOf(
    { Effect: 'Allow', Action: '*', Resource: '*' },
    { Effect: 'Deny', Action: 'iam:UpdateAssumeRolePolicy', Resource: '*' },
  );
  const { iam } = clientsOf(setup.aws, setup.aws.account().createUser('limited', policy));
  await iam.send(new CreateRoleCommand({ RoleName: 'r', AssumeRolePolicyDocument: EC2_TRUST }));
  const call = iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'r', PolicyDocument: EC2_TRUST }));
  expect((await errorOf(call)).message).toMatch(/ with an explicit deny in an identity-based policy$/);
});

test('policies see the caller: aws:PrincipalArn, and aws:username as a variable', async () => {
  await using setup = await startWithAdmin();
  const policy = policyOf({
    Effect: 'Allow',
    Action: 'iam:*',
    Resource: `arn:aws:iam::${ACCOUNT}:role/\${aws:username}/*`,
    Condition: { ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:user/*` } },
  });
  const { iam } = clientsOf(setup.aws, setup.aws.account().createUser('ann', policy));
  const role = { RoleName: 'r', AssumeRolePolicyDocument: EC2_TRUST };
  expect((await errorOf(iam.send(new CreateRoleCommand({ ...role, Path: '/bob/' })))).code).toBe('AccessDenied');
  await iam.send(new CreateRoleCommand({ ...role, Path: '/ann/' }));
});
