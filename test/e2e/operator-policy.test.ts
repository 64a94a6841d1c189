import {
  AddClientIDToOpenIDConnectProviderCommand,
  AddRoleToInstanceProfileCommand,
  AddUserToGroupCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateGroupCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateUserCommand,
  DeleteOpenIDConnectProviderCommand,
  GetOpenIDConnectProviderCommand,
  GetRoleCommand,
  PutUserPolicyCommand,
  SetDefaultPolicyVersionCommand,
  TagOpenIDConnectProviderCommand,
  UpdateOpenIDConnectProviderThumbprintCommand,
} from '@aws-sdk/client-iam';
import { DeleteObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_POLICY, outcomeOf } from '../../dev/aws/test-clients.ts';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import {
  ADMIN,
  assume,
  attach,
  bound,
  client,
  create,
  detach,
  get,
  inline,
  JWKS,
  newProvider,
  OpenIDConnectProviderArn,
  others,
  PolicyDocument,
  put,
  remove,
  removeInline,
  type Row,
  S3,
  tag,
  team,
  thumbprints,
  trust,
  unbound,
  untag,
  update,
} from '../support/abuse-attempts.ts';
import {
  type AbuseScene,
  ACCOUNT,
  allows,
  ASSUMED,
  BOUNDARY,
  BUCKET,
  type Clients,
  CLUSTER,
  ISSUER,
  otherTag,
  ourTag,
  OWN_ROLE,
  policyOfCaller,
  providerArn,
  startAbuseScene,
  WIDER_BOUNDARY,
} from '../support/abuse-scene.ts';

// What somebody could try who has taken over the operator, by the real SDK. Beside each attempt stands its twin: what must go.
const ROLES: readonly Row[] = [
  { name: 'a role outside of the path', abuse: create({ Path: '/' }), twin: create({}) },
  { name: 'a role under a path that only begins alike', abuse: create({ Path: '/federated-too/' }), twin: create({}) },
  { name: 'a role without boundary', abuse: create({ PermissionsBoundary: undefined }), twin: create({}) },
  { name: 'a role with a wider boundary', abuse: create({ PermissionsBoundary: WIDER_BOUNDARY }), twin: create({}) },
  { name: 'a role without tags', abuse: create({ Tags: [] }), twin: create({}) },
  { name: 'a role in the name of another cluster', abuse: create({ Tags: [otherTag] }), twin: create({}) },
  { name: 'removing the boundary', abuse: unbound('ours'), by: 'strict', twin: unbound('ours'), twinBy: 'unbounded' },
  { name: 'another boundary', abuse: bound('ours', WIDER_BOUNDARY), twin: bound('ours', BOUNDARY) },
  { name: 'a policy that no guardrail names', abuse: attach('ours', ADMIN), twin: attach('ours', S3) },
  {
    name: 'a policy where the guardrails name none',
    by: 'noPolicies',
    abuse: attach('fresh', S3),
    twinBy: 'strict',
    twin: attach('fresh', S3),
  },
  {
    name: 'a policy for a role that lost its boundary',
    abuse: attach('lost-boundary', S3),
    by: 'strict',
    twin: attach('lost-boundary', S3),
    twinBy: 'unbounded',
  },
  { name: 'an inline policy where they are denied', abuse: inline('ours'), twin: inline('ours'), twinBy: 'inline' },
  {
    name: 'an inline policy for a role that lost its boundary',
    by: 'inline',
    abuse: inline('lost-boundary'),
    twin: inline('ours'),
  },
  { name: 'letting somebody into a role that lost its boundary', abuse: trust('lost-boundary'), twin: trust('ours') },
  { name: 'letting somebody into a role of the account', abuse: trust('admin'), twin: trust('ours') },
  { name: 'letting somebody into a role of another cluster', abuse: trust('of-another-cluster'), twin: trust('ours') },
  { name: 'letting somebody into a role of nobody', abuse: trust('of-nobody'), twin: trust('ours') },
  { name: 'letting somebody into a tagged role outside of the path', abuse: trust('near'), twin: trust('ours') },
  { name: 'a policy for a role of another cluster', abuse: attach('of-another-cluster', S3), twin: attach('ours', S3) },
  { name: 'detaching from a role of another cluster', abuse: detach('of-another-cluster'), twin: detach('ours') },
  {
    name: 'deleting an inline policy of another cluster',
    abuse: removeInline('of-another-cluster'),
    twin: removeInline('ours'),
  },
  { name: 'changing a role of another cluster', abuse: update('of-another-cluster'), twin: update('ours') },
  { name: 'deleting a role of another cluster', abuse: remove('of-another-cluster'), twin: remove('fresh') },
  { name: 'deleting a role of nobody', abuse: remove('of-nobody'), twin: remove('fresh') },
  { name: 'deleting a role of the account', abuse: remove('admin'), twin: remove('fresh') },
  { name: 'claiming a role of another cluster', abuse: tag('of-another-cluster', ourTag), twin: tag('ours', team) },
  { name: 'giving a role to another cluster', abuse: tag('ours', otherTag), twin: tag('ours', team) },
  { name: 'other tags for a role of nobody', abuse: tag('of-nobody', team), twin: tag('ours', team) },
  { name: 'tagging a role of the account', abuse: tag('admin', ourTag), twin: tag('ours', ourTag) },
  { name: 'removing the tag of the cluster', abuse: untag('ours', ourTag.Key), twin: untag('ours', 'team') },
  { name: 'removing it among others', abuse: untag('ours', 'team', ourTag.Key), twin: untag('ours', 'team') },
];

