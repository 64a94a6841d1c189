import { describe, expect, test } from 'vitest';
import { after, condition, identity, NOW, role, roleArn, thrownBy } from '../../../test/support/builders.ts';
import type { AwsFederatedIdentityStatus } from '../../crds/aws-federated-identity.ts';
import { type ReconcileError, retryable, terminal, waiting } from '../../errors.ts';
import { Progress } from '../../kube/progress.ts';
import { deletingStatus, type Findings, identityStatus, type Step, STEPS, suspendedStatus } from './status.ts';

const drift = [{ path: 'role.description', want: 'a', have: 'b' }];

/** A reconcile that fails at a step, or at none. */
async function progressUntil(failing?: Step, error?: ReconcileError): Promise<Progress<Step>> {
  const progress = new Progress(STEPS);
  for (const step of STEPS) {
    if (step === failing) {
      await thrownBy(() => progress.run(step, () => Promise.reject(error), String));
      return progress;
    }
    await progress.run(
      step,
      () => step,
      (done) => `${done} is done.`,
    );
  }
  return progress;
}

interface Reconciled {
  readonly failing?: Step;
  readonly error?: ReconcileError;
  readonly findings?: Findings;
  readonly previous?: AwsFederatedIdentityStatus;
  readonly generation?: number;
  readonly now?: Date;
}

async function statusAfter(reconciled: Reconciled = {}): Promise<AwsFederatedIdentityStatus> {
  const { failing, error, findings = { role: role() }, previous, generation = 1, now = NOW } = reconciled;
  const object = identity({ metadata: { generation }, ...(previous === undefined ? {} : { status: previous }) });
  return identityStatus(object, await progressUntil(failing, error), findings, now);
}

const states = ({ conditions = [] }: AwsFederatedIdentityStatus): Readonly<Record<string, string>> =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

const find = ({ conditions = [] }: AwsFederatedIdentityStatus, type: string) =>
  conditions.find((one) => one.type === type);

describe('after a reconcile', () => {
  test('that succeeded, everything is true, and neither Reconciling nor Stalled is there', async () => {
    expect(states(await statusAfter())).toEqual({
      Accepted: 'True Succeeded',
      FederationVerified: 'True Succeeded',
      Ready: 'True Succeeded',
      ResolvedRefs: 'True Succeeded',
      RoleReady: 'True Succeeded',
      ServiceAccountReady: 'True Succeeded',
      Synced: 'True InSync',
    });
  });

  test.each([
    {
      name: 'a terminal failure is Stalled, and Ready is False with its reason',
      error: terminal('RoleNotOwned', 'somebody has it'),
      expected: { RoleReady: 'False RoleNotOwned', Ready: 'False RoleNotOwned', Stalled: 'True RoleNotOwned' },
    },
    {
      name: 'a failure that is retried is Reconciling',
      error: waiting('AccessDenied', 'not allowed', 1),
      expected: {
        RoleReady: 'False AccessDenied',
        Ready: 'False AccessDenied',
        Reconciling: 'True ProgressingWithRetry',
      },
    },
    {
      name: 'what only takes its time leaves Ready Unknown',
      error: waiting('Propagating', 'soon', 1),
      expected: {
        RoleReady: 'Unknown Propagating',
        Ready: 'Unknown Propagating',
        Reconciling: 'True ProgressingWithRetry',
      },
    },
  ])('$name', async ({ error, expected }) => {
    expect(states(await statusAfter({ failing: 'RoleReady', error, findings: {} }))).toEqual({
      Accepted: 'True Succeeded',
      ResolvedRefs: 'True Succeeded',
      ServiceAccountReady: 'Unknown Pending',
      FederationVerified: 'Unknown Pending',
      Synced: 'Unknown Pending',
      ...expected,
    });
  });

  test('the message of the failure reaches Ready', async () => {
    const status = await statusAfter({ failing: 'Accepted', error: terminal('PolicyNotAllowed', 'Remove it.') });
    expect(find(status, 'Ready')?.message).toBe('Remove it.');
  });

  test('the findings are in the fields', async () => {
    const findings = { role: role(), tagKeys: ['team'], syncedAt: NOW, verifiedAt: after(1999), drift: [] };
    expect(await statusAfter({ findings })).toMatchObject({
      observedGeneration: 1,
      serviceAccount: 'reports',
      roleArn: roleArn(),
      roleId: 'AROAEXAMPLE0000001',
      tagKeys: ['team'],
      lastSyncTime: '2026-03-01T12:00:00Z',
      lastVerifiedTime: '2026-03-01T12:00:01Z',
      driftCount: 0,
      drift: [],
    });
  });

  test('drift is counted in full, shown in part, and Synced names its fields once', async () => {
    const many = Array.from({ length: 25 }, () => drift).flat();
    const status = await statusAfter({ findings: { drift: many } });
    expect(status).toMatchObject({ driftCount: 25, drift: many.slice(0, 20) });
    expect(find(status, 'Synced')).toMatchObject({
      status: 'False',
      reason: 'DriftDetected',
      message: 'AWS differs from the spec in role.description; see status.drift.',
    });
  });

  test('a failure before AWS was asked keeps what was known', async () => {
    const previous = await statusAfter({ findings: { role: role(), drift } });
    const error = waiting('ProviderNotReady', 'soon', 1);
    const status = await statusAfter({ previous, failing: 'ResolvedRefs', error, findings: {} });
    expect(status).toMatchObject({ roleArn: roleArn(), driftCount: 1, drift });
  });
});

