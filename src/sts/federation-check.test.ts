import { describe, expect, test } from 'vitest';
import { judge, PROPAGATION_MS } from './federation-check.ts';
import type { Clocks } from './clocks.ts';
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
    { code: 'InvalidIdentityToken', message: THUMBPRINT, reason: 'ThumbprintMismatch', says: 'spec.thumbprints' },
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
      reason: 'ClockSkew',
      says: 'NTP',
    },
    {
      code: 'ExpiredTokenException',
      message: 'Token too old: 15393',
      reason: 'ClockSkew',
      says: 'Token too old: …',
    },
    {
      code: 'InvalidIdentityToken',
      message: 'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      reason: 'TokenExchangeFailed',
      says: 'JWKS of this API server',
    },
    {
      code: 'IDPCommunicationError',
      message: 'The identity provider could not be reached',
      reason: 'IssuerUnreachable',
      says: 'port 443',
    },
    {
      code: 'RegionDisabledException',
      message: 'STS is not activated in this region for account:111122223333.',
      reason: 'AwsRequestFailed',
      says: 'spec.region',
    },
    { code: 'ValidationError', message: 'Request ARN is invalid', reason: 'TokenExchangeFailed', says: 'partition' },
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

describe('after a write [F30]', () => {
  test.each([
    { name: 'a missing provider may only be unknown yet', message: NO_PROVIDER, age: 0, kind: 'propagating' },
    { name: 'an audience may only be unknown yet', message: AUDIENCE, age: 1_000, kind: 'propagating' },
    { name: 'a role may only be unknown yet', message: NOT_AUTHORIZED, age: PROPAGATION_MS - 1, kind: 'propagating' },
    { name: 'after a minute it is a failure', message: NOT_AUTHORIZED, age: PROPAGATION_MS, kind: 'failed' },
    { name: 'an unreachable issuer has nothing to do with it', message: NO_KEY, age: 0, kind: 'failed' },
    { name: 'a thumbprint may only be unknown yet', message: THUMBPRINT, age: 0, kind: 'propagating' },
    { name: 'what is not understood has nothing to do with it', message: 'new text', age: 0, kind: 'failed' },
  ])('$name', ({ message, age, kind }) => {
    expect(judge(refused('X', message), age).kind).toBe(kind);
  });
});

describe('a clock that is off [F66]', () => {
  const off = (clocks: Clocks, message = EXPIRED) => judge({ kind: 'refused', code: 'X', message, clocks }, LONG_AGO);
  const EXPIRED = 'Token expired: current date/time 1731098245 must be before the expiration date/time 1731095240';
  const UNVALIDATED = 'The web identity token provided could not be validated';

  test.each([
    {
      name: 'behind',
      clocks: { operator: 0, apiServer: -724.6 },
      says: 'API server, which dates the tokens, is about 720 s behind',
    },
    { name: 'ahead', clocks: { operator: 0, apiServer: 431 }, says: 'about 430 s ahead of' },
    {
      name: 'the operator alone',
      clocks: { operator: -300, apiServer: 2 },
      says: "operator's node is about 300 s behind",
    },
  ])('is named with its seconds: $name', ({ clocks, says }) => {
    for (const message of [EXPIRED, UNVALIDATED])
      expect(off(clocks, message)).toMatchObject({ reason: 'ClockSkew', message: expect.stringContaining(says) });
  });

  test('is not the cause where times do not matter, or below a minute', () => {
    expect(off({ operator: 0, apiServer: 400 }, NOT_AUTHORIZED)).toMatchObject({ reason: 'TokenExchangeFailed' });
    expect(off({ operator: 60, apiServer: -60 }, UNVALIDATED)).toMatchObject({ reason: 'TokenExchangeFailed' });
  });

  test('reads the same though each measurement differs a little', () => {
    expect(off({ operator: 0, apiServer: 721 })).toEqual(off({ operator: 0.3, apiServer: 718.9 }));
  });

  test('does no harm while AWS takes the token', () => {
    expect(judge({ kind: 'accepted', clocks: { operator: 200, apiServer: 200 } }, 0)).toEqual({ kind: 'verified' });
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
