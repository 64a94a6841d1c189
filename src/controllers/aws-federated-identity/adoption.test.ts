import { describe, expect, test, vi } from 'vitest';
import {
  after,
  condition,
  desiredRole,
  identity,
  provider,
  role,
  ROLE_NAME,
  thrownBy,
} from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import { AdoptionNotices, announceAdoption, requireRoleToAdopt } from './adoption.ts';
import type { RolePlan } from './plan.ts';
import type { Findings } from './status.ts';

const drift = [{ path: 'role.description', want: 'new', have: 'old' }];
type ApplyPlan = Extract<RolePlan, { kind: 'apply' }>;

const plan = (adopts = true, actions: ApplyPlan['actions'] = []): ApplyPlan => ({
  kind: 'apply',
  name: ROLE_NAME,
  actions,
  drift,
  adopts,
});

const announced = (fields: Parameters<typeof condition>[0] = {}): AwsFederatedIdentity =>
  identity({
    status: {
      conditions: [
        condition({ type: 'Ready', reason: 'AdoptionPending' }),
        condition({ type: 'RoleReady', status: 'False', reason: 'AdoptionPending', ...fields }),
      ],
    },
  });

/** What an adoption says at a time, and what it shows. */
async function announcement(
  notices: AdoptionNotices,
  seconds: number,
  {
    object = announced(),
    adopts = true,
    actions = [],
  }: {
    readonly object?: AwsFederatedIdentity;
    readonly adopts?: boolean;
    readonly actions?: ApplyPlan['actions'];
  } = {},
): Promise<{ readonly error: unknown; readonly shown: readonly Findings[] }> {
  const shown: Findings[] = [];
  const learn = (findings: Findings): void => void shown.push(findings);
  const error = await thrownBy(() => {
    announceAdoption(object, plan(adopts, actions), { notices, learn, now: after(seconds * 1000) });
    throw undefined;
  });
  return { error, shown };
}

describe('an adoption [S1]', () => {
  test('is shown first, with how long there is to stop it', async () => {
    const { error, shown } = await announcement(new AdoptionNotices(), 0, { object: identity() });
    expect(shown).toEqual([{ drift }]);
    expect(error).toMatchObject({
      reason: 'AdoptionPending',
      message: `IAM role ${ROLE_NAME} will be adopted in 10 seconds: status.drift shows what changes. Set spec.suspend to true to stop it.`,
      disposition: { kind: 'waiting', retryAfterMs: 10_000 },
    });
  });

  test('is carried out ten seconds after it was shown, and not a moment before', async () => {
    const notices = new AdoptionNotices();
    await announcement(notices, 0);
    expect((await announcement(notices, 4)).error).toMatchObject({ disposition: { retryAfterMs: 6_000 } });
    expect((await announcement(notices, 9.999)).error).toMatchObject({ disposition: { retryAfterMs: 100 } });
    expect(await announcement(notices, 10)).toEqual({ error: undefined, shown: [] });
  });

  test('is shown anew, for as long, when it would do something else than was shown', async () => {
    const notices = new AdoptionNotices();
    await announcement(notices, 0);
    const actions = [{ type: 'DeleteRolePolicy', policyName: 'made meanwhile' }] as const;
    expect(await announcement(notices, 10, { actions })).toMatchObject({
      error: { reason: 'AdoptionPending', disposition: { retryAfterMs: 10_000 } },
      shown: [{ drift }],
    });
    const same = structuredClone(actions);
    expect((await announcement(notices, 20, { actions: same })).error).toBeUndefined();
  });

  test.each([
    { name: 'nothing was shown', object: identity() },
    { name: 'something else was shown', object: announced({ reason: 'Progressing' }) },
    { name: 'it was shown elsewhere', object: announced({ type: 'Synced' }) },
    { name: 'another generation was shown', object: announced({ observedGeneration: 0 }) },
  ])('waits on while $name in the status, however long it takes', async ({ object }) => {
    const notices = new AdoptionNotices();
    await announcement(notices, 0, { object });
    expect((await announcement(notices, 60, { object })).error).toMatchObject({
      reason: 'AdoptionPending',
      disposition: { retryAfterMs: 100 },
    });
  });

  test('of a role that does not exist is refused', async () => {
    const adoption = { roleId: 'AROAEXAMPLE0000001', allowed: true, rolePath: undefined, provider: 'default' };
    const desired = { adoption, role: desiredRole() };
    expect(() => requireRoleToAdopt(desired, role())).not.toThrow();
    expect(() => requireRoleToAdopt({ ...desired, adoption: undefined }, undefined)).not.toThrow();
    expect(await thrownBy(() => requireRoleToAdopt(desired, undefined))).toMatchObject({
      reason: 'AdoptionRefused',
      message: expect.stringMatching(/does not exist\. Remove spec\.adopt/),
      disposition: { kind: 'terminal' },
    });
  });

  test('of a role that is ours already needs no notice', async () => {
    const object = identity();
    expect(await announcement(new AdoptionNotices(), 0, { object, adopts: false })).toEqual({
      error: undefined,
      shown: [],
    });
  });

  test('has a notice for each object and generation', () => {
    const notices = new AdoptionNotices();
    const of = (uid: string, generation: number, seconds: number): number =>
      notices.remaining(identity({ metadata: { uid, generation } }), [], after(seconds * 1000));
    expect([of('a', 1, 0), of('a', 1, 3), of('a', 2, 3), of('b', 1, 3), of('a', 1, 4)]).toEqual([
      10_000, 7_000, 10_000, 10_000, 6_000,
    ]);
  });
});

test('of a role that does not exist is refused under Observe too, and no other way is shown', async () => {
  vi.useFakeTimers();
  const scene = identityScene({
    identity: identity({ spec: { adopt: { roleId: 'AROAEXAMPLE0000001' }, managementPolicy: 'Observe' } }),
    provider: provider({ spec: { guardrails: { adoption: 'Allow' } } }),
  });
  expect(await scene.failure()).toMatchObject({ reason: 'AdoptionRefused' });
  vi.useRealTimers();
});
