import { describe, expect, test } from 'vitest';
import { CLUSTER, owner, providerOwner } from '../../test/support/builders.ts';
import {
  describeOwner,
  isOwnedBy,
  isUnowned,
  lacksOtherOwner,
  ownerOf,
  ownerTags,
  wasOwnedByNamesake,
} from './tags.ts';

describe('ownership tags', () => {
  test('name the cluster, the object and its uid', () => {
    expect(Object.fromEntries(ownerTags(owner()))).toEqual({
      'federatedidentity.dev/cluster': CLUSTER,
      'federatedidentity.dev/namespace': 'analytics',
      'federatedidentity.dev/name': 'reports',
      'federatedidentity.dev/uid': 'identity-uid',
    });
  });

  test('are read back as their owner, and name none where one of them is missing', () => {
    expect([ownerOf(ownerTags(owner())), ownerOf(ownerTags(providerOwner()))]).toEqual([owner(), providerOwner()]);
    for (const key of ['cluster', 'name', 'uid']) {
      const tags = new Map(ownerTags(owner()));
      tags.delete(`federatedidentity.dev/${key}`);
      expect(ownerOf(tags), key).toBeUndefined();
    }
  });

  test('have no namespace for a cluster-scoped object', () => {
    expect([...ownerTags(providerOwner()).keys()]).not.toContain('federatedidentity.dev/namespace');
  });

  test.each([
    { name: 'the same object of the same cluster owns it', tags: ownerTags(owner()), expected: true },
    {
      name: 'foreign tags beside ours do not matter',
      tags: new Map([...ownerTags(owner()), ['team', 'x']]),
      expected: true,
    },
    {
      name: 'an object made anew under the same name is another owner',
      tags: ownerTags(owner({ uid: 'other' })),
      expected: false,
    },
    {
      name: 'the same name in another cluster is another owner',
      tags: ownerTags(owner({ cluster: 'other' })),
      expected: false,
    },
    { name: 'without tags it is nobody’s', tags: new Map<string, string>(), expected: false },
    {
      name: 'the cluster alone is not enough',
      tags: new Map([['federatedidentity.dev/cluster', CLUSTER]]),
      expected: false,
    },
    {
      name: 'the uid alone is not enough',
      tags: new Map([['federatedidentity.dev/uid', 'identity-uid']]),
      expected: false,
    },
  ])('$name', ({ tags, expected }) => {
    expect(isOwnedBy(tags, owner())).toBe(expected);
  });

  test.each([
    { name: 'nobody', tags: new Map([['team', 'x']]), expected: 'it carries no tags of this operator' },
    {
      name: 'an identity',
      tags: ownerTags(owner()),
      expected: `analytics/reports (uid identity-uid) of the cluster ${CLUSTER}`,
    },
    {
      name: 'a provider',
      tags: ownerTags(providerOwner()),
      expected: `default (uid provider-uid) of the cluster ${CLUSTER}`,
    },
  ])('the message names $name as the owner', ({ tags, expected }) => {
    expect(describeOwner(tags)).toContain(expected);
  });
});

describe('whoever tags an object', () => {
  const ours = ownerTags(owner());
  const without = (...names: readonly string[]) =>
    new Map([...ours].filter(([key]) => !names.some((name) => key === `federatedidentity.dev/${name}`)));

  test.each([
    { name: 'nobody', tags: new Map([['team', 'x']]), expected: true },
    { name: 'some operator, beside others', tags: new Map([['team', 'x'], ...ours]), expected: false },
  ])('$name claims it: $expected', ({ tags, expected }) => {
    expect(isUnowned(tags)).toBe(expected);
  });

  test.each([
    { name: 'none is left', tags: new Map([['team', 'x']]), expected: true },
    { name: 'some of ours are left', tags: without('uid', 'cluster'), expected: true },
    { name: 'all of ours are left', tags: ours, expected: true },
    {
      name: 'one is of another owner',
      tags: new Map([...ours, ['federatedidentity.dev/uid', 'other']]),
      expected: false,
    },
    { name: 'one is of nobody we know', tags: new Map([['federatedidentity.dev/other', 'x']]), expected: false },
  ])('where $name, no other owner is named: $expected', ({ tags, expected }) => {
    expect(lacksOtherOwner(tags, owner())).toBe(expected);
  });

  test.each([
    { of: 'the same name', tags: ownerTags(owner({ uid: 'deleted' })), expected: true },
    { of: 'another name', tags: ownerTags(owner({ name: 'other' })), expected: false },
    { of: 'another namespace', tags: ownerTags(owner({ namespace: 'other' })), expected: false },
    { of: 'another cluster', tags: ownerTags(owner({ cluster: 'other' })), expected: false },
  ])('was an object of $of: a namesake, $expected', ({ tags, expected }) => {
    expect(wasOwnedByNamesake(tags, owner())).toBe(expected);
  });

  test('is named without a namespace where there is none', () => {
    expect(describeOwner(ownerTags(providerOwner()))).toContain('belongs to default (uid');
  });
});
