import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { desiredRole, owner, policy, policyArn, role, trust } from '../../../test/support/builders.ts';
import { inMemoryRoles } from '../../../test/support/in-memory-iam.ts';
import type { PolicyArn } from '../../iam/arn.ts';
import type { DesiredRole, Role } from '../../iam/roles.ts';
import { ownerTags } from '../../iam/tags.ts';
import { applyAction } from './apply.ts';
import { type PlanContext, planRole, type RoleAction } from './plan.ts';

const CONTEXT: PlanContext = {
  owner: owner(),
  recordedRoleId: undefined,
  adoption: undefined,
  formerTagKeys: ['team'],
};
const ACTIONS = ['s3:GetObject', 's3:PutObject', 'sqs:SendMessage'];
const MANAGED = ACTIONS.map((action) => policyArn(action.replace(':', '-')));

/** What a boundary lets through; in the model a policy is one action. */
const BOUNDARIES: ReadonlyMap<PolicyArn | undefined, ReadonlySet<string>> = new Map([
  [undefined, new Set(ACTIONS)],
  [policyArn('Narrow-Boundary'), new Set(ACTIONS.slice(0, 1))],
  [policyArn('Other-Boundary'), new Set(ACTIONS.slice(1))],
]);

const state: fc.Arbitrary<DesiredRole> = fc
  .record({
    description: fc.constantFrom('', 'a', 'b'),
    maxSessionDurationSeconds: fc.constantFrom(3600, 7200),
    trustPolicy: fc.constantFrom(trust('reports'), trust('sales')),
    permissionsBoundaryArn: fc.constantFrom(...BOUNDARIES.keys()),
    managedPolicyArns: fc.uniqueArray(fc.constantFrom(...MANAGED)).map((arns) => new Set(arns)),
    inlinePolicies: fc
      .dictionary(
        fc.constantFrom('one', 'two'),
        fc.constantFrom(...ACTIONS).map((action) => policy(action)),
      )
      .map((policies) => new Map(Object.entries(policies))),
    tags: fc
      .dictionary(fc.constantFrom('team', 'cost'), fc.constantFrom('x', 'y'))
      .map((tags) => new Map([...Object.entries(tags), ...ownerTags(owner())])),
  })
  .map((fields) => desiredRole(fields));

const actionsOf = (desired: DesiredRole, observed: Role | undefined): readonly RoleAction[] => {
  const plan = planRole(desired, observed, CONTEXT);
  if (plan.kind === 'refuse') throw new Error(plan.message);
  return plan.actions;
};

/** The role before the plan and after each of its actions. */
async function statesOf(desired: DesiredRole, observed: Role | undefined): Promise<readonly (Role | undefined)[]> {
  const iam = inMemoryRoles(...(observed === undefined ? [] : [observed]));
  const states = [observed];
  for (const action of actionsOf(desired, observed)) {
    await applyAction(iam.roles, desired.name, action, new AbortController().signal);
    states.push(iam.state.get(desired.name));
  }
  return states;
}

/** Who may do what: each principal that the trust policy lets in, with each action that a policy and the boundary allow. */
function allowed(observed: Role | undefined): ReadonlySet<string> {
  if (observed === undefined || observed.trustPolicy.includes('"Effect":"Deny"')) return new Set();
  const { trustPolicy, permissionsBoundaryArn, managedPolicyArns, inlinePolicies } = observed;
  const managed = ACTIONS.filter((_, index) => managedPolicyArns.has(MANAGED[index]!));
  const inline = ACTIONS.filter((action) => [...inlinePolicies.values()].includes(policy(action)));
  const within = BOUNDARIES.get(permissionsBoundaryArn);
  return new Set(
    [...managed, ...inline].filter((action) => within?.has(action)).map((action) => `${trustPolicy} ${action}`),
  );
}

const existing = state.map((fields): Role => ({ ...role(), ...fields }));

describe('laws of the plan', () => {
  test('applied, it leaves nothing to do, whatever was there before', async () => {
    await fc.assert(
      fc.asyncProperty(state, fc.option(existing, { nil: undefined }), async (desired, observed) => {
        const states = await statesOf(desired, observed);
        expect(actionsOf(desired, states.at(-1))).toEqual([]);
      }),
    );
  });

  test('stopped after any action, the next plan leads to the same end', async () => {
    await fc.assert(
      fc.asyncProperty(state, existing, fc.nat(), async (desired, observed, stop) => {
        const states = await statesOf(desired, observed);
        const resumed = await statesOf(desired, states[stop % states.length]);
        expect(resumed.at(-1)).toEqual(states.at(-1));
      }),
    );
  });

  test('between two actions nobody may do what neither the old nor the new role allows [S2]', async () => {
    await fc.assert(
      fc.asyncProperty(state, existing, async (desired, observed) => {
        const states = await statesOf(desired, observed);
        const either = allowed(states.at(0)).union(allowed(states.at(-1)));
        for (const between of states) expect([...allowed(between).difference(either)]).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a new role is never more than it will be', async () => {
    await fc.assert(
      fc.asyncProperty(state, async (desired) => {
        const states = await statesOf(desired, undefined);
        for (const between of states) expect(allowed(between).isSubsetOf(allowed(states.at(-1)))).toBe(true);
      }),
    );
  });
});
