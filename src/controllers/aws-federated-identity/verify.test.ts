import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { after, condition, identity, NOW, provider, roleArn, thrownBy } from '../../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../../test/support/in-memory-kubernetes.ts';
import type { Exchange } from '../../sts/token-exchange.ts';
import { requireProvenProvider, verifyFederation } from './verify.ts';

const ROLE_ID = 'AROAOFNOW';
const ACCEPTED: Exchange = { kind: 'accepted', roleId: ROLE_ID };
const NOT_AUTHORIZED: Exchange = {
  kind: 'refused',
  code: 'AccessDenied',
  message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
};
const UNKNOWN: Exchange = { kind: 'refused', code: 'IDPRejectedClaim', message: 'no' };

/** Verifies with an STS that gives these answers one after the other, the last one for ever. */
async function verification(answers: readonly Exchange[], lastWrite: Date | undefined) {
  const kubernetes = inMemoryKubernetes();
  const asked: string[] = [];
  const exchange = {
    exchange: async (region: string, arn: string, token: string): Promise<Exchange> => {
      asked.push(`${region} ${arn} ${token}`);
      return answers[Math.min(asked.length, answers.length) - 1] ?? ACCEPTED;
    },
  };
  const dependencies = { kubernetes: kubernetes.client, exchange, now: () => new Date() };
  const input = { identity: identity(), roleArn: roleArn(), roleId: ROLE_ID, region: 'eu-west-1', lastWrite };
  const outcome = verifyFederation(dependencies, input, new AbortController().signal).then(
    () => 'verified',
    (error: unknown) => error,
  );
  await vi.runAllTimersAsync();
  return { outcome: await outcome, asked };
}

describe('verification', () => {
  beforeEach(() => void vi.useFakeTimers({ now: NOW }));
  afterEach(() => void vi.useRealTimers());

  test('exchanges a token of the very ServiceAccount and audience', async () => {
    const { outcome, asked } = await verification([ACCEPTED], undefined);
    expect(outcome).toBe('verified');
    expect(asked).toEqual([`eu-west-1 ${roleArn()} token of analytics/reports for sts.amazonaws.com`]);
  });

  test('is not content with credentials of the role that had the name before', async () => {
    const ofAnother: Exchange = { kind: 'accepted', roleId: 'AROAOFBEFORE' };
    expect((await verification([ofAnother, { ...ofAnother, roleId: ROLE_ID }], undefined)).outcome).toBe('verified');
    const { outcome, asked } = await verification([ofAnother], undefined);
    expect(outcome).toMatchObject({ reason: 'Propagating', message: expect.stringContaining('had this name before') });
    expect(asked).toHaveLength(4);
  });

  test('waits a moment in place while IAM spreads what was just written [F30]', async () => {
    const { outcome, asked } = await verification([NOT_AUTHORIZED, NOT_AUTHORIZED, ACCEPTED], NOW);
    expect(outcome).toBe('verified');
    expect(asked).toHaveLength(3);
  });

  test('asks again for an issuer that was too slow once, before it is called unreachable', async () => {
    const slow: Exchange = {
      kind: 'refused',
      code: 'InvalidIdentityToken',
      message: "Couldn't retrieve verification key",
    };
    expect(await verification([slow, slow, ACCEPTED], undefined)).toMatchObject({ outcome: 'verified' });
    const { outcome, asked } = await verification([slow], undefined);
    expect(outcome).toMatchObject({ reason: 'IssuerUnreachable' });
    expect(asked).toHaveLength(4);
  });

  test('lets the worker go after four attempts, and comes back soon', async () => {
    const { outcome, asked } = await verification([NOT_AUTHORIZED], NOW);
    expect(outcome).toMatchObject({
      reason: 'Propagating',
      disposition: { kind: 'waiting', retryAfterMs: 3_000 },
    });
    expect(asked).toHaveLength(4);
  });

  test.each([
    {
      name: 'a refusal long after the last write',
      answer: NOT_AUTHORIZED,
      lastWrite: after(-60_000),
      reason: 'TokenExchangeFailed',
    },
    {
      name: 'a refusal when nothing was written',
      answer: NOT_AUTHORIZED,
      lastWrite: undefined,
      reason: 'TokenExchangeFailed',
    },
    { name: 'a refusal that no write explains', answer: UNKNOWN, lastWrite: NOW, reason: 'TokenExchangeFailed' },
    {
      name: 'an STS that does not answer',
      answer: { kind: 'unreachable', message: 'ECONNREFUSED' } as const,
      lastWrite: NOW,
      reason: 'AwsUnreachable',
    },
  ])('$name is a failure at once, and tried again later', async ({ answer, lastWrite, reason }) => {
    const { outcome, asked } = await verification([answer], lastWrite);
    expect(outcome).toMatchObject({ reason, disposition: { kind: 'retryable' } });
    expect(asked).toHaveLength(1);
  });

  test('ends with its signal', async () => {
    const stop = new AbortController();
    const { client: kubernetes } = inMemoryKubernetes();
    const exchange = { exchange: () => Promise.resolve(NOT_AUTHORIZED) };
    const input = { identity: identity(), roleArn: roleArn(), roleId: ROLE_ID, region: 'eu-west-1', lastWrite: NOW };
    const outcome = thrownBy(() => verifyFederation({ kubernetes, exchange, now: () => NOW }, input, stop.signal));
    stop.abort(new Error('leadership is lost'));
    await vi.runAllTimersAsync();
    expect(await outcome).toMatchObject({ message: 'leadership is lost' });
  });
});

describe('the mode provider', () => {
  const proof = (fields: Parameters<typeof condition>[0] = {}) =>
    provider({ status: { conditions: [condition({ type: 'FederationVerified', ...fields })] } });

  test('rests on the proof of this generation of the provider', () => {
    expect(() => requireProvenProvider('default', proof())).not.toThrow();
  });

  test.each([
    { name: 'no provider', given: undefined, says: 'STS was not shown' },
    { name: 'no proof', given: provider(), says: 'STS was not shown' },
    { name: 'a failed proof', given: proof({ status: 'False', message: 'No key.' }), says: 'No key.' },
    { name: 'a proof of an older generation', given: proof({ observedGeneration: 0 }), says: 'not proven yet' },
  ])('does not rest on $name', async ({ given, says }) => {
    expect(await thrownBy(() => requireProvenProvider('default', given))).toMatchObject({
      reason: 'ProviderNotReady',
      message: expect.stringContaining(says),
    });
  });
});
