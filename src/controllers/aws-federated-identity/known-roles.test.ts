import { describe, expect, test } from 'vitest';
import { after, desiredRole, NOW, policyArn, role, roleArn } from '../../../test/support/builders.ts';
import { KnownRoles } from './known-roles.ts';

const MAX_AGE = 480_000;
const WINDOW = 60_000;
const reference = { arn: roleArn(), id: 'AROAEXAMPLE0000001' };
const known = (written = false) => ({ desired: desiredRole(), reference, written });

describe('a role that was as desired', () => {
  const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
  roles.remember('uid', known(), NOW);

  test.each([
    { name: 'is known while it is fresh', uid: 'uid', desired: desiredRole(), at: after(MAX_AGE - 1), isKnown: true },
    {
      name: 'is looked at again when it is old',
      uid: 'uid',
      desired: desiredRole(),
      at: after(MAX_AGE),
      isKnown: false,
    },
    {
      name: 'is looked at again when something else is desired',
      uid: 'uid',
      desired: desiredRole({ managedPolicyArns: new Set([policyArn('AmazonS3ReadOnlyAccess')]) }),
      at: NOW,
      isKnown: false,
    },
    { name: 'is known of no other identity', uid: 'other', desired: desiredRole(), at: NOW, isKnown: false },
  ])('$name', ({ uid, desired, at, isKnown }) => {
    expect(roles.get(uid, desired, at)).toEqual(isKnown ? reference : undefined);
  });
});

test.each([
  { name: 'one that was just seen', uid: 'uid', at: NOW, staleInMs: MAX_AGE },
  { name: 'one that was seen a while ago', uid: 'uid', at: after(MAX_AGE - 1_000), staleInMs: 1_000 },
  { name: 'one that nobody looked at for long', uid: 'uid', at: after(2 * MAX_AGE), staleInMs: 0 },
  { name: 'one that is not known', uid: 'other', at: NOW, staleInMs: 0 },
])('$name must be looked at again in $staleInMs ms', ({ uid, at, staleInMs }) => {
  const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
  roles.remember('uid', known(), NOW);
  expect(roles.staleInMs(uid, at)).toBe(staleInMs);
});

test('what is forgotten is looked at again', () => {
  const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
  roles.remember('uid', known(true), NOW);
  roles.forget('uid');
  expect(roles.get('uid', desiredRole(), NOW)).toBeUndefined();
  expect(roles.recentlyWritten('uid', NOW)).toBeUndefined();
});

describe('within the consistency window [F29]', () => {
  test.each([
    { name: 'what we wrote counts', written: true, at: after(WINDOW - 1), counts: true },
    { name: 'no longer after it', written: true, at: after(WINDOW), counts: false },
    { name: 'not what we only read', written: false, at: NOW, counts: false },
  ])('$name', ({ written, at, counts }) => {
    const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
    roles.remember('uid', known(written), NOW);
    expect(roles.recentlyWritten('uid', at)).toEqual(counts ? role() : undefined);
  });

  test('a look that found nothing to do does not end it', () => {
    const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
    roles.remember('uid', known(true), NOW);
    roles.remember('uid', known(false), after(10_000));
    expect(roles.recentlyWritten('uid', after(20_000))).toEqual(role());
  });
});

describe('what the sweep found to differ', () => {
  test('is asked once, and makes the memory void', () => {
    const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
    roles.remember('uid', known(), NOW);
    roles.suspect('uid', role({ description: 'changed' }));
    expect(roles.get('uid', desiredRole(), NOW)).toBeUndefined();
    expect(roles.takeSuspect('uid')).toEqual({ observed: role({ description: 'changed' }) });
    expect(roles.takeSuspect('uid')).toBeUndefined();
  });

  test('may be that the role is gone', () => {
    const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
    roles.suspect('uid', undefined);
    expect(roles.takeSuspect('uid')).toEqual({ observed: undefined });
  });

  test('is void once the role was looked at', () => {
    const roles = new KnownRoles({ maxAgeMs: MAX_AGE, consistencyWindowMs: WINDOW });
    roles.suspect('uid', role());
    roles.remember('uid', known(), NOW);
    expect(roles.takeSuspect('uid')).toBeUndefined();
  });
});
