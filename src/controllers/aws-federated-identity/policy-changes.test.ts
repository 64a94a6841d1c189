import { describe, expect, test } from 'vitest';
import { desiredRole, document, policy, policyArn, role, trust } from '../../../test/support/builders.ts';
import { planContext } from '../../../test/support/role-plans.ts';
import { PolicyArn } from '../../iam/arn.ts';
import type { PolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole, Role } from '../../iam/roles.ts';
import { planRole, planRoleDeletion, type RoleAction } from './plan.ts';

const OF_AWS = policyArn('AmazonS3FullAccess');
const OWN = PolicyArn.parse('arn:aws:iam::111122223333:policy/a-guard');
const OTHER_OWN = PolicyArn.parse('arn:aws:iam::111122223333:policy/another');

const statement = (Effect: 'Allow' | 'Deny', Action: string, Resource = '*') => ({ Effect, Action, Resource });
const denial = (action = 's3:DeleteObject'): PolicyDocument => policyOf(statement('Deny', action));
const both = (allow: string, deny: string): PolicyDocument =>
  policyOf(statement('Allow', allow), statement('Deny', deny));
const policyOf = (...Statement: readonly object[]): PolicyDocument => document({ Version: '2012-10-17', Statement });

/** As `PutRolePolicy a`, in their order. */
const calls = (actions: readonly RoleAction[]): readonly string[] =>
  actions.map((action) => {
    const what = 'policyArn' in action ? action.policyArn.split('/')[1] : 'policyName' in action && action.policyName;
    return typeof what === 'string' ? `${action.type} ${what}` : action.type;
  });

function planned(desired: DesiredRole, observed: Role | undefined): readonly string[] {
  const plan = planRole(desired, observed, planContext());
  return plan.kind === 'apply' ? calls(plan.actions) : [plan.message];
}

const inline = (policies: Readonly<Record<string, PolicyDocument>>) => ({
  inlinePolicies: new Map(Object.entries(policies)),
});

