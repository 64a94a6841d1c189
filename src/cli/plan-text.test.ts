import { describe, expect, test } from 'vitest';
import { desiredRole, owner, policy, policyArn, role, ROLE_NAME, trust } from '../../test/support/builders.ts';
import { planRole } from '../controllers/aws-federated-identity/plan.ts';
import type { DesiredRole, Role } from '../iam/roles.ts';
import { exitCodeOf, type IdentityPlan, type Outcome } from './identity-plan.ts';
import { planJson } from './plan-json.ts';
import { planText } from './plan-text.ts';
import { painter } from './terminal.ts';

const S3 = policyArn('AmazonS3ReadOnlyAccess');
const BOUNDARY = policyArn('ReadOnlyAccess');

const planned = (desired: DesiredRole, observed: Role | undefined, formerTagKeys: readonly string[] = []): Outcome => {
  const context = { owner: owner(), recordedRoleId: undefined, adoption: undefined, formerTagKeys };
  const plan = planRole(desired, observed, context);
  if (plan.kind === 'refuse') return { kind: 'refused', reason: plan.reason, message: plan.message };
  return { kind: 'planned', actions: plan.actions, drift: plan.drift, observed };
};

const identityPlan = (outcome: Outcome, fields: Partial<IdentityPlan> = {}): IdentityPlan => ({
  namespace: 'analytics',
  name: 'reports',
  role: ROLE_NAME,
  remarks: [],
  outcome,
  ...fields,
});

const plain = painter(false);
const text = (outcome: Outcome): readonly string[] =>
  planText([identityPlan(outcome)], plain)
    .trimEnd()
    .split('\n')
    .slice(1);

