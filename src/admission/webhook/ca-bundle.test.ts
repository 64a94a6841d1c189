import { beforeAll, describe, expect, test } from 'vitest';
import { isPublished, MAX_CERTIFICATES, withReplica } from './ca-bundle.ts';
import { createServingCertificate } from './serving-certificate.ts';

const now = new Date('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

const made = async (replica: string, hours = 0, lifetimeMs = 24 * HOUR): Promise<string> =>
  (await createServingCertificate({ replica, hosts: ['x'], now: new Date(now.getTime() + hours * HOUR), lifetimeMs }))
    .certificate;

let a1: string;
let a2: string;
let b1: string;
let expired: string;
beforeAll(async () => {
  [a1, a2, b1, expired] = await Promise.all([made('a', -2), made('a', -1), made('b', -2), made('c', -25)]);
});

describe('a bundle with a replica', () => {
  test.each<{ name: string; bundle: () => string; own: () => readonly string[]; expected: () => string | undefined }>([
    { name: 'an empty bundle gets its certificate', bundle: () => '', own: () => [a1], expected: () => a1 },
    { name: 'others stay', bundle: () => b1, own: () => [a1], expected: () => b1 + a1 },
    { name: 'nothing changes when it is there', bundle: () => a1 + b1, own: () => [a1], expected: () => undefined },
    {
      name: 'the next one joins the present one',
      bundle: () => a1 + b1,
      own: () => [a1, a2],
      expected: () => b1 + a1 + a2,
    },
    { name: 'one of an earlier start leaves', bundle: () => a1 + b1, own: () => [a2], expected: () => b1 + a2 },
    {
      name: 'a newer one of the same name stays',
      bundle: () => a2 + b1,
      own: () => [a1],
      expected: () => a2 + b1 + a1,
    },
    { name: 'expired ones leave', bundle: () => expired + b1, own: () => [a1], expected: () => b1 + a1 },
    {
      name: 'no expired one leaves without need',
      bundle: () => expired + a1,
      own: () => [a1],
      expected: () => undefined,
    },
    {
      name: 'what is no certificate leaves',
      bundle: () => `x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${b1}`,
      own: () => [a1],
      expected: () => b1 + a1,
    },
    { name: 'one that is there twice stays once', bundle: () => b1 + b1, own: () => [a1], expected: () => b1 + a1 },
  ])('$name', ({ bundle, own, expected }) => {
    const replica = { name: 'a', certificates: own() };
    const result = withReplica(bundle(), replica, now);
    expect(result).toBe(expected());
    expect(isPublished(result ?? bundle(), replica)).toBe(true);
    expect(withReplica(result ?? bundle(), replica, now)).toBe(undefined);
  });

  test('has at most 64 certificates: those that expire first give way, its own never', async () => {
    const others = await Promise.all(
      Array.from({ length: MAX_CERTIFICATES }, (_, index) => made(`other-${index}`, 0, (24 + index) * HOUR)),
    );
    const result = withReplica(others.join(''), { name: 'a', certificates: [a1, a2] }, now) ?? '';
    expect(result.match(/BEGIN/g)).toHaveLength(MAX_CERTIFICATES);
    for (const own of [a1, a2]) expect(result).toContain(own);
    expect(others.filter((other) => !result.includes(other))).toEqual(others.slice(0, 2));
  });
});
