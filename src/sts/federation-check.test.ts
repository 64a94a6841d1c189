import { describe, expect, test } from 'vitest';
import { judge, PROPAGATION_MS } from './federation-check.ts';
import type { Exchange } from './token-exchange.ts';

const LONG_AGO = Infinity;
const refused = (code: string, message: string): Exchange => ({ kind: 'refused', code, message });

// The texts as AWS gives them (STS API errors, AWS re:Post).
const NO_PROVIDER = 'No OpenIDConnect provider found in your account for https://oidc.example.com';
const AUDIENCE = 'Incorrect token audience';
const NO_KEY =
  "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
const THUMBPRINT = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";
const NOT_AUTHORIZED = 'Not authorized to perform sts:AssumeRoleWithWebIdentity';

const expired = (now: number): Exchange =>
  refused('ExpiredTokenException', `Token expired: current date/time ${now} must be before 1731095240`);

describe('a refusal of STS long after the last write', () => {
  test.each([
    { code: 'InvalidIdentityToken', message: NO_PROVIDER, reason: 'ProviderMissing', says: 'AwsOidcProvider' },
    { code: 'InvalidIdentityToken', message: AUDIENCE, reason: 'AudienceNotRegistered', says: 'spec.clientIds' },
    { code: 'InvalidIdentityToken', message: NO_KEY, reason: 'IssuerUnreachable', says: 'JWKS' },
    { code: 'InvalidIdentityToken', message: THUMBPRINT, reason: 'IssuerUnreachable', says: 'spec.thumbprints' },
    { code: 'AccessDenied', message: NOT_AUTHORIZED, reason: 'TokenExchangeFailed', says: 'trust policy' },
    {
      code: 'InvalidIdentityToken',
      message: 'Missing a required claim: aud',
      reason: 'TokenExchangeFailed',
      says: 'required claim',
    },
    {
      code: 'InvalidIdentityToken',
      message: 'The web identity token provided could not be validated',
      reason: 'TokenExchangeFailed',
      says: 'validated',
    },
    {
      code: 'ExpiredTokenException',
      message: 'Token expired: current date/time 1731098245 must be before the expiration date/time 1731095240',
      reason: 'TokenExchangeFailed',
      says: 'Token expired',
    },
    {
      code: 'ExpiredTokenException',
      message: 'Token too old: 153938',
      reason: 'TokenExchangeFailed',
      says: 'Token too old',
    },
    { code: 'IDPRejectedClaim', message: 'rejected', reason: 'TokenExchangeFailed', says: 'IDPRejectedClaim' },
    {
      code: 'ValidationError',
      message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
      reason: 'TokenExchangeFailed',
      says: 'DurationSeconds',
    },
  ])('$code "$message" is $reason', ({ code, message, reason, says }) => {
    expect(judge(refused(code, message), LONG_AGO)).toEqual({
      kind: 'failed',
      reason,
      message: expect.stringContaining(says),
    });
    expect(judge(refused(code, message), LONG_AGO)).toHaveProperty('message', expect.stringContaining(code));
  });

  test('reads the same each time, though AWS puts times into it', () => {
    expect(judge(expired(1_731_098_245), LONG_AGO)).toEqual(judge(expired(1_731_099_999), LONG_AGO));
  });
});

describe('after a write', () => {
  test.each([
    { name: 'a missing provider may only be unknown yet', message: NO_PROVIDER, age: 0, kind: 'propagating' },
    { name: 'an audience may only be unknown yet', message: AUDIENCE, age: 1_000, kind: 'propagating' },
    { name: 'a role may only be unknown yet', message: NOT_AUTHORIZED, age: PROPAGATION_MS - 1, kind: 'propagating' },
    { name: 'after a minute it is a failure', message: NOT_AUTHORIZED, age: PROPAGATION_MS, kind: 'failed' },
    { name: 'an unreachable issuer has nothing to do with it', message: NO_KEY, age: 0, kind: 'failed' },
    { name: 'a wrong certificate has nothing to do with it', message: THUMBPRINT, age: 0, kind: 'failed' },
    { name: 'what is not understood has nothing to do with it', message: 'new text', age: 0, kind: 'failed' },
  ])('$name', ({ message, age, kind }) => {
    expect(judge(refused('X', message), age).kind).toBe(kind);
  });
});

test('an accepted token is the proof', () => {
  expect(judge({ kind: 'accepted' }, 0)).toEqual({ kind: 'verified' });
});

test('an STS that does not answer says nothing about the identity', () => {
  expect(judge({ kind: 'unreachable', message: 'ECONNREFUSED' }, 0)).toEqual({
    kind: 'failed',
    reason: 'AwsUnreachable',
    message: 'STS cannot be reached: ECONNREFUSED',
  });
});
