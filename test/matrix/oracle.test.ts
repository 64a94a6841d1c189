import { describe, expect, test } from 'vitest';
import type { OidcProvider, Role } from '../../dev/aws/state.ts';
import { PolicyDocument } from '../../src/iam/policy-document.ts';
import { closedTrustPolicy } from '../../src/iam/trust-policy.ts';
import {
  CLUSTER,
  desiredRole,
  identity,
  policy,
  policyArn,
  PROVIDER_ARN,
  role as builtRole,
  trust,
} from '../support/builders.ts';
import { tableEntry } from '../../src/kube/injection-table.ts';
import { type Act, judge } from './oracle.ts';

const UID = 'identity-uid';
const wish = desiredRole({
  managedPolicyArns: new Set([policyArn('One')]),
  inlinePolicies: new Map([['a', policy()]]),
});
const { arn, id } = builtRole();
const tagList = (tags: ReadonlyMap<string, string>) => [...tags].map(([Key, Value]) => ({ Key, Value }));

const role = (fields: Partial<Role> = {}): Role => ({
  name: wish.name,
  path: wish.path,
  id,
  arn,
  createDate: new Date(0),
  trustPolicy: wish.trustPolicy,
  maxSessionDuration: 3600,
  tags: tagList(wish.tags),
  attachedPolicies: [policyArn('One')],
  inlinePolicies: { a: policy() },
  instanceProfiles: [],
  ...fields,
});

const oidcProvider: OidcProvider = {
  arn: PROVIDER_ARN,
  url: 'https://oidc.example.com/cluster-a',
  clientIds: ['sts.amazonaws.com'],
  thumbprints: [],
  tags: tagList(new Map([...wish.tags, ['federatedidentity.dev/uid', 'provider-uid']])),
  createDate: new Date(0),
};
const theirs = role({ name: 'theirs', id: 'AROATHEIRS', arn: 'arn:aws:iam::111122223333:role/theirs', tags: [] });
const ready = identity({
  metadata: { finalizers: ['federatedidentity.dev/aws'] },
  status: { roleArn: arn, roleId: id },
});
const entry = tableEntry({ roleArn: arn, audience: 'sts.amazonaws.com', tokenExpirationSeconds: 86_400, region: 'x' });

/** An identity that is ready, and nothing wrong. */
const act = (fields: Partial<Act> = {}): Act => ({
  cluster: CLUSTER,
  wishesBefore: new Map(),
  wishes: new Map([[UID, wish]]),
  clientIds: ['sts.amazonaws.com'],
  uids: new Set([UID, 'provider-uid']),
  retained: new Set(),
  bystanders: [theirs],
  writes: [],
  apiWrites: [],
  ownPaths: /\/namespaces\/analytics\//,
  account: accountOf(role()),
  identities: [ready],
  providers: [],
  table: { metadata: {}, data: { reports: entry } },
  serviceAccounts: [],
  ...fields,
});

const accountOf = (...roles: readonly Role[]) => ({ roles: [theirs, ...roles], oidcProviders: [oidcProvider] });
const deleted = (fields: Partial<Act> = {}): Act =>
  act({
    wishes: new Map(),
    wishesBefore: new Map([[UID, wish]]),
    identities: [],
    table: undefined,
    account: accountOf(),
    ...fields,
  });
const write = (operation: string, resource: string, ...roles: readonly Role[]): Partial<Act> => ({
  writes: [{ call: { service: 'iam', operation, resource }, before: accountOf(...roles) }],
});
const changed = (fields: Partial<Role>): Partial<Act> => ({ account: accountOf(role(fields)) });
/** A moment on the way, and in the end all is as it should be. */
const onTheWay = (fields: Partial<Role>): Partial<Act> => write('AttachRolePolicy', arn, role(fields));

test('nothing is wrong', () => {
  expect(judge(act())).toEqual([]);
  expect(judge(act(onTheWay({ attachedPolicies: [] })))).toEqual([]);
  expect(judge(deleted())).toEqual([]);
  expect(judge(deleted({ retained: new Set([UID]), account: accountOf(role()) }))).toEqual([]);
  expect(judge(deleted({ clientIds: undefined, retained: new Set(['provider-uid']) }))).toEqual([]);
});