const ITSELF: readonly Row[] = [
  { name: 'its own trust policy', abuse: trust(OWN_ROLE) },
  { name: 'its own policies', abuse: attach(OWN_ROLE, S3) },
  { name: 'its own inline policies', by: 'inline', abuse: inline(OWN_ROLE) },
  { name: 'its own boundary', abuse: bound(OWN_ROLE, BOUNDARY) },
  { name: 'its own tags', abuse: tag(OWN_ROLE, team) },
  { name: 'its own session duration', abuse: update(OWN_ROLE) },
];

const PRINCIPALS: readonly Row[] = [
  { name: 'a user', abuse: ({ iam }) => iam.send(new CreateUserCommand({ UserName: 'mallory' })) },
  { name: 'an access key', abuse: ({ iam }) => iam.send(new CreateAccessKeyCommand({ UserName: 'operator' })) },
  {
    name: 'a policy for a user',
    abuse: ({ iam }) => iam.send(new AttachUserPolicyCommand({ UserName: 'mallory', PolicyArn: ADMIN })),
  },
  {
    name: 'an inline policy for a user',
    abuse: ({ iam }) => iam.send(new PutUserPolicyCommand({ UserName: 'mallory', PolicyName: 'p', PolicyDocument })),
  },
  { name: 'a group', abuse: ({ iam }) => iam.send(new CreateGroupCommand({ GroupName: 'admins' })) },
  {
    name: 'a user in a group',
    abuse: ({ iam }) => iam.send(new AddUserToGroupCommand({ GroupName: 'admins', UserName: 'mallory' })),
  },
  {
    name: 'a managed policy',
    abuse: ({ iam }) => iam.send(new CreatePolicyCommand({ PolicyName: 'AmazonS3Mine', PolicyDocument })),
  },
  {
    name: 'another version of the boundary',
    abuse: ({ iam }) =>
      iam.send(new CreatePolicyVersionCommand({ PolicyArn: BOUNDARY, PolicyDocument, SetAsDefault: true })),
  },
  {
    name: 'an older version of the boundary',
    abuse: ({ iam }) => iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn: BOUNDARY, VersionId: 'v1' })),
  },
  {
    name: 'a role for an instance',
    abuse: ({ iam }) =>
      iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: 'nodes', RoleName: 'ours' })),
  },
];

const ISSUERS: readonly Row[] = [
  {
    name: 'an OIDC provider of another issuer',
    abuse: newProvider('https://evil.example', ourTag),
    twin: newProvider(ISSUER, ourTag),
  },
  {
    name: 'an OIDC provider in the name of another cluster',
    abuse: newProvider(ISSUER, otherTag),
    twin: newProvider(ISSUER, ourTag),
  },
  {
    name: 'an OIDC provider that is to be read only',
    by: 'observing',
    abuse: newProvider(ISSUER, ourTag),
    twinBy: 'strict',
    twin: newProvider(ISSUER, ourTag),
  },
  {
    name: 'the client ids of another OIDC provider',
    abuse: ({ iam }) => iam.send(new AddClientIDToOpenIDConnectProviderCommand({ ...others, ...client })),
    twin: ({ iam }) => iam.send(new AddClientIDToOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, ...client })),
  },
  {
    name: 'the thumbprints of another OIDC provider',
    abuse: ({ iam }) =>
      iam.send(new UpdateOpenIDConnectProviderThumbprintCommand({ ...others, ThumbprintList: thumbprints })),
    twin: ({ iam }) =>
      iam.send(
        new UpdateOpenIDConnectProviderThumbprintCommand({ OpenIDConnectProviderArn, ThumbprintList: thumbprints }),
      ),
  },
  {
    name: 'tags of another OIDC provider',
    abuse: ({ iam }) => iam.send(new TagOpenIDConnectProviderCommand({ ...others, Tags: [ourTag] })),
    twin: ({ iam }) => iam.send(new TagOpenIDConnectProviderCommand({ OpenIDConnectProviderArn, Tags: [ourTag] })),
  },
  {
    name: 'reading another OIDC provider',
    abuse: ({ iam }) => iam.send(new GetOpenIDConnectProviderCommand(others)),
    twin: ({ iam }) => iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })),
  },
  {
    name: 'deleting its OIDC provider where the spec retains it',
    abuse: ({ iam }) => iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })),
    twinBy: 'inline',
    twin: ({ iam }) => iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })),
  },
  {
    name: 'the keys of another issuer',
    abuse: put(BUCKET, `cluster-b/${JWKS}`),
    twin: put(BUCKET, `cluster-a/${JWKS}`),
  },
  { name: 'another object of the bucket', abuse: put(BUCKET, 'cluster-a/x'), twin: put(BUCKET, `cluster-a/${JWKS}`) },
  {
    name: 'publishing where it is only to observe',
    by: 'observing',
    abuse: put(BUCKET, `cluster-a/${JWKS}`),
    twin: get(BUCKET, `cluster-a/${JWKS}`),
  },
  { name: 'data of another bucket', abuse: get('payroll', '2026'), twin: get(BUCKET, `cluster-a/${JWKS}`) },
  {
    name: 'the list of the bucket',
    abuse: ({ s3 }) => s3.send(new ListObjectsV2Command({ Bucket: BUCKET })),
  },
  {
    name: 'withdrawing the keys where the spec retains them',
    abuse: ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: `cluster-a/${JWKS}` })),
    twinBy: 'inline',
    twin: ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: `cluster-a/${JWKS}` })),
  },
  { name: 'assuming a role where it works with its own', abuse: assume(ASSUMED), twin: assume(ASSUMED), twinBy: 'hub' },
  {
    name: 'assuming another role than the one of the spec',
    by: 'hub',
    abuse: assume(ASSUMED.replace('may', 'may-not')),
    twin: assume(ASSUMED),
  },
  {
    name: 'roles, where it only assumes the role that may',
    by: 'hub',
    abuse: create({}),
    twinBy: 'strict',
    twin: create({}),
  },
];