describe('what denies', () => {
  const policies = {
    managedPolicyArns: new Set([OF_AWS, OWN]),
    ...inline({ allows: policy('s3:*'), denies: denial() }),
  };

  test('comes into a new role before what it denies, a managed policy of the account between', () => {
    expect(planned(desiredRole(policies), undefined)).toEqual([
      'CreateRole',
      'PutRolePolicy denies',
      'AttachRolePolicy a-guard',
      'PutRolePolicy allows',
      'AttachRolePolicy AmazonS3FullAccess',
    ]);
  });

  test('goes last from a role that is deleted', () => {
    expect(calls(planRoleDeletion(role(policies)))).toEqual([
      'DetachRolePolicy AmazonS3FullAccess',
      'DeleteRolePolicy allows',
      'DetachRolePolicy a-guard',
      'DeleteRolePolicy denies',
      'DeleteRole',
    ]);
  });

  test.each([
    {
      name: 'is taken away',
      desired: inline({ allows: policy('s3:GetObject') }),
      observed: inline({ allows: policy('s3:*'), denies: denial() }),
      between: ['DeleteRolePolicy denies', 'PutRolePolicy allows'],
    },
    {
      name: 'is added',
      desired: inline({ allows: policy('s3:*'), denies: denial() }),
      observed: inline({ allows: policy('s3:GetObject') }),
      between: ['PutRolePolicy allows', 'PutRolePolicy denies'],
    },
    {
      name: 'becomes something that allows',
      desired: { ...inline({ a: policy('s3:GetObject') }), managedPolicyArns: new Set([OF_AWS]) },
      observed: inline({ a: denial() }),
      between: ['PutRolePolicy a', 'AttachRolePolicy AmazonS3FullAccess'],
    },
    {
      name: 'cannot be read',
      desired: inline({ a: policy('s3:GetObject') }),
      observed: inline({ a: document('not an object'), b: policy() }),
      between: ['DeleteRolePolicy b', 'PutRolePolicy a'],
    },
  ])('and $name while something else changes shuts the role meanwhile', ({ desired, observed, between }) => {
    const plan = planned(desiredRole(desired), role(observed));
    expect([plan.at(0), plan.at(-1)]).toEqual(['UpdateAssumeRolePolicy', 'UpdateAssumeRolePolicy']);
    expect(plan.slice(1, -1).toSorted()).toEqual(between.toSorted());
  });

  test('shuts nobody out where nothing else changes, or where it stays as it is', () => {
    const observed = role(inline({ a: denial() }));
    expect(planned(desiredRole(inline({ a: denial('s3:*') })), observed)).toEqual(['PutRolePolicy a']);
    const more = inline({ a: denial(), b: policy(), c: policy('sqs:*') });
    expect(planned(desiredRole(more), observed)).toEqual(['PutRolePolicy b', 'PutRolePolicy c']);
  });

  const DENIED = expect.stringContaining('"Effect":"Deny"');
  describe.each([
    {
      name: 'two documents that both allow and deny',
      of: inline({ a: both('s3:*', 'sqs:*'), b: both('sqs:*', 's3:*') }),
    },
    { name: 'two managed policies of the account', of: { managedPolicyArns: new Set([OWN, OTHER_OWN]) } },
    {
      name: 'one of each',
      of: { managedPolicyArns: new Set([OWN]), ...inline({ a: both('s3:*', 'sqs:*') }) },
    },
  ])('$name', ({ of }) => {
    test('make a new role that is shut until it has both', () => {
      const entangled = desiredRole(of);
      const { actions } = planRole(entangled, undefined, planContext()) as { actions: readonly RoleAction[] };
      expect(actions).toHaveLength(4);
      expect(actions[0]).toMatchObject({ type: 'CreateRole', role: { trustPolicy: DENIED } });
      expect(actions[3]).toEqual({ type: 'UpdateAssumeRolePolicy', document: entangled.trustPolicy });
    });

    test('shut a role that is deleted before the first of them goes, and once', () => {
      const [first, ...others] = planRoleDeletion(role(of));
      expect(first).toMatchObject({ type: 'UpdateAssumeRolePolicy', document: DENIED });
      expect(others).toHaveLength(3);
      const { document: trustPolicy } = first as { document: PolicyDocument };
      expect(planRoleDeletion(role({ ...of, trustPolicy }))).toEqual(others);
    });
  });

  const onlyOwn = { managedPolicyArns: new Set([OWN]) };
  test.each([
    { name: 'another one in its place', desired: { managedPolicyArns: new Set([OTHER_OWN]) }, observed: onlyOwn },
    { name: 'whom the role trusts', desired: { ...onlyOwn, trustPolicy: trust('sales') }, observed: {} },
    { name: 'a boundary', desired: { permissionsBoundaryArn: OF_AWS }, observed: onlyOwn },
    {
      name: 'a document that is replaced',
      desired: { ...onlyOwn, ...inline({ a: policy('s3:*') }) },
      observed: inline({ a: policy('sqs:*') }),
    },
  ])(
    'a managed policy of the account comes or goes with $name: the role is shut meanwhile',
    ({ desired, observed }) => {
      const plan = planned(desiredRole(desired), role(observed)).filter(
        (call) => call !== 'PutRolePermissionsBoundary',
      );
      expect([plan.at(0), plan.at(-1)]).toEqual(['UpdateAssumeRolePolicy', 'UpdateAssumeRolePolicy']);
    },
  );

  test('a managed policy of the account that comes with what only allows shuts nobody out', () => {
    const desired = desiredRole({ managedPolicyArns: new Set([OWN, OF_AWS]), ...inline({ a: policy() }) });
    expect(planned(desired, role())).toEqual([
      'AttachRolePolicy a-guard',
      'PutRolePolicy a',
      'AttachRolePolicy AmazonS3FullAccess',
    ]);
  });
});

test('documents that become shorter are written first, since IAM counts them together at each call', () => {
  const long = (action: string): PolicyDocument =>
    policyOf(statement('Allow', action, `arn:aws:s3:::${'x'.repeat(60)}`));
  const desired = desiredRole(
    inline({ grows: long('s3:GetObject'), shrinks: policy('s3:PutObject'), comes: policy() }),
  );
  const observed = role(inline({ grows: policy('s3:GetObject'), shrinks: long('s3:PutObject') }));
  expect(planned(desired, observed)).toEqual(['PutRolePolicy shrinks', 'PutRolePolicy grows', 'PutRolePolicy comes']);
});
