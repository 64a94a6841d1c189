import { describe, expect, test } from 'vitest';
import { CLUSTER, owner, providerOwner } from '../../test/support/builders.ts';
import { describeOwner, isOwnedBy, ownerTags } from './tags.ts';

describe('ownership tags', () => {
  test('name the cluster, the object and its uid', () => {
    expect(Object.fromEntries(ownerTags(owner()))).toEqual({
      'federatedidentity.dev/cluster': CLUSTER,
      'federatedidentity.dev/namespace': 'analytics',
      'federatedidentity.dev/name': 'reports',
      'federatedidentity.dev/uid': 'identity-uid',
    });
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
