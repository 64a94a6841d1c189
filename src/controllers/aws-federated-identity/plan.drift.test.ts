import { describe, expect, test } from 'vitest';
import { desiredRole, policy, policyArn, role, trust } from '../../../test/support/builders.ts';
import { ownedTags, planContext, typesOf } from '../../../test/support/role-plans.ts';
import { planRole } from './plan.ts';

const read = policyArn('AmazonS3ReadOnlyAccess');
const admin = policyArn('AdministratorAccess');
const boundary = policyArn('Boundary');

describe('drift', () => {
  test('has a row for each difference, with what is wanted and what is there', () => {
    const desired = desiredRole({
      managedPolicyArns: new Set([read]),
      description: 'new',
      maxSessionDurationSeconds: 7200,
      permissionsBoundaryArn: boundary,
    });
    const observed = role({ managedPolicyArns: new Set([admin]), description: 'old' });
    expect(planRole(desired, observed, planContext())).toMatchObject({
      drift: [
        { path: 'role.managedPolicyArns', want: 'not attached', have: admin },
        { path: 'role.permissionsBoundaryArn', want: boundary, have: 'absent' },
        { path: 'role.managedPolicyArns', want: read, have: 'not attached' },
        { path: 'role.description', want: 'new', have: 'old' },
        { path: 'role.maxSessionDurationSeconds', want: '7200', have: '3600' },
      ],
    });
  });

  test('has a row for a role that is missing, and each of its policies', () => {
    const inlinePolicies = new Map([['a', policy()]]);
    expect(
      planRole(desiredRole({ managedPolicyArns: new Set([read]), inlinePolicies }), undefined, planContext()),
    ).toEqual({
      kind: 'apply',
      name: 'analytics-reports',
      adopts: false,
      actions: expect.anything(),
      drift: [
        { path: 'role', want: 'analytics-reports', have: 'absent' },
        { path: 'role.inlinePolicies[a]', want: policy(), have: 'absent' },
        { path: 'role.managedPolicyArns', want: read, have: 'not attached' },
      ],
    });
  });

  test('has rows for trust, tags and inline policies', () => {
    const observed = role({
      trustPolicy: trust('somebody-else'),
      inlinePolicies: new Map([['old', policy()]]),
      tags: ownedTags({ a: '1', b: '2', gone: 'x', away: 'y' }),
    });
    const desired = desiredRole({ tags: ownedTags({ a: '0', b: '2', c: '3' }) });
    expect(planRole(desired, observed, planContext({ formerTagKeys: ['gone', 'away', 'a', 'never'] }))).toMatchObject({
      drift: [
        { path: 'role.inlinePolicies[old]', want: 'absent', have: policy() },
        {
          path: 'role.trustPolicy',
          want: expect.stringMatching(/^….*:reports"/),
          have: expect.stringMatching(/^….*:somebody-else"/),
        },
        { path: 'role.tags', want: 'absent', have: 'gone, away' },
        { path: 'role.tags', want: 'a=0, c=3', have: 'a=1, c=' },
      ],
    });
  });

  test('has one row for a trust policy that is closed meanwhile', () => {
    const observed = role({ trustPolicy: trust('somebody-else'), permissionsBoundaryArn: admin });
    const plan = planRole(desiredRole({ permissionsBoundaryArn: boundary }), observed, planContext());
    expect(typesOf(plan)).toEqual(['UpdateAssumeRolePolicy', 'PutRolePermissionsBoundary', 'UpdateAssumeRolePolicy']);
    expect(plan).toMatchObject({
      drift: [
        { path: 'role.permissionsBoundaryArn', want: boundary, have: admin },
        {
          path: 'role.trustPolicy',
          want: expect.stringMatching(/^….*:reports"/),
          have: expect.stringMatching(/^….*:somebody-else"/),
        },
      ],
    });
  });

  test('of a boundary that is taken away says so', () => {
    const plan = planRole(desiredRole(), role({ permissionsBoundaryArn: boundary }), planContext());
    expect(plan).toMatchObject({ drift: [{ path: 'role.permissionsBoundaryArn', want: 'absent', have: boundary }] });
  });

  test('of long texts is shown where they begin to differ', () => {
    const long = (end: string) => desiredRole({ description: `${'x'.repeat(500)}${end}` });
    const plan = planRole(long('new'), role({ description: long('old').description }), planContext());
    const shared = `…${'x'.repeat(64)}`;
    expect(plan).toMatchObject({ drift: [{ want: `${shared}new`, have: `${shared}old` }] });
    const short = planRole(
      desiredRole({ description: `${'x'.repeat(253)}new` }),
      role({ description: 'x'.repeat(256) }),
      planContext(),
    );
    expect(short).toMatchObject({ drift: [{ want: `${'x'.repeat(253)}new`, have: 'x'.repeat(256) }] });
  });

  test('is cut to what the status may hold [F57]', () => {
    const large = policy(Array.from({ length: 200 }, (_, index) => `s3:Action${index}`));
    const plan = planRole(desiredRole({ inlinePolicies: new Map([['a', large]]) }), role(), planContext());
    expect(plan).toMatchObject({ drift: [{ want: large.slice(0, 256), have: 'absent' }] });
  });
});
