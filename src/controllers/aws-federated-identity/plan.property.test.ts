import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { desiredRole, document, owner, policyArn, role, trust } from '../../../test/support/builders.ts';
import { inMemoryRoles } from '../../../test/support/in-memory-iam.ts';
import { PolicyArn, type RoleName } from '../../iam/arn.ts';
import { type PolicyDocument, sizeOfPolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole, Role } from '../../iam/roles.ts';
import { ownerTags } from '../../iam/tags.ts';
import { applyAction } from './apply.ts';
import { type PlanContext, planRole, planRoleDeletion, type RoleAction } from './plan.ts';

const CONTEXT: PlanContext = {
  owner: owner(),
  recordedRoleId: undefined,
  adoption: undefined,
  formerTagKeys: ['team'],
};
type Effect = 'Allow' | 'Deny';
const ofAccount = (name: string): PolicyArn => PolicyArn.parse(`arn:aws:iam::111122223333:policy/${name}`);
const [GET, PUT, SEND] = ['s3:GetObject', 's3:PutObject', 'sqs:SendMessage'] as const;
const ACTIONS: readonly string[] = [GET, PUT, SEND];

/** In the model a managed policy of AWS allows one action. One of the account may deny: the plan does not know what is in it. */
const MANAGED = new Map<PolicyArn, Partial<Record<Effect, string>>>([
  ...ACTIONS.map((action) => [policyArn(action.replace(':', '-')), { Allow: action }] as const),
  [ofAccount('Allows'), { Allow: GET }],
  [ofAccount('Both'), { Allow: PUT, Deny: SEND }],
  [ofAccount('Denies'), { Deny: GET }],
  [ofAccount('Other-Both'), { Allow: SEND, Deny: PUT }],
]);

/** What a boundary lets through. */
const BOUNDARIES: ReadonlyMap<PolicyArn | undefined, ReadonlySet<string>> = new Map([
  [undefined, new Set(ACTIONS)],
  [policyArn('Narrow-Boundary'), new Set(ACTIONS.slice(0, 1))],
  [policyArn('Other-Boundary'), new Set(ACTIONS.slice(1))],
]);

/** A document that allows an action, or denies one, or both, of any length. */
const inlineDocument = (): fc.Arbitrary<PolicyDocument> =>
  fc
    .tuple(
      fc.constantFrom('Allow', 'Deny', 'both'),
      fc.constantFrom(...ACTIONS),
      fc.constantFrom(...ACTIONS),
      fc.nat(40),
    )
    .map(([effect, allow, deny, length]) => {
      const Resource = '*'.repeat(1 + length);
      const Statement = [
        { Effect: 'Allow', Action: allow, Resource },
        { Effect: 'Deny', Action: deny, Resource },
      ].filter(({ Effect }) => effect === 'both' || effect === Effect);
      return document({ Version: '2012-10-17', Statement });
    });

const state: fc.Arbitrary<DesiredRole> = fc
  .record({
    description: fc.constantFrom('', 'a', 'b'),
    maxSessionDurationSeconds: fc.constantFrom(3600, 7200),
    trustPolicy: fc.constantFrom(trust('reports'), trust('sales')),
    permissionsBoundaryArn: fc.constantFrom(...BOUNDARIES.keys()),
    managedPolicyArns: fc
      .uniqueArray(fc.constantFrom(...MANAGED.keys()), { maxLength: 4 })
      .map((arns) => new Set(arns)),
    inlinePolicies: fc
      .dictionary(fc.constantFrom('one', 'two', 'three'), inlineDocument())
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

/** The role before the actions and after each of them. */
async function statesAfter(
  actions: readonly RoleAction[],
  { name, observed }: { readonly name: RoleName; readonly observed: Role | undefined },
): Promise<readonly (Role | undefined)[]> {
  const iam = inMemoryRoles(...(observed === undefined ? [] : [observed]));
  const states = [observed];
  for (const action of actions) {
    await applyAction(iam.roles, name, action, new AbortController().signal);
    states.push(iam.state.get(name));
  }
  return states;
}

/** The role before the plan and after each of its actions. */
const statesOf = (desired: DesiredRole, observed: Role | undefined): Promise<readonly (Role | undefined)[]> =>
  statesAfter(actionsOf(desired, observed), { name: desired.name, observed });

/** The actions that statements of an effect name, in any of the documents. */
const namedBy = (effect: Effect, documents: Iterable<PolicyDocument>): ReadonlySet<string> =>
  new Set(
    [...documents].flatMap((text) => {
      const { Statement }: { Statement: readonly { Effect: string; Action: string }[] } = JSON.parse(text);
      return Statement.flatMap(({ Effect, Action }) => (Effect === effect ? [Action] : []));
    }),
  );

/**
 * Who may do what for how long: each principal that the trust policy lets in, with each action that a policy and the boundary
 * allow and no policy denies, in each session that IAM gives.
 */
function allowed(observed: Role | undefined): ReadonlySet<string> {
  if (observed === undefined || observed.trustPolicy.includes('"Effect":"Deny"')) return new Set();
  const { trustPolicy, permissionsBoundaryArn, managedPolicyArns, inlinePolicies } = observed;
  const named = (effect: Effect): ReadonlySet<string> => {
    const managed = [...managedPolicyArns].flatMap((arn) => MANAGED.get(arn)?.[effect] ?? []);
    return namedBy(effect, inlinePolicies.values()).union(new Set(managed));
  };
  const within = BOUNDARIES.get(permissionsBoundaryArn) ?? new Set();
  const actions = named('Allow').intersection(within).difference(named('Deny'));
  const sessions = [3600, 7200].filter((seconds) => seconds <= observed.maxSessionDurationSeconds);
  return new Set([...actions].flatMap((action) => sessions.map((seconds) => `${trustPolicy} ${action} ${seconds}`)));
}

/** What IAM's quota for inline policies counts. */
const inlineSize = (observed: Role | undefined): number =>
  [...(observed?.inlinePolicies.values() ?? [])].reduce((sum, text) => sum + sizeOfPolicyDocument(text), 0);

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
      { numRuns: 2_000 },
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

  test('a role that is being deleted is never more than it was', async () => {
    await fc.assert(
      fc.asyncProperty(existing, async (observed) => {
        const states = await statesAfter(planRoleDeletion(observed), { name: observed.name, observed });
        expect(states.at(-1)).toBeUndefined();
        for (const between of states) expect(allowed(between).isSubsetOf(allowed(observed))).toBe(true);
      }),
    );
  });

  test('between two actions the inline policies are no longer than before or after, since IAM has a quota for them', async () => {
    await fc.assert(
      fc.asyncProperty(state, existing, async (desired, observed) => {
        const sizes = (await statesOf(desired, observed)).map(inlineSize);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.max(sizes.at(0) ?? 0, sizes.at(-1) ?? 0));
      }),
    );
  });
});
