import { describe, expect, test } from 'vitest';
import { desiredRole, owner, role, trust } from '../../../test/support/builders.ts';
import { RolePath } from '../../iam/arn.ts';
import { ownerTags } from '../../iam/tags.ts';
import { type Adoption, type OwnershipContext, ownershipOf } from './ownership.ts';
import { type PlanContext, planRole } from './plan.ts';

const ID = 'AROAEXAMPLE0000001';
const untagged = new Map([['team', 'x']]);
const ofNamesake = ownerTags(owner({ uid: 'deleted-uid' }));

const adoption = (fields: Partial<Adoption> = {}): Adoption => ({
  roleId: ID,
  allowed: true,
  rolePath: undefined,
  provider: 'AwsOidcProvider "default"',
  ...fields,
});

const context = (fields: Partial<OwnershipContext> = {}): OwnershipContext => ({
  owner: owner(),
  recordedRoleId: undefined,
  adoption: undefined,
  ...fields,
});

test.each([
  { name: 'with our tags is ours', observed: role(), context: context(), expected: 'ours' },
  {
    name: 'that lost its tags is ours while id and trust policy are what we made',
    observed: role({ tags: untagged }),
    context: context({ recordedRoleId: ID }),
    expected: 'ours',
  },
  {
    name: 'without tags is foreign if only the status says otherwise, which a tenant can write',
    observed: role({ tags: untagged, trustPolicy: trust('somebody-else') }),
    context: context({ recordedRoleId: ID }),
    expected: 'foreign',
  },
  {
    name: 'made anew under our name is foreign',
    observed: role({ tags: untagged, id: 'AROAOTHER' }),
    context: context({ recordedRoleId: ID }),
    expected: 'foreign',
  },
  {
    name: 'of another object is foreign, whatever the status says',
    observed: role({ tags: ownerTags(owner({ uid: 'other', name: 'other' })) }),
    context: context({ recordedRoleId: ID }),
    expected: 'foreign',
  },
  {
    name: 'of nobody is adopted where the provider allows it',
    observed: role({ tags: untagged }),
    context: context({ adoption: adoption() }),
    expected: 'adopted',
  },
  {
    name: 'left behind by an identity of the same name is adopted',
    observed: role({ tags: ofNamesake }),
    context: context({ adoption: adoption() }),
    expected: 'adopted',
  },
  {
    name: 'left behind by an identity of the same name is not taken over unasked',
    observed: role({ tags: ofNamesake }),
    context: context(),
    expected: 'foreign',
  },
])('a role $name [F39 F41 F42 F43 S1]', ({ observed, context: given, expected }) => {
  expect(ownershipOf(desiredRole(), observed, given).kind).toBe(expected);
});

describe('an adoption is refused [S1]', () => {
  test.each([
    {
      name: 'where the provider does not allow it',
      observed: role({ tags: untagged }),
      adoption: adoption({ allowed: false }),
      says: 'spec.guardrails.adoption: Allow',
    },
    {
      name: 'when the id is that of another role',
      observed: role({ tags: untagged, id: 'AROAOTHER' }),
      adoption: adoption(),
      says: 'AROAOTHER',
    },
    {
      name: 'when the role lies outside of the path of the provider',
      observed: role({ tags: untagged, path: RolePath.parse('/admin/') }),
      adoption: adoption({ rolePath: RolePath.parse('/federated/') }),
      says: '/admin/',
    },
    {
      name: 'when another object has the role',
      observed: role({ tags: ownerTags(owner({ name: 'sales', uid: 'u2' })) }),
      adoption: adoption(),
      says: 'analytics/sales',
    },
    {
      name: 'when another cluster has the role',
      observed: role({ tags: ownerTags(owner({ cluster: 'other' })) }),
      adoption: adoption(),
      says: 'cluster other',
    },
  ])('$name', ({ observed, adoption: wish, says }) => {
    expect(ownershipOf(desiredRole(), observed, context({ adoption: wish }))).toMatchObject({
      kind: 'foreign',
      reason: 'AdoptionRefused',
      message: expect.stringContaining(says),
    });
  });
});

test('the plan of an adoption marks the role as ours first, so that a crash leaves no role of nobody', () => {
  const plan: PlanContext = { ...context({ adoption: adoption() }), formerTagKeys: [] };
  const observed = role({ tags: untagged, description: 'old', trustPolicy: trust('somebody-else') });
  expect(planRole(desiredRole(), observed, plan)).toMatchObject({
    kind: 'apply',
    adopts: true,
    actions: [{ type: 'TagRole' }, { type: 'UpdateAssumeRolePolicy' }, { type: 'UpdateRole' }],
  });
});

describe('what is said of a role of somebody else [F42]', () => {
  const message = (observed = role({ tags: untagged }), recordedRoleId?: string): string => {
    const ownership = ownershipOf(desiredRole(), observed, context({ recordedRoleId }));
    if (ownership.kind !== 'foreign') throw new Error(ownership.kind);
    return ownership.message;
  };

  test('names it, whose it is, and the way out', () => {
    expect(message()).toBe(
      'IAM role analytics-reports exists and is left untouched: it carries no tags of this operator, so somebody else made it. Create another AwsFederatedIdentity with another spec.role.name, or remove that role.',
    );
  });

  test('and that it is another one than was made here', () => {
    expect(message(role({ tags: untagged, id: 'AROAOTHER' }), ID)).toContain(
      `made it. It is not the role that was made here: that had the id ${ID}, this one has AROAOTHER. Create another`,
    );
  });

  test('but not where it is the very same', () => {
    expect(message(role({ tags: untagged, trustPolicy: trust('somebody-else') }), ID)).not.toContain('made here');
  });
});

test('an adoption is carried out below the path of the provider, and not where it comes later in the path', () => {
  const kindOf = (path: string): string =>
    ownershipOf(
      desiredRole(),
      role({ tags: untagged, path: RolePath.parse(path) }),
      context({ adoption: adoption({ rolePath: RolePath.parse('/federated/') }) }),
    ).kind;
  expect([kindOf('/federated/'), kindOf('/federated/team/'), kindOf('/other/federated/')]).toEqual([
    'adopted',
    'adopted',
    'foreign',
  ]);
});
