import { describe, expect, test } from 'vitest';
import { desiredRole, identity, owner, policy, policyArn, role, trust } from '../../../test/support/builders.ts';
import { ownedTags, planContext, typesOf } from '../../../test/support/role-plans.ts';
import { ownerTags } from '../../iam/tags.ts';
import { planContextOf, planRole, planRoleDeletion } from './plan.ts';

const read = policyArn('AmazonS3ReadOnlyAccess');
const admin = policyArn('AdministratorAccess');
const boundary = policyArn('Boundary');

/** Of the tags by which a role is known as ours, one that only tells people more. */
const inOtherLetters = (key: string): string => key.replace(/^federatedidentity(?=.dev\/name$)/, 'FederatedIdentity');

describe('the plan for a role', () => {
  test.each([
    {
      name: 'creates the role first, then gives it its policies',
      desired: desiredRole({ managedPolicyArns: new Set([read]), inlinePolicies: new Map([['a', policy()]]) }),
      observed: undefined,
      expected: ['CreateRole', 'PutRolePolicy', 'AttachRolePolicy'],
    },
    { name: 'does nothing when IAM agrees', desired: desiredRole(), observed: role(), expected: [] },
    {
      name: 'attaches what is missing',
      desired: desiredRole({ managedPolicyArns: new Set([read]) }),
      observed: role(),
      expected: ['AttachRolePolicy'],
    },
    {
      name: 'detaches what is not asked for',
      desired: desiredRole(),
      observed: role({ managedPolicyArns: new Set([admin]) }),
      expected: ['DetachRolePolicy'],
    },
    {
      name: 'deletes an inline policy that is not asked for',
      desired: desiredRole(),
      observed: role({ inlinePolicies: new Map([['a', policy()]]) }),
      expected: ['DeleteRolePolicy'],
    },
    {
      name: 'replaces an inline policy whose document differs',
      desired: desiredRole({ inlinePolicies: new Map([['a', policy('s3:GetObject')]]) }),
      observed: role({ inlinePolicies: new Map([['a', policy('s3:*')]]) }),
      expected: ['PutRolePolicy'],
    },
    {
      name: 'leaves an inline policy that is only spelled otherwise',
      desired: desiredRole({ inlinePolicies: new Map([['a', policy('s3:GetObject')]]) }),
      observed: role({ inlinePolicies: new Map([['a', policy(['S3:getobject'])]]) }),
      expected: [],
    },
    {
      name: 'repairs the trust policy',
      desired: desiredRole(),
      observed: role({ trustPolicy: trust('somebody-else') }),
      expected: ['UpdateAssumeRolePolicy'],
    },
    {
      name: 'puts a boundary',
      desired: desiredRole({ permissionsBoundaryArn: boundary }),
      observed: role(),
      expected: ['PutRolePermissionsBoundary'],
    },
    {
      name: 'takes a boundary away',
      desired: desiredRole(),
      observed: role({ permissionsBoundaryArn: boundary }),
      expected: ['DeleteRolePermissionsBoundary'],
    },
    {
      name: 'changes description and session with one call, since UpdateRole takes both',
      desired: desiredRole({ description: 'x', maxSessionDurationSeconds: 7200 }),
      observed: role(),
      expected: ['UpdateRole'],
    },
    {
      name: 'clears a description by an empty one',
      desired: desiredRole(),
      observed: role({ description: 'x' }),
      expected: ['UpdateRole'],
    },
    {
      name: 'sets a tag',
      desired: desiredRole({ tags: ownedTags({ team: 'a' }) }),
      observed: role({ tags: ownedTags({ team: 'b' }) }),
      expected: ['TagRole'],
    },
    {
      name: 'leaves a tag whose key has other letters: to IAM it is the same',
      desired: desiredRole({ tags: ownedTags({ team: 'a' }) }),
      observed: role({ tags: ownedTags({ Team: 'a' }) }),
      expected: [],
    },
    {
      name: 'sets a tag whose key has other letters and another value',
      desired: desiredRole({ tags: ownedTags({ team: 'a' }) }),
      observed: role({ tags: ownedTags({ Team: 'b' }) }),
      expected: ['TagRole'],
    },
    {
      name: 'writes an ownership tag again that somebody wrote in other letters',
      desired: desiredRole(),
      observed: role({ tags: new Map([...ownerTags(owner())].map(([key, value]) => [inOtherLetters(key), value])) }),
      expected: ['TagRole'],
    },
    {
      name: 'leaves tags of others',
      desired: desiredRole(),
      observed: role({ tags: ownedTags({ theirs: 'x' }) }),
      expected: [],
    },
    {
      name: 'leaves the path, which IAM cannot change',
      desired: desiredRole({ path: role().path }),
      observed: role({ path: desiredRole().path }),
      expected: [],
    },
    {
      name: 'narrows before it widens',
      desired: desiredRole({
        managedPolicyArns: new Set([read]),
        inlinePolicies: new Map([['b', policy()]]),
        permissionsBoundaryArn: boundary,
        description: 'new',
        tags: ownedTags({ team: 'a' }),
      }),
      observed: role({
        managedPolicyArns: new Set([admin]),
        inlinePolicies: new Map([['a', policy()]]),
        trustPolicy: trust('somebody-else'),
      }),
      expected: [
        'DetachRolePolicy',
        'DeleteRolePolicy',
        'PutRolePermissionsBoundary',
        'UpdateAssumeRolePolicy',
        'TagRole',
        'PutRolePolicy',
        'AttachRolePolicy',
        'UpdateRole',
      ],
    },
    {
      name: 'shortens sessions before it lets somebody else in',
      desired: desiredRole(),
      observed: role({ maxSessionDurationSeconds: 7200, trustPolicy: trust('somebody-else') }),
      expected: ['UpdateRole', 'UpdateAssumeRolePolicy'],
    },
    {
      name: 'lengthens sessions after it let somebody else in',
      desired: desiredRole({ maxSessionDurationSeconds: 7200 }),
      observed: role({ trustPolicy: trust('somebody-else') }),
      expected: ['UpdateAssumeRolePolicy', 'UpdateRole'],
    },
    {
      name: 'takes a boundary away last, since that widens whatever is attached',
      desired: desiredRole({ managedPolicyArns: new Set([read]) }),
      observed: role({ permissionsBoundaryArn: boundary, trustPolicy: trust('somebody-else') }),
      expected: ['UpdateAssumeRolePolicy', 'AttachRolePolicy', 'DeleteRolePermissionsBoundary'],
    },
    {
      name: 'tags a role that lost its tags first: AWS may allow all else only of a role that has them',
      desired: desiredRole(),
      observed: role({ tags: new Map(), description: 'old', managedPolicyArns: new Set([admin]) }),
      planContext: planContext({ recordedRoleId: role().id }),
      expected: ['TagRole', 'DetachRolePolicy', 'UpdateRole'],
    },
    {
      name: 'adds a boundary before it closes the role: AWS may refuse changes of a role without one',
      desired: desiredRole({ permissionsBoundaryArn: boundary, inlinePolicies: new Map([['a', policy()]]) }),
      observed: role({ inlinePolicies: new Map([['a', policy('s3:*')]]), trustPolicy: trust('somebody-else') }),
      expected: ['PutRolePermissionsBoundary', 'UpdateAssumeRolePolicy', 'PutRolePolicy', 'UpdateAssumeRolePolicy'],
    },
  ])('$name', ({ desired, observed, planContext: given = planContext(), expected }) => {
    expect(typesOf(planRole(desired, observed, given))).toEqual(expected);
  });

  test('removes a tag that an earlier spec set, and no other', () => {
    const observed = role({ tags: ownedTags({ team: 'a', theirs: 'x' }) });
    const plan = planRole(desiredRole(), observed, planContext({ formerTagKeys: ['team', 'long-gone'] }));
    expect(plan).toMatchObject({ actions: [{ type: 'UntagRole', keys: ['team'] }] });
  });

  test('removes a former tag whatever the letters of its key, and none that is still wanted in others', () => {
    const observed = role({ tags: ownedTags({ Team: 'a', Cost: '1' }) });
    const desired = desiredRole({ tags: ownedTags({ cost: '1' }) });
    const plan = planRole(desired, observed, planContext({ formerTagKeys: ['team', 'Cost'] }));
    expect(plan).toMatchObject({ actions: [{ type: 'UntagRole', keys: ['team'] }] });
  });

  test('never removes an ownership tag, whatever the status says of former keys [F76 S1]', () => {
    const formerTagKeys = [...ownerTags(owner()).keys()];
    expect(typesOf(planRole(desiredRole(), role(), planContext({ formerTagKeys })))).toEqual([]);
  });

  test('is the same for the same input', () => {
    const desired = desiredRole({ managedPolicyArns: new Set([read, admin]) });
    expect(planRole(desired, undefined, planContext())).toEqual(planRole(desired, undefined, planContext()));
  });
});