describe('planText', () => {
  test.each([
    {
      name: 'a policy to attach',
      desired: { managedPolicyArns: new Set([S3]) },
      observed: {},
      line: `  + role.managedPolicyArns: ${S3}  # AttachRolePolicy`,
    },
    {
      name: 'a policy to detach',
      desired: {},
      observed: { managedPolicyArns: new Set([S3]) },
      line: `  - role.managedPolicyArns: ${S3}  # DetachRolePolicy`,
    },
    {
      name: 'a boundary to set',
      desired: { permissionsBoundaryArn: BOUNDARY },
      observed: {},
      line: `  + role.permissionsBoundaryArn: ${BOUNDARY}  # PutRolePermissionsBoundary`,
    },
    {
      name: 'a boundary to change',
      desired: { permissionsBoundaryArn: BOUNDARY },
      observed: { permissionsBoundaryArn: S3 },
      line: `  ~ role.permissionsBoundaryArn: ${S3} -> ${BOUNDARY}  # PutRolePermissionsBoundary`,
    },
    {
      name: 'a boundary to remove',
      desired: {},
      observed: { permissionsBoundaryArn: S3 },
      line: `  - role.permissionsBoundaryArn: ${S3}  # DeleteRolePermissionsBoundary`,
    },
    {
      name: 'a session duration to change',
      desired: { maxSessionDurationSeconds: 7200 },
      observed: {},
      line: '  ~ role.maxSessionDurationSeconds: 3600 -> 7200  # UpdateRole',
    },
    {
      name: 'a description to clear',
      desired: {},
      observed: { description: 'by hand' },
      line: '  ~ role.description: by hand -> ""  # UpdateRole',
    },
    {
      name: 'a tag to change',
      desired: { tags: new Map([...role().tags, ['team', 'a']]) },
      observed: { tags: new Map([...role().tags, ['team', 'b']]) },
      line: '  ~ role.tags: team=b -> team=a  # TagRole',
    },
  ])('$name is one line with its operation', ({ desired, observed, line }) => {
    expect(text(planned(desiredRole(desired), role(observed)))).toEqual([line, '  1 to change.']);
  });

  test('a tag that an earlier spec set goes', () => {
    const observed = role({ tags: new Map([...role().tags, ['old', 'x']]) });
    expect(text(planned(desiredRole(), observed, ['old']))).toEqual([
      '  - role.tags: old  # UntagRole',
      '  1 to change.',
    ]);
  });

  test('two fields that one call changes are two lines', () => {
    const desired = desiredRole({
      description: 'x',
      maxSessionDurationSeconds: 7200,
      managedPolicyArns: new Set([S3]),
    });
    expect(text(planned(desired, role()))).toEqual([
      `  + role.managedPolicyArns: ${S3}  # AttachRolePolicy`,
      '  ~ role.description: "" -> x  # UpdateRole',
      '  ~ role.maxSessionDurationSeconds: 3600 -> 7200  # UpdateRole',
      '  3 to change.',
    ]);
  });

  test('a changed trust policy shows the lines that differ', () => {
    const lines = text(planned(desiredRole(), role({ trustPolicy: trust('others') })));
    expect(lines[0]).toBe('  ~ role.trustPolicy  # UpdateAssumeRolePolicy');
    expect(lines.filter((line) => /^ {6}[+-]/.test(line))).toEqual([
      expect.stringMatching(/^ {6}- .*:sub": "system:serviceaccount:analytics:others"$/),
      expect.stringMatching(/^ {6}\+ .*:sub": "system:serviceaccount:analytics:reports"$/),
    ]);
  });

  test.each([
    {
      name: 'new',
      sign: '+',
      desired: { inlinePolicies: new Map([['p', policy()]]) },
      observed: {},
      operation: 'PutRolePolicy',
    },
    {
      name: 'gone',
      sign: '-',
      desired: {},
      observed: { inlinePolicies: new Map([['p', policy()]]) },
      operation: 'DeleteRolePolicy',
    },
  ])('an inline policy that is $name is shown whole', ({ sign, desired, observed, operation }) => {
    const lines = text(planned(desiredRole(desired), role(observed)));
    expect(lines[0]).toBe(`  ${sign} role.inlinePolicies[p]  # ${operation}`);
    expect(lines.slice(1, -1).every((line) => line.startsWith(`      ${sign} `))).toBe(true);
  });

  test('a refusal says why', () => {
    const lines = text(planned(desiredRole(), role({ tags: new Map() })));
    expect(lines[0]).toMatch(/^ {2}! RoleNotOwned: IAM role analytics-reports exists and is left untouched/);
  });

  test('several identities end in a total', () => {
    const plans = [
      identityPlan(planned(desiredRole(), role())),
      identityPlan(planned(desiredRole(), undefined)),
      identityPlan(planned(desiredRole(), role({ tags: new Map() }))),
    ];
    expect(planText(plans, plain)).toMatch(/\n\n3 identities: 1 in sync, 1 to change, 1 refused\.\n$/);
  });

  test('what AWS or a tenant wrote cannot steer the terminal', () => {
    const lines = text(planned(desiredRole(), role({ description: '\u001b[2J\u009b\u202e\nnext' })));
    expect(lines[0]).toBe(String.raw`  ~ role.description: \u001b[2J\u009b\u202e\u000anext -> ""  # UpdateRole`);
  });

  test('colours only where they are wanted', () => {
    const plans = [identityPlan(planned(desiredRole({ managedPolicyArns: new Set([S3]) }), role()))];
    expect(planText(plans, painter(true))).toContain(`\u001b[32m+ role.managedPolicyArns: ${S3}\u001b[39m`);
    expect(planText(plans, plain)).not.toContain('\u001b');
  });
});

describe('planJson', () => {
  test('sets, maps and documents become JSON', () => {
    const desired = desiredRole({ inlinePolicies: new Map([['p', policy()]]), tags: new Map([['team', 'a']]) });
    const [row] = JSON.parse(planJson([identityPlan(planned(desired, undefined))]));
    expect(row.actions).toEqual([
      {
        type: 'CreateRole',
        role: {
          name: ROLE_NAME,
          path: '/federated/',
          description: '',
          maxSessionDurationSeconds: 3600,
          trustPolicy: JSON.parse(trust()),
          tags: { team: 'a' },
        },
      },
      { type: 'PutRolePolicy', policyName: 'p', document: JSON.parse(policy()) },
    ]);
  });

  test('a row has the same keys whatever became of it', () => {
    const refused = identityPlan({ kind: 'refused', reason: 'ProviderNotFound', message: 'm' }, { role: undefined });
    expect(JSON.parse(planJson([refused]))).toEqual([
      {
        namespace: 'analytics',
        name: 'reports',
        role: null,
        actions: [],
        drift: [],
        refused: { reason: 'ProviderNotFound', message: 'm' },
      },
    ]);
  });
});

describe('exitCodeOf', () => {
  const inSync = identityPlan(planned(desiredRole(), role()));
  const changing = identityPlan(planned(desiredRole(), undefined));
  const refused = identityPlan(planned(desiredRole(), role({ tags: new Map() })));
  test.each([
    { name: 'nothing to look at', plans: [], expected: 0 },
    { name: 'all in sync', plans: [inSync, inSync], expected: 0 },
    { name: 'one with changes', plans: [inSync, changing], expected: 2 },
    { name: 'one refused, which counts more than changes', plans: [changing, refused], expected: 1 },
  ])('$name: $expected', ({ plans, expected }) => {
    expect(exitCodeOf(plans)).toBe(expected);
  });
});