let scene: AbuseScene;
beforeEach(async () => {
  scene = await startAbuseScene();
});
afterEach(() => scene[Symbol.asyncDispose]());

describe.each([
  { about: 'roles', rows: ROLES },
  { about: 'itself', rows: ITSELF },
  { about: 'other principals and policies', rows: PRINCIPALS },
  { about: 'issuers and other accounts', rows: ISSUERS },
])('the operator may not touch $about', ({ rows }) => {
  test.each(rows)('$name [S2 S12]', async ({ abuse, twin = abuse, by = 'strict', twinBy }) => {
    const denied = await outcomeOf(abuse(scene.as(by)));
    expect(denied).toMatchObject({ code: 'AccessDenied', status: 403 });
    const allowed = await outcomeOf(twin(scene.as(twinBy ?? (twin === abuse ? 'admin' : by))));
    // Of some operations the local AWS only judges the right.
    expect(allowed === 'ok' ? allowed : allowed.code).toMatch(/^(ok|NotImplemented)$/);
  });
});

// Actions of services that the local AWS does not have, by the evaluation of the policy alone.
test.each([
  { action: 'iam:PassRole', resource: `arn:aws:iam::${ACCOUNT}:role/federated/ours` },
  { action: 'iam:PassRole', resource: `arn:aws:iam::${ACCOUNT}:role/admin` },
  { action: 'iam:CreateServiceLinkedRole', resource: `arn:aws:iam::${ACCOUNT}:role/aws-service-role/x/y` },
  { action: 'ssm:GetParameter', resource: `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/password` },
  { action: 'secretsmanager:GetSecretValue', resource: `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:a-b` },
  { action: 'lambda:CreateFunction', resource: `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:f` },
  { action: 'organizations:LeaveOrganization', resource: '*' },
])('$action on $resource is denied by every generated policy', async ({ action, resource }) => {
  for (const caller of ['strict', 'inline', 'unbounded', 'noPolicies', 'observing', 'hub'] as const)
    expect(await allows(policyOfCaller(caller), action, resource)).toBe(false);
  expect(await allows(ADMIN_POLICY, action, resource)).toBe(true);
});

test('a * in an issuer stands for itself [S12]', async () => {
  const policy = operatorPolicy({ accountId: ACCOUNT, cluster: CLUSTER, issuer: 'https://oidc.example.com/a*' });
  const mayRead = (path: string): Promise<boolean> =>
    allows(policy, 'iam:GetOpenIDConnectProvider', providerArn(`https://oidc.example.com/${path}`));
  expect([await mayRead('a*'), await mayRead('ab')]).toEqual([true, false]);
});

// Known and accepted: IAM asks for TagRole at CreateRole, and a role that is about to be made has as few tags as a role of nobody.
test('a role of nobody under the path can be claimed, which then has the boundary and the path as its limits', async () => {
  const operator = scene.as('strict');
  expect(await outcomeOf(tag('of-nobody', ourTag)(operator))).toBe('ok');
  expect(await outcomeOf(trust('of-nobody')(operator))).toBe('ok');
  expect(await outcomeOf(attach('of-nobody', ADMIN)(operator))).toMatchObject({ code: 'AccessDenied' });
  expect(await outcomeOf(unbound('of-nobody')(operator))).toMatchObject({ code: 'AccessDenied' });
});

test('a role that does not exist is told apart from one that may not be read', async () => {
  const missing = ({ iam }: Clients): Promise<unknown> => iam.send(new GetRoleCommand({ RoleName: 'none' }));
  expect(await outcomeOf(missing(scene.as('strict')))).toMatchObject({ code: 'NoSuchEntity' });
});