describe('a role of somebody else is refused without one action', () => {
  test.each([
    { name: 'made by hand', tags: new Map([['team', 'x']]), says: 'somebody else made it' },
    { name: 'without tags', tags: new Map<string, string>(), says: 'somebody else made it' },
    { name: 'of another cluster', tags: ownerTags(owner({ cluster: 'other' })), says: 'of the cluster other' },
    {
      name: 'of another object',
      tags: ownerTags(owner({ uid: 'u2', name: 'sales' })),
      says: 'analytics/sales (uid u2)',
    },
  ])('$name', ({ tags: foreign, says }) => {
    const plan = planRole(desiredRole(), role({ tags: foreign, trustPolicy: trust('x') }), planContext());
    expect(plan).toMatchObject({ kind: 'refuse', reason: 'RoleNotOwned', message: expect.stringContaining(says) });
    expect(plan).toMatchObject({ message: expect.stringContaining('spec.role.name') });
    expect(plan).not.toHaveProperty('actions');
  });
});

test('the deletion empties the role before it deletes it, since IAM refuses otherwise', () => {
  const observed = role({ managedPolicyArns: new Set([read, admin]), inlinePolicies: new Map([['a', policy()]]) });
  expect(planRoleDeletion(observed)).toEqual([
    { type: 'DetachRolePolicy', policyArn: admin },
    { type: 'DetachRolePolicy', policyArn: read },
    { type: 'DeleteRolePolicy', policyName: 'a' },
    { type: 'DeleteRole' },
  ]);
});

