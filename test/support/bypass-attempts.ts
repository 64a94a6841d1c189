import { ACCOUNT } from '../../dev/stack/stack.ts';
import type { Reason } from '../../src/crds/condition.ts';

// What the author of an identity tries against a provider that allows little. The provider and the attempts belong together.

const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/tenant-boundary`;

/** The spec of the provider, beside account and region. */
export const STRICT = {
  guardrails: {
    managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*', `arn:aws:iam::${ACCOUNT}:policy/team-a/*`],
    permissionsBoundaryArn: BOUNDARY,
    rolePath: '/federated/',
    roleNamePrefix: 'team-a-',
    maxSessionDurationSeconds: 3600,
  },
};

export interface Bypass {
  readonly name: string;
  /** Fields of the identity's spec. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** `schema`: the API server refuses the object. Else the operator does, with this reason. */
  readonly refusedBy: 'schema' | Reason;
}

const policies = (...managedPolicyArns: readonly string[]) => ({ role: { managedPolicyArns } });
const inline = (document: unknown) => ({ role: { inlinePolicies: [{ name: 'p', document }] } });
const statement = (fields: object) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Resource: '*', ...fields }],
});
const aws = 'arn:aws:iam::aws:policy';

const MANAGED: readonly Bypass[] = [
  { name: 'AdministratorAccess', spec: policies(`${aws}/AdministratorAccess`), refusedBy: 'PolicyNotAllowed' },
  {
    name: 'AdministratorAccess behind one that is allowed',
    spec: policies(`${aws}/AmazonS3ReadOnlyAccess`, `${aws}/AdministratorAccess`),
    refusedBy: 'PolicyNotAllowed',
  },
  { name: 'the case of an ARN', spec: policies(`${aws}/amazons3FullAccess`), refusedBy: 'PolicyNotAllowed' },
  {
    name: 'another partition',
    spec: policies('arn:aws-cn:iam::aws:policy/AmazonS3FullAccess'),
    refusedBy: 'PolicyNotAllowed',
  },
  {
    name: 'a policy of the account by the name of one of AWS',
    spec: policies(`arn:aws:iam::${ACCOUNT}:policy/AmazonS3FullAccess`),
    refusedBy: 'PolicyNotAllowed',
  },
  {
    name: 'the path of the team in another account',
    spec: policies('arn:aws:iam::999988887777:policy/team-a/x'),
    refusedBy: 'PolicyNotAllowed',
  },
  { name: 'a path before the name', spec: policies(`${aws}/job-function/AmazonS3x`), refusedBy: 'PolicyNotAllowed' },
  { name: 'an empty part of a path', spec: policies(`${aws}//AmazonS3FullAccess`), refusedBy: 'PolicyNotAllowed' },
  { name: 'a pattern for a name', spec: policies(`${aws}/*`), refusedBy: 'schema' },
  { name: 'a placeholder', spec: policies(`${aws}/AmazonS3\${x}`), refusedBy: 'schema' },
  { name: 'a letter that only looks like another', spec: policies(`${aws}/AmazonЅ3FullAccess`), refusedBy: 'schema' },
  { name: 'a blank at the end', spec: policies(`${aws}/AmazonS3FullAccess `), refusedBy: 'schema' },
  { name: 'a second line', spec: policies(`${aws}/AmazonS3FullAccess\n${aws}/x`), refusedBy: 'schema' },
  { name: 'two ARNs in one', spec: policies(`${aws}/AmazonS3,${aws}/AdministratorAccess`), refusedBy: 'schema' },
  { name: 'percent-encoding', spec: policies(`${aws}/AmazonS3%2f..%2fAdministratorAccess`), refusedBy: 'schema' },
];