describe('the status of an unchanged outcome', () => {
  test.each<Reconciled & { readonly name: string }>([
    { name: 'success' },
    { name: 'a terminal failure', failing: 'RoleReady', error: terminal('QuotaExceeded', 'too many') },
    { name: 'a failure that is retried', failing: 'RoleReady', error: retryable('AwsUnreachable', 'no answer') },
    { name: 'drift that is only shown', findings: { role: role(), drift } },
  ])('is deep-equal, so that nothing is written: $name', async (outcome) => {
    const first = await statusAfter(outcome);
    expect(await statusAfter({ ...outcome, previous: first, now: after(60_000) })).toEqual(first);
  });

  test('changes with the generation alone, so that waiters see that the new spec was looked at', async () => {
    const first = await statusAfter();
    const second = await statusAfter({ previous: first, generation: 2, now: after(1000) });
    expect(second.observedGeneration).toBe(2);
    for (const one of second.conditions ?? []) {
      expect(one.observedGeneration).toBe(2);
      expect(one.lastTransitionTime).toBe('2026-03-01T12:00:00Z');
    }
  });

  test('moves lastTransitionTime of what changed, and of nothing else', async () => {
    const previous = await statusAfter();
    const error = terminal('QuotaExceeded', 'too many');
    const status = await statusAfter({ previous, failing: 'RoleReady', error, now: after(60_000) });
    expect(find(status, 'RoleReady')?.lastTransitionTime).toBe('2026-03-01T12:01:00Z');
    expect(find(status, 'Accepted')?.lastTransitionTime).toBe('2026-03-01T12:00:00Z');
  });
});

describe('an outage', () => {
  const error = retryable('AwsUnreachable', 'connect ECONNREFUSED');

  test('leaves an identity ready that was ready before, and says what is known', async () => {
    const previous = await statusAfter();
    const status = await statusAfter({ previous, failing: 'RoleReady', error, findings: {}, now: after(60_000) });
    expect(states(status)).toMatchObject({
      Ready: 'True Succeeded',
      RoleReady: 'True Succeeded',
      Synced: 'Unknown AwsUnreachable',
    });
    expect(Object.keys(states(status))).not.toContain('Reconciling');
    expect(find(status, 'Ready')).toMatchObject({
      message: expect.stringContaining('connect ECONNREFUSED'),
      lastTransitionTime: '2026-03-01T12:00:00Z',
    });
  });

  test('leaves no proof standing for a role that was made anew: that one is not proven [F40]', async () => {
    const previous = await statusAfter();
    const findings = { role: { ...role(), id: 'AROANEW' } };
    const status = await statusAfter({ previous, failing: 'ServiceAccountReady', error, findings });
    expect(states(status)).toMatchObject({
      Ready: 'False AwsUnreachable',
      RoleReady: 'True Succeeded',
      FederationVerified: 'Unknown Pending',
    });
  });

  test.each([
    { name: 'whose spec has changed since', generation: 2, isReadyBefore: true },
    { name: 'that was not ready before', generation: 1, isReadyBefore: false },
  ])('makes no identity ready $name', async ({ generation, isReadyBefore }) => {
    const before: Reconciled = isReadyBefore
      ? {}
      : { failing: 'RoleReady', error: waiting('AccessDenied', 'not allowed', 1) };
    const previous = await statusAfter(before);
    const status = await statusAfter({ previous, generation, failing: 'RoleReady', error, findings: {} });
    expect(states(status)).toMatchObject({ Ready: 'False AwsUnreachable', Reconciling: 'True ProgressingWithRetry' });
  });
});

describe('a suspended identity', () => {
  test('keeps what was known, and says how to go on', async () => {
    const previous = await statusAfter();
    const status = suspendedStatus(identity({ status: previous, metadata: { generation: 2 } }), after(1000));
    expect(states(status)).toMatchObject({
      Ready: 'True Suspended',
      Synced: 'Unknown Suspended',
      RoleReady: 'True Succeeded',
    });
    expect(status).toMatchObject({ roleArn: roleArn(), observedGeneration: 2 });
    expect(find(status, 'Ready')?.message).toContain('spec.suspend');
  });

  test('is neither Reconciling nor Stalled', async () => {
    const previous = await statusAfter({ failing: 'RoleReady', error: terminal('QuotaExceeded', 'too many') });
    const status = suspendedStatus(identity({ status: previous }), NOW);
    expect(Object.keys(states(status))).not.toContain('Stalled');
  });

  test('that was never looked at is not ready', () => {
    expect(states(suspendedStatus(identity(), NOW))).toEqual({
      Ready: 'Unknown Suspended',
      Synced: 'Unknown Suspended',
    });
  });

  test('has an equal status the next time', async () => {
    const first = suspendedStatus(identity({ status: await statusAfter() }), NOW);
    expect(suspendedStatus(identity({ status: first }), after(60_000))).toEqual(first);
  });
});

describe('an identity that is being deleted', () => {
  test.each([
    { name: 'is not ready', error: undefined, reason: 'Deleting' },
    { name: 'says what it waits for', error: waiting('DeletionBlocked', 'in use by x', 1), reason: 'DeletionBlocked' },
  ])('$name', async ({ error, reason }) => {
    const progress = new Progress<'Deleted'>(['Deleted']);
    if (error !== undefined) await thrownBy(() => progress.run('Deleted', () => Promise.reject(error), String));
    const object = identity({ status: { roleArn: roleArn(), conditions: [condition()] } });
    const status = deletingStatus(object, progress, NOW);
    expect(states(status)).toEqual({ Ready: `False ${reason}`, Reconciling: `True ${reason}` });
    expect(status.roleArn).toBe(roleArn());
  });
});