describe('a broken state is told', () => {
  const former = desiredRole({ ...wish, managedPolicyArns: new Set([policyArn('Two')]) });
  test.each<{ name: string; broken: Act; kind: string; says: string }>([
    {
      name: 'a role whose identity is gone',
      broken: deleted({ account: accountOf(role()) }),
      kind: 'orphan',
      says: wish.name,
    },
    {
      name: 'an OIDC provider whose object is gone',
      broken: deleted({ clientIds: undefined }),
      kind: 'orphan',
      says: PROVIDER_ARN,
    },
    {
      name: 'a second role of one identity',
      broken: act({ account: accountOf(role(), role({ name: 'twin', id: 'AROATWIN' })) }),
      kind: 'duplicate',
      says: 'twin',
    },
    {
      name: 'a tag on a role of somebody else',
      broken: act(write('TagRole', theirs.arn, role())),
      kind: 'foreign write',
      says: 'TagRole on arn:aws:iam::111122223333:role/theirs',
    },
    {
      name: 'a write to the role of an identity of another cluster',
      broken: act(write('DeleteRole', arn, role({ tags: [{ Key: 'federatedidentity.dev/cluster', Value: 'other' }] }))),
      kind: 'foreign write',
      says: 'DeleteRole',
    },
    {
      name: 'a role of somebody else that is not as it was',
      broken: act({ account: { ...accountOf(role()), roles: [role(), { ...theirs, attachedPolicies: [] }] } }),
      kind: 'foreign write',
      says: 'not as it was',
    },
    {
      name: 'an object of somebody else in the cluster',
      broken: act({ apiWrites: ['patch /api/v1/namespaces/kube-system/serviceaccounts/default'] }),
      kind: 'foreign write',
      says: 'kube-system',
    },
    {
      name: 'one policy too many, for a moment',
      broken: act(onTheWay({ attachedPolicies: [policyArn('Two')] })),
      kind: 'wider',
      says: 'Two',
    },
    {
      name: 'another subject, for a moment',
      broken: act(onTheWay({ trustPolicy: trust('other') })),
      kind: 'wider',
      says: 'other',
    },
    {
      name: 'no boundary, for a moment',
      broken: act({
        ...onTheWay({}),
        wishes: new Map([[UID, { ...wish, permissionsBoundaryArn: policyArn('B') }]]),
        account: accountOf(role({ permissionsBoundary: policyArn('B') })),
      }),
      kind: 'wider',
      says: 'One',
    },
    { name: 'no role', broken: act({ account: accountOf() }), kind: 'unfinished', says: 'has no role' },
    { name: 'no identity', broken: act({ identities: [] }), kind: 'unfinished', says: 'is gone' },
    {
      name: 'a policy missing',
      broken: act(changed({ attachedPolicies: [] })),
      kind: 'unfinished',
      says: 'managed policies',
    },
    {
      name: 'a tag too many',
      broken: act(changed({ tags: [...role().tags, { Key: 'a', Value: 'b' }] })),
      kind: 'unfinished',
      says: 'tags',
    },
    {
      name: 'a door that stayed shut',
      broken: act(changed({ trustPolicy: closedTrustPolicy(wish.trustPolicy) })),
      kind: 'unfinished',
      says: 'trust policy',
    },
    {
      name: 'the id of another role in the status',
      broken: act({ identities: [{ ...ready, status: { roleArn: arn, roleId: 'AROAOLD' } }] }),
      kind: 'unfinished',
      says: 'remembers AROAOLD',
    },
    {
      name: 'no finalizer',
      broken: act({ identities: [{ ...ready, metadata: { ...ready.metadata, finalizers: [] } }] }),
      kind: 'unfinished',
      says: 'finalizer',
    },
    { name: 'no entry in the table', broken: act({ table: undefined }), kind: 'unfinished', says: 'entry undefined' },
    {
      name: 'an entry that was left',
      broken: deleted({ table: { metadata: {}, data: { reports: entry } } }),
      kind: 'unfinished',
      says: 'reports',
    },
    {
      name: 'a ServiceAccount that was left',
      broken: deleted({ serviceAccounts: [{ metadata: { name: 'reports' } }] }),
      kind: 'unfinished',
      says: 'ServiceAccount reports',
    },
    {
      name: 'a role gone that was to stay',
      broken: deleted({ retained: new Set([UID]) }),
      kind: 'unfinished',
      says: 'was to stay',
    },
    {
      name: 'an OIDC provider gone that was to stay',
      broken: deleted({
        clientIds: undefined,
        retained: new Set(['provider-uid']),
        account: { roles: [theirs], oidcProviders: [] },
      }),
      kind: 'unfinished',
      says: 'was to stay',
    },
    { name: 'another audience', broken: act({ clientIds: ['x'] }), kind: 'unfinished', says: 'client ids' },
  ])('$name: $kind', ({ broken, kind, says }) => {
    expect(judge(broken)).toContainEqual({ kind, what: expect.stringContaining(says) });
  });

  test('what was allowed before a change is not wider, and what neither asks for is', () => {
    const change = { wishesBefore: new Map([[UID, former]]) };
    expect(judge(act({ ...change, ...onTheWay({ attachedPolicies: [policyArn('Two')] }) }))).toEqual([]);
    const third = onTheWay({ inlinePolicies: { a: PolicyDocument.parse(policy('iam:*')) } });
    expect(judge(act({ ...change, ...third }))).toMatchObject([{ kind: 'wider' }]);
  });
});