const INLINE: readonly Bypass[] = [
  { name: 'an inline policy of everything', spec: inline(statement({ Action: '*' })), refusedBy: 'PolicyNotAllowed' },
  { name: 'NotAction', spec: inline(statement({ NotAction: 'x:y' })), refusedBy: 'PolicyNotAllowed' },
  { name: 'as text', spec: inline(JSON.stringify(statement({ Action: '*' }))), refusedBy: 'PolicyNotAllowed' },
  { name: 'a chain of roles', spec: inline(statement({ Action: 'sts:AssumeRole' })), refusedBy: 'PolicyNotAllowed' },
  { name: 'iam:PassRole', spec: inline(statement({ Action: 'iam:PassRole' })), refusedBy: 'PolicyNotAllowed' },
];

const BOUNDARIES: readonly Bypass[] = [
  {
    name: 'another boundary',
    spec: { role: { permissionsBoundaryArn: `${aws}/AdministratorAccess` } },
    refusedBy: 'PolicyNotAllowed',
  },
  { name: 'an empty boundary', spec: { role: { permissionsBoundaryArn: '' } }, refusedBy: 'schema' },
  {
    name: 'a longer session',
    spec: { role: { maxSessionDurationSeconds: 43_200 } },
    refusedBy: 'RoleNotAllowed',
  },
];

const NAMES: readonly Bypass[] = [
  { name: 'the name of a powerful role', spec: { role: { name: 'victim' } }, refusedBy: 'RoleNotAllowed' },
  { name: "a name of AWS's own", spec: { role: { name: 'AWSServiceRoleForX' } }, refusedBy: 'RoleNotAllowed' },
  { name: 'the prefix in another case', spec: { role: { name: 'Team-A-x' } }, refusedBy: 'RoleNotAllowed' },
  { name: 'a path in the name', spec: { role: { name: 'team-a-/../victim' } }, refusedBy: 'schema' },
  { name: 'a reserved path', spec: { role: { name: '/aws-reserved/team-a-x' } }, refusedBy: 'schema' },
  { name: 'a prefix that only looks like it', spec: { role: { name: 'tеam-a-x' } }, refusedBy: 'schema' },
  { name: 'a name of two lines', spec: { role: { name: 'team-a-x\nvictim' } }, refusedBy: 'schema' },
  {
    name: 'the adoption of a powerful role',
    spec: { role: { name: 'team-a-victim' }, adopt: { roleId: 'AROAAAAAAAAAAAAAAAAA' } },
    refusedBy: 'AdoptionRefused',
  },
];

const SUBJECTS: readonly Bypass[] = [
  { name: 'every ServiceAccount', spec: { serviceAccount: { name: '*' } }, refusedBy: 'schema' },
  {
    name: 'a ServiceAccount of another namespace',
    spec: { serviceAccount: { name: 'kube-system:default' } },
    refusedBy: 'schema',
  },
  { name: 'a ServiceAccount by a path', spec: { serviceAccount: { name: '../default' } }, refusedBy: 'schema' },
  { name: 'a policy variable', spec: { serviceAccount: { name: '${aws:username}' } }, refusedBy: 'schema' },
  { name: 'every audience', spec: { audience: '*' }, refusedBy: 'AudienceNotAllowed' },
  {
    name: 'the audience of the API server',
    spec: { audience: 'https://kubernetes.default.svc' },
    refusedBy: 'AudienceNotAllowed',
  },
];

const TAGS: readonly Bypass[] = [
  { name: 'a tag of ownership', spec: { role: { tags: { 'federatedidentity.dev/uid': 'x' } } }, refusedBy: 'schema' },
  { name: 'the same in capitals', spec: { role: { tags: { 'FEDERATEDIDENTITY.DEV/UID': 'x' } } }, refusedBy: 'schema' },
  { name: "a tag of AWS's own", spec: { role: { tags: { 'Aws:x': 'x' } } }, refusedBy: 'schema' },
];

export const BYPASSES: readonly Bypass[] = [...MANAGED, ...INLINE, ...BOUNDARIES, ...NAMES, ...SUBJECTS, ...TAGS];
