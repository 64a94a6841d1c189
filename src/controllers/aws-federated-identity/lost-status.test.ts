import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { after, identity, ROLE_NAME, trust } from '../../../test/support/builders.ts';
import { identityScene, type IdentityScene } from '../../../test/support/identity-scene.ts';
import { ApiError } from '../../kube/errors.ts';
import { IDENTITIES, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';

const named = identity({ spec: { role: { name: ROLE_NAME } } });
const unavailable = new ApiError(503, 'ServiceUnavailable', 'no');

/** The next status of the identity gets lost on its way to the API server. */
const loseStatus = ({ kubernetes }: IdentityScene): void =>
  void kubernetes.refusals.set(`applyStatus ${IDENTITIES.kind} reports`, unavailable);

const changeByHand = ({ iam }: IdentityScene): void =>
  void iam.state.set(ROLE_NAME, { ...iam.state.get(ROLE_NAME)!, trustPolicy: trust('by-hand') });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a status that is lost', () => {
  test('with a repair that was not proven yet leaves the proof to the next pass', async () => {
    const scene = identityScene({ identity: named });
    await scene.reconcile();
    scene.clock.now = after(1_500_000);
    changeByHand(scene);
    scene.kubernetes.put(SERVICE_ACCOUNTS, { metadata: { namespace: 'analytics', name: 'reports' } });
    scene.kubernetes.refusals.set('apply ServiceAccount reports', unavailable);
    loseStatus(scene);
    await scene.failure();
    expect(scene.exchanged).toHaveLength(1);
    await scene.reconcile();
    expect(scene.exchanged).toHaveLength(2);
    await scene.reconcile();
    expect(scene.exchanged).toHaveLength(2);
  });

  test('with the time of a write leaves the next pass as patient with STS as this one', async () => {
    const scene = identityScene({ identity: named });
    scene.sts.answer = {
      kind: 'refused',
      code: 'AccessDenied',
      message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    };
    loseStatus(scene);
    await scene.failure();
    scene.clock.now = after(5_000);
    expect(await scene.failure()).toMatchObject({ reason: 'Propagating' });
    scene.clock.now = after(70_000);
    expect(await scene.failure()).toMatchObject({ reason: 'TokenExchangeFailed' });
  });

  test('with the time of a write has the next pass tell it', async () => {
    const scene = identityScene({ identity: named });
    loseStatus(scene);
    await scene.failure();
    expect(scene.stored()?.status?.lastSyncTime).toBeUndefined();
    scene.clock.now = after(5_000);
    await scene.reconcile();
    expect(scene.stored()?.status?.lastSyncTime).toBe('2026-03-01T12:00:00Z');
  });

  test('with a proof has it made again, and told', async () => {
    const scene = identityScene({ identity: named });
    loseStatus(scene);
    await scene.failure();
    expect(scene.exchanged).toHaveLength(1);
    await scene.reconcile();
    expect(scene.exchanged).toHaveLength(2);
    expect(scene.stored()?.status).toMatchObject({ lastVerifiedTime: expect.any(String) });
  });
});

test('a status that was written by hand proves nothing of a generation that this process has not proven', async () => {
  const scene = identityScene({ identity: named });
  await scene.reconcile();
  const stored = scene.stored()!;
  scene.kubernetes.put(IDENTITIES, {
    ...stored,
    metadata: { ...stored.metadata, generation: 2 },
    spec: { ...stored.spec, tokenExpirationSeconds: 3600 },
    status: {
      ...stored.status,
      conditions: stored.status?.conditions?.map((condition) => ({ ...condition, observedGeneration: 2 })),
    },
  });
  await scene.reconcile();
  expect(scene.exchanged).toHaveLength(2);
});
