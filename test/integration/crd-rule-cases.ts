import { publishRows } from './crd-rule-publish-cases.ts';
import { row, type Row, type Spec } from './crd-rule-row.ts';

export const role = (fields: Spec): Spec => ({ role: fields });
const guardrails = (fields: Spec): Spec => ({ guardrails: fields });
const times = <T>(count: number, item: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => item(index));
export const policyArn = (index = 0): string => `arn:aws:iam::aws:policy/Policy${index}`;
const inline = (policyName: string): object => ({ name: policyName, document: { Statement: [] } });
/** As many tags or labels. */
const pairs = (count: number): Spec => Object.fromEntries(times(count, (index) => [`key-${index}`, 'value']));
const selector = (fields: Spec): Spec => guardrails({ namespaceSelector: fields });
const thumbprint = (index: number): string => String(index).padStart(40, '0');

const RESERVED = "tag keys beginning with 'federatedidentity.dev/' or 'aws:' are reserved: choose another key";
const MISSING = 'Required value';
const PATTERN = 'should match';
const DUPLICATE = 'Duplicate value';
const UNSUPPORTED = 'Unsupported value';

export const identityRows: readonly Row[] = [
  row('serviceAccount is required', { serviceAccount: undefined }, MISSING, {}),
  row('serviceAccount.name is a DNS name', { serviceAccount: { name: 'Reports' } }, PATTERN, {
    serviceAccount: { name: 're.por-ts' },
  }),
  row('serviceAccount.name is not empty', { serviceAccount: { name: '' } }, 'at least 1 chars', {
    serviceAccount: { name: 'a' },
  }),
  row(
    'serviceAccount.name has 253 characters',
    { serviceAccount: { name: 'a'.repeat(254) } },
    'may not be more than 253',
    { serviceAccount: { name: 'a'.repeat(253) } },
  ),
  row('providerRef.name is a DNS name', { providerRef: { name: '-' } }, PATTERN, { providerRef: { name: 'other' } }),
  row(
    'role.name has 64 characters',
    role({ name: 'a'.repeat(65) }),
    'may not be more than 64',
    role({ name: 'a'.repeat(64) }),
  ),
  row('role.name has no path', role({ name: 'admins/root' }), PATTERN, role({ name: 'admins=root@x' })),
  row(
    'role.description has 1000 characters',
    role({ description: 'a'.repeat(1001) }),
    'may not be more than 1000',
    role({ description: 'a'.repeat(1000) }),
  ),
  row('role.description is Latin-1', role({ description: '日' }), PATTERN, role({ description: 'né' })),
  row(
    'a managed policy is a policy',
    role({ managedPolicyArns: ['arn:aws:iam::aws:role/Policy'] }),
    PATTERN,
    role({ managedPolicyArns: [policyArn()] }),
  ),
  row(
    "a managed policy is AWS's or an account's",
    role({ managedPolicyArns: ['arn:aws:iam::11112222333:policy/own'] }),
    PATTERN,
    role({ managedPolicyArns: ['arn:aws-cn:iam::111122223333:policy/team/own'] }),
  ),
  row(
    'a managed policy is named once',
    role({ managedPolicyArns: [policyArn(), policyArn()] }),
    DUPLICATE,
    role({ managedPolicyArns: [policyArn(1), policyArn(2)] }),
  ),
  row(
    '25 managed policies',
    role({ managedPolicyArns: times(26, policyArn) }),
    'must have at most 25',
    role({ managedPolicyArns: times(25, policyArn) }),
  ),
  row(
    'an inline policy is named once',
    role({ inlinePolicies: [inline('a'), inline('a')] }),
    DUPLICATE,
    role({ inlinePolicies: [inline('a'), inline('b')] }),
  ),
  row(
    'an inline policy has a name of IAM',
    role({ inlinePolicies: [inline('a b')] }),
    PATTERN,
    role({ inlinePolicies: [inline('a-b')] }),
  ),
  row(
    'an inline policy has a name of 128 characters',
    role({ inlinePolicies: [inline('a'.repeat(129))] }),
    'may not be more than 128',
    role({ inlinePolicies: [inline('a'.repeat(128))] }),
  ),
  row(
    '20 inline policies',
    role({ inlinePolicies: times(21, (index) => inline(`p${index}`)) }),
    'must have at most 20',
    role({ inlinePolicies: times(20, (index) => inline(`p${index}`)) }),
  ),
  row(
    'a boundary is a policy',
    role({ permissionsBoundaryArn: 'arn:aws:iam::aws:user/Policy' }),
    PATTERN,
    role({ permissionsBoundaryArn: policyArn() }),
  ),
  row(
    'the session is not shorter than an hour',
    role({ maxSessionDurationSeconds: 3599 }),
    'greater than or equal to 3600',
    role({ maxSessionDurationSeconds: 3600 }),
  ),
  row(
    'the session is not longer than 12 hours',
    role({ maxSessionDurationSeconds: 43_201 }),
    'less than or equal to 43200',
    role({ maxSessionDurationSeconds: 43_200 }),
  ),
  row(
    'ownership tags are not for users',
    role({ tags: { 'federatedidentity.dev/uid': 'x' } }),
    RESERVED,
    role({ tags: { 'federatedidentity.example/uid': 'x' } }),
  ),
  row(
    'a tag key has at most 128 characters',
    role({ tags: { ['k'.repeat(129)]: 'x' } }),
    'a tag key has 1 to 128 characters: choose another key',
    role({ tags: { ['k'.repeat(128)]: 'x' } }),
  ),
  row(
    'ownership tags are not for users in any case, since IAM takes them for the same key',
    role({ tags: { 'FederatedIdentity.dev/uid': 'x' } }),
    RESERVED,
    role({ tags: { Federatedidentity: 'x' } }),
  ),
  row("AWS's own tags are not for users", role({ tags: { 'AWS:x': 'x' } }), RESERVED, role({ tags: { 'aws-x': 'x' } })),
  row('40 tags', role({ tags: pairs(41) }), 'must have at most 40', role({ tags: pairs(40) })),
  row(
    'a tag has 256 characters',
    role({ tags: { key: 'a'.repeat(257) } }),
    'may not be more than 256',
    role({ tags: { key: 'a'.repeat(256) } }),
  ),
  row('the audience is not empty', { audience: '' }, 'at least 1 chars', { audience: 'a' }),
  row('the audience has 255 characters', { audience: 'a'.repeat(256) }, 'may not be more than 255', {
    audience: 'a'.repeat(255),
  }),
  row('the audience is one word', { audience: 'sts amazonaws' }, PATTERN, { audience: 'https://sts.example/x' }),
  row('a token lives 10 minutes', { tokenExpirationSeconds: 599 }, 'greater than or equal to 600', {
    tokenExpirationSeconds: 600,
  }),
  row('a token lives a day', { tokenExpirationSeconds: 86_401 }, 'less than or equal to 86400', {
    tokenExpirationSeconds: 86_400,
  }),
  row(
    '3607 is not a lifetime',
    { tokenExpirationSeconds: 3607 },
    '3607 is the value that API servers take for "extend to a year": choose another',
    { tokenExpirationSeconds: 3608 },
  ),
  row('managementPolicy is one of two', { managementPolicy: 'Watch' }, UNSUPPORTED, { managementPolicy: 'Observe' }),
  row('deletionPolicy is one of two', { deletionPolicy: 'Keep' }, UNSUPPORTED, { deletionPolicy: 'Retain' }),
  row('a role is adopted by its id', { adopt: { roleId: 'AIDA0123456789ABCDEF' } }, PATTERN, {
    adopt: { roleId: 'AROA0123456789ABCDEF' },
  }),
  row('a role id has 16 characters', { adopt: { roleId: 'AROA0123456789A' } }, 'at least 16 chars', {
    adopt: { roleId: 'AROA0123456789AB' },
  }),
];

