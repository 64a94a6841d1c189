import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../../test/support/builders.ts';
import { roleTags } from './role-tags.ts';

const provider = 'AwsOidcProvider "default"';
const many = (count: number, prefix: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'x']));

const tags = (own?: Record<string, string>, defaults?: Record<string, string>) =>
  Object.fromEntries(roleTags({ own, defaults, provider }));

describe('tags of a role', () => {
  test.each([
    { name: 'none', own: undefined, defaults: undefined, expected: {} },
    { name: 'the defaults', own: undefined, defaults: { cost: '1' }, expected: { cost: '1' } },
    {
      name: 'those of the identity before the defaults',
      own: { team: 'a' },
      defaults: { team: 'b', cost: '1' },
      expected: { team: 'a', cost: '1' },
    },
    {
      name: 'those of the identity in its letters, where the defaults have the key in others',
      own: { team: 'a' },
      defaults: { Team: 'b', TEAM_ID: '1' },
      expected: { team: 'a', TEAM_ID: '1' },
    },
    { name: 'as many as IAM takes', own: many(6, 'a'), defaults: many(40, 'b'), expected: expect.any(Object) },
  ])('are $name', ({ own, defaults, expected }) => {
    expect(tags(own, defaults)).toEqual(expected);
  });

  test.each([
    {
      name: 'a key twice in the identity',
      own: { team: 'a', Team: 'b' },
      defaults: {},
      reason: 'InvalidSpec',
      says: 'spec.role.tags has "team" and "Team", which are one key to IAM. Keep one of them.',
    },
    {
      name: 'a key twice in the defaults, even where the identity has it',
      own: { team: 'a' },
      defaults: { TEAM: 'a', Team: 'b' },
      reason: 'InvalidSpec',
      says: 'spec.roleDefaults.tags of AwsOidcProvider "default" has "TEAM" and "Team", which are one key to IAM.',
    },
    {
      name: 'more than IAM takes',
      own: many(7, 'a'),
      defaults: many(40, 'b'),
      reason: 'QuotaExceeded',
      says: `are 47 tags together, and IAM takes 46 for a role beside the operator's own.`,
    },
  ])('are refused for $name', async ({ own, defaults, reason, says }) => {
    expect(await thrownBy(() => tags(own, defaults))).toMatchObject({
      reason,
      message: expect.stringContaining(says),
      disposition: { kind: 'terminal' },
    });
  });
});