test('nobody is shut out where only one of trust policy, boundary and inline policies is replaced', () => {
  const same = { permissionsBoundaryArn: boundary };
  const plan = planRole(
    desiredRole({ ...same, inlinePolicies: new Map([['new', policy()]]) }),
    role({ ...same, trustPolicy: trust('somebody-else') }),
    planContext(),
  );
  expect(typesOf(plan)).toEqual(['UpdateAssumeRolePolicy', 'PutRolePolicy']);
});

test('policies are attached and detached in the order of their names', () => {
  const [b, a] = [policyArn('B'), policyArn('A')];
  const arnsOf = (desired: readonly (typeof a)[], observed: readonly (typeof a)[]) => {
    const plan = planRole(
      desiredRole({ managedPolicyArns: new Set(desired) }),
      role({ managedPolicyArns: new Set(observed) }),
      planContext(),
    );
    return plan.kind === 'apply' ? plan.actions.map((action) => 'policyArn' in action && action.policyArn) : [];
  };
  expect(arnsOf([b, a], [])).toEqual([a, b]);
  expect(arnsOf([], [b, a])).toEqual([a, b]);
});

test('a role of ours is no adoption, whatever the spec says', () => {
  const adoption = { roleId: 'x', allowed: true, rolePath: undefined, provider: 'p' };
  expect(planRole(desiredRole(), role(), planContext({ adoption }))).toMatchObject({ adopts: false });
});

describe('what a plan rests on', () => {
  const desired = { owner: owner(), adoption: undefined } as Parameters<typeof planContextOf>[1];

  test('is nothing that was there before for a new identity', () => {
    expect(planContextOf(identity(), desired)).toEqual({
      owner: owner(),
      adoption: undefined,
      recordedRoleId: undefined,
      formerTagKeys: [],
    });
  });

  test('is the id and the tags that the status remembers', () => {
    expect(planContextOf(identity({ status: { roleId: 'AROA1', tagKeys: ['a'] } }), desired)).toMatchObject({
      recordedRoleId: 'AROA1',
      formerTagKeys: ['a'],
    });
    expect(planContextOf(identity({ status: {} }), desired)).toMatchObject({ formerTagKeys: [] });
  });
});
