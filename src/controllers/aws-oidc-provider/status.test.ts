import { describe, expect, test } from 'vitest';
import { ACCOUNT, after, ISSUER, NOW, provider, PROVIDER_ARN, thrownBy } from '../../../test/support/builders.ts';
import type { AwsOidcProviderStatus } from '../../crds/aws-oidc-provider.ts';
import { type ReconcileError, retryable, terminal } from '../../errors.ts';
import { Partition } from '../../iam/arn.ts';
import { Progress } from '../../kube/progress.ts';
import type { AwsOidcProvider } from '../../kube/kinds.ts';
import { deletingStatus, type Findings, providerStatus, type Step, stepsOf } from './status.ts';

const found: Findings = {
  issuer: ISSUER,
  arn: PROVIDER_ARN,
  thumbprints: ['a'],
  caller: { arn: 'x', account: ACCOUNT, partition: Partition.parse('aws') },
};

const STEPS = stepsOf(provider(), 'token');

interface Reconciled {
  readonly failing?: Step;
  readonly error?: ReconcileError;
  readonly findings?: Findings;
  readonly previous?: AwsOidcProviderStatus;
  readonly generation?: number;
  readonly now?: Date;
  readonly identities?: number;
}

async function statusAfter(reconciled: Reconciled = {}): Promise<AwsOidcProviderStatus> {
  const { failing, error, findings = found, previous = {}, generation = 1, now = NOW, identities = 2 } = reconciled;
  const progress = new Progress(STEPS);
  for (const step of STEPS.slice(0, failing === undefined ? STEPS.length : STEPS.indexOf(failing)))
    await progress.run(
      step,
      () => step,
      (done) => `${done} is done.`,
    );
  if (failing !== undefined) await thrownBy(() => progress.run(failing, () => Promise.reject(error), String));
  const object: AwsOidcProvider = { ...provider({ metadata: { generation } }), status: previous };
  return providerStatus(object, progress, { ...findings, identities }, now);
}

const states = ({ conditions = [] }: AwsOidcProviderStatus): Readonly<Record<string, string>> =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));

describe('the status of a provider', () => {
  test('after success tells all that was found', async () => {
    const status = await statusAfter();
    expect(status).toMatchObject({
      observedGeneration: 1,
      issuer: ISSUER,
      arn: PROVIDER_ARN,
      accountId: ACCOUNT,
      partition: 'aws',
      thumbprints: ['a'],
      identities: 2,
    });
    expect(states(status)).toEqual({
      Accepted: 'True Succeeded',
      CredentialsValid: 'True Succeeded',
      IssuerReachable: 'True Succeeded',
      ProviderReady: 'True Succeeded',
      FederationVerified: 'True Succeeded',
      Ready: 'True Succeeded',
    });
  });

  test.each([
    {
      name: 'a terminal failure',
      error: terminal('IssuerHasPort', 'a port'),
      expected: { Accepted: 'False IssuerHasPort', Ready: 'False IssuerHasPort', Stalled: 'True IssuerHasPort' },
    },
    {
      name: 'a failure that is retried',
      error: retryable('TokenRequestFailed', 'no token'),
      expected: {
        Accepted: 'False TokenRequestFailed',
        Ready: 'False TokenRequestFailed',
        Reconciling: 'True ProgressingWithRetry',
      },
    },
  ])('after $name leaves later steps pending', async ({ error, expected }) => {
    expect(states(await statusAfter({ failing: 'Accepted', error, findings: {} }))).toEqual({
      CredentialsValid: 'Unknown Pending',
      IssuerReachable: 'Unknown Pending',
      FederationVerified: 'Unknown Pending',
      ProviderReady: 'Unknown Pending',
      ...expected,
    });
  });

  test('is deep-equal for an equal outcome, so that nothing is written', async () => {
    const previous = await statusAfter();
    expect(await statusAfter({ previous, now: after(60_000) })).toEqual(previous);
  });

  test('counts identities without moving a time', async () => {
    const previous = await statusAfter();
    expect(await statusAfter({ previous, identities: 3, now: after(60_000) })).toEqual({ ...previous, identities: 3 });
  });

  test('speaks of the generation that was looked at', async () => {
    const status = await statusAfter({ previous: await statusAfter(), generation: 2 });
    expect([status.observedGeneration, ...(status.conditions ?? []).map((one) => one.observedGeneration)]).toEqual([
      2, 2, 2, 2, 2, 2, 2,
    ]);
  });

  test('stays ready in an outage, and keeps what identities need', async () => {
    const previous = await statusAfter();
    const error = retryable('AwsUnreachable', 'no answer');
    const status = await statusAfter({ previous, failing: 'ProviderReady', error, findings: {} });
    expect(states(status)).toMatchObject({ Ready: 'True Succeeded' });
    expect(status).toMatchObject({ arn: PROVIDER_ARN, issuer: ISSUER });
  });

  test.each([
    { name: 'all', spec: {}, verification: 'token', missing: ['IssuerPublished'] },
    {
      name: 'no check',
      spec: { issuer: { check: 'Skip' } },
      verification: 'provider',
      missing: ['IssuerPublished', 'IssuerReachable'],
    },
    { name: 'no proof', spec: {}, verification: 'off', missing: ['IssuerPublished', 'FederationVerified'] },
  ] as const)('has no condition for what is switched off: $name', ({ spec, verification, missing }) => {
    const steps = new Set<string>(stepsOf(provider({ spec }), verification));
    expect(missing.filter((step) => steps.has(step))).toEqual([]);
    expect(steps.size + missing.length).toBe(6);
  });

  test('while it is deleted is not ready, and says what it waits for', async () => {
    const progress = new Progress<'Deleted'>(['Deleted']);
    await thrownBy(() => progress.run('Deleted', () => Promise.reject(terminal('InUse', 'two use it')), String));
    const status = deletingStatus(provider(), progress, NOW);
    expect(states(status)).toEqual({ Ready: 'False InUse', Reconciling: 'True InUse' });
  });
});