export const providerRows: readonly Row[] = [
  row('accountId is required', { accountId: undefined }, MISSING, {}),
  row('accountId has 12 digits', { accountId: '11112222333' }, PATTERN, { accountId: '000000000000' }),
  row('accountId has no letters', { accountId: '11112222333a' }, PATTERN, {}),
  row('region is required', { region: undefined }, MISSING, {}),
  row('region is the name of a region', { region: 'Ireland' }, PATTERN, { region: 'us-gov-west-1' }),
  row('region ends in a number', { region: 'eu-west' }, PATTERN, { region: 'eusc-de-east-1' }),
  row('assumeRole.roleArn is a role', { assumeRole: { roleArn: 'arn:aws:iam::111122223333:user/x' } }, PATTERN, {
    assumeRole: { roleArn: 'arn:aws:iam::111122223333:role/x' },
  }),
  row(
    'externalId has 2 characters',
    { assumeRole: { roleArn: 'arn:aws:iam::111122223333:role/x', externalId: 'a' } },
    'at least 2 chars',
    { assumeRole: { roleArn: 'arn:aws:iam::111122223333:role/x', externalId: 'ab' } },
  ),
  row('issuer.url is https', { issuer: { url: 'http://oidc.example' } }, PATTERN, {
    issuer: { url: 'https://oidc.example/' },
  }),
  row('issuer.url has 255 characters', { issuer: { url: `https://${'a'.repeat(248)}` } }, 'may not be more than 255', {
    issuer: { url: `https://${'a'.repeat(247)}` },
  }),
  row('issuer.alsoTrusted is https', { issuer: { alsoTrusted: ['http://oidc.example'] } }, PATTERN, {
    issuer: { alsoTrusted: ['https://oidc.example'] },
  }),
  row(
    'issuer.alsoTrusted names an issuer once',
    { issuer: { alsoTrusted: ['https://a.example', 'https://a.example'] } },
    DUPLICATE,
    { issuer: { alsoTrusted: ['https://a.example', 'https://b.example'] } },
  ),
  row(
    'issuer.alsoTrusted has 2 issuers',
    { issuer: { alsoTrusted: times(3, (index) => `https://${index}.example`) } },
    'must have at most 2',
    { issuer: { alsoTrusted: times(2, (index) => `https://${index}.example`) } },
  ),
  ...publishRows,
  row('there is an audience', { clientIds: [] }, 'should have at least 1 items', { clientIds: ['a'] }),
  row('an audience is named once', { clientIds: ['a', 'a'] }, DUPLICATE, { clientIds: ['a', 'b'] }),
  row('100 audiences', { clientIds: times(101, (index) => `a${index}`) }, 'must have at most 100', {
    clientIds: times(100, (index) => `a${index}`),
  }),
  row('thumbprints are absent rather than none', { thumbprints: [] }, 'should have at least 1 items', {
    thumbprints: [thumbprint(1)],
  }),
  row('a thumbprint has 40 digits', { thumbprints: ['a'.repeat(39)] }, PATTERN, { thumbprints: ['A'.repeat(40)] }),
  row('5 thumbprints', { thumbprints: times(6, thumbprint) }, 'must have at most 5', {
    thumbprints: times(5, thumbprint),
  }),
  row('managementPolicy is one of two', { managementPolicy: 'Watch' }, UNSUPPORTED, { managementPolicy: 'Observe' }),
  row('deletionPolicy is one of two', { deletionPolicy: 'Keep' }, UNSUPPORTED, { deletionPolicy: 'Delete' }),
  row('a path ends in a slash', { roleDefaults: { path: '/federated' } }, PATTERN, { roleDefaults: { path: '/' } }),
  row(
    'the default session is an hour',
    { roleDefaults: { maxSessionDurationSeconds: 3599 } },
    'greater than or equal to 3600',
    { roleDefaults: { maxSessionDurationSeconds: 3600 } },
  ),
  row('default tags are not the reserved ones', { roleDefaults: { tags: { 'aws:x': 'x' } } }, RESERVED, {
    roleDefaults: { tags: { team: 'x' } },
  }),
  row(
    'an allowed policy has no spaces',
    guardrails({ managedPolicyArns: ['arn:aws: *'] }),
    PATTERN,
    guardrails({ managedPolicyArns: ['*'] }),
  ),
  row(
    '100 allowed policies',
    guardrails({ managedPolicyArns: times(101, policyArn) }),
    'must have at most 100',
    guardrails({ managedPolicyArns: times(100, policyArn) }),
  ),
  row(
    'inlinePolicies is one of two',
    guardrails({ inlinePolicies: 'Ask' }),
    UNSUPPORTED,
    guardrails({ inlinePolicies: 'Allow' }),
  ),
  row(
    'the forced boundary is a policy',
    guardrails({ permissionsBoundaryArn: 'policy' }),
    'guardrails.permissionsBoundaryArn',
    guardrails({ permissionsBoundaryArn: policyArn() }),
  ),
  row(
    'the forced path begins with a slash',
    guardrails({ rolePath: 'federated/' }),
    PATTERN,
    guardrails({ rolePath: '/federated/team/' }),
  ),
  row(
    'a name prefix has 32 characters',
    guardrails({ roleNamePrefix: 'a'.repeat(33) }),
    'may not be more than 32',
    guardrails({ roleNamePrefix: 'a'.repeat(32) }),
  ),
  row(
    'the longest session is 12 hours',
    guardrails({ maxSessionDurationSeconds: 43_201 }),
    'less than or equal to 43200',
    guardrails({ maxSessionDurationSeconds: 43_200 }),
  ),
  row(
    'a namespace has not less than no identity',
    guardrails({ maxIdentitiesPerNamespace: -1 }),
    'greater than or equal to 0',
    guardrails({ maxIdentitiesPerNamespace: 0 }),
  ),
  row(
    'a namespace has 10 000 identities',
    guardrails({ maxIdentitiesPerNamespace: 10_001 }),
    'less than or equal to 10000',
    guardrails({ maxIdentitiesPerNamespace: 10_000 }),
  ),
  row('adoption is one of two', guardrails({ adoption: 'Ask' }), UNSUPPORTED, guardrails({ adoption: 'Allow' })),
  row('20 labels', selector({ matchLabels: pairs(21) }), 'must have at most 20', selector({ matchLabels: pairs(20) })),
  row(
    'an operator of selectors',
    selector({ matchExpressions: [{ key: 'a', operator: 'Like' }] }),
    UNSUPPORTED,
    selector({ matchExpressions: [{ key: 'a', operator: 'Exists' }] }),
  ),
];
