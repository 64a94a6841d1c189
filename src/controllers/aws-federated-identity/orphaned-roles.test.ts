import { describe, expect, test } from 'vitest';
import { after, CLUSTER, identity, owner, providerOwner } from '../../../test/support/builders.ts';
import { RoleName } from '../../iam/arn.ts';
import { ownerTags, type Tags } from '../../iam/tags.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import { isOrphaned, OrphanedRoles } from './orphaned-roles.ts';

const storeOf = (...identities: readonly AwsFederatedIdentity[]) => ({
  get: ({ namespace, name }: { readonly namespace?: string | undefined; readonly name: string }) =>
    identities.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
});
const without = (key: string): Tags => {
  const tags = new Map(ownerTags(owner()));
  tags.delete(`federatedidentity.dev/${key}`);
  return tags;
};

describe('a role', () => {
  test.each([
    { name: 'whose identity is not there is orphaned', store: storeOf(), expected: true },
    {
      name: 'whose identity was made anew by the same name is orphaned',
      store: storeOf(identity({ metadata: { uid: 'another' } })),
      expected: true,
    },
    { name: 'whose identity is there is not', store: storeOf(identity()), expected: false },
    {
      name: 'whose identity has another provider is not',
      store: storeOf(identity({ spec: { providerRef: { name: 'other' } } })),
      expected: false,
    },
    {
      name: 'whose identity is in deletion is not',
      store: storeOf(identity({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } })),
      expected: false,
    },
  ])('$name [F11]', ({ store, expected }) => {
    expect(isOrphaned(ownerTags(owner()), CLUSTER, store)).toBe(expected);
  });

  test.each([
    { name: 'of nobody', tags: new Map([['team', 'a']]) },
    { name: 'of another cluster', tags: ownerTags(owner({ cluster: 'another' })) },
    { name: 'of a cluster-scoped owner', tags: ownerTags(providerOwner()) },
    { name: 'of the operator itself, as bootstrap tags it', tags: ownerTags(owner({ uid: CLUSTER })) },
    ...['cluster', 'namespace', 'name', 'uid'].map((key) => ({ name: `without the tag ${key}`, tags: without(key) })),
  ])('$name is not orphaned', ({ tags }) => {
    expect(isOrphaned(tags, CLUSTER, storeOf())).toBe(false);
  });
});

describe('orphaned roles', () => {
  const MINUTE = 60_000;
  const found = (...names: readonly string[]) =>
    new Map(names.map((name) => [RoleName.parse(name), ownerTags(owner({ name }))]));
  const scene = () => {
    const orphans = new OrphanedRoles({ consistencyWindowMs: MINUTE, maxAgeMs: 25 * MINUTE });
    return {
      orphans,
      sweep: (minutes: number, ...names: readonly string[]) => [
        ...orphans.swept('default', found(...names), after(minutes * MINUTE)).keys(),
      ],
      counts: (minutes: number) => [...orphans.counts(after(minutes * MINUTE))],
    };
  };

  test('are told by the second sweep that sees them, and only once [F11]', () => {
    const { sweep, counts } = scene();
    expect(sweep(0, 'a')).toEqual([]);
    expect(counts(0)).toEqual([['default', 0]]);
    expect(sweep(10, 'a', 'b')).toEqual(['a']);
    expect(sweep(20, 'a', 'b')).toEqual(['b']);
    expect(sweep(30, 'a', 'b')).toEqual([]);
    expect(counts(30)).toEqual([['default', 2]]);
  });

  test('are not told by two sweeps within the window in which IAM shows the past [F29]', () => {
    const { sweep } = scene();
    sweep(0, 'a');
    expect(sweep(0.9, 'a')).toEqual([]);
    expect(sweep(1, 'a')).toEqual(['a']);
  });

  test('that a sweep between did not see begin anew, and are told again', () => {
    const { sweep, counts } = scene();
    sweep(0, 'a');
    sweep(10, 'a');
    sweep(20);
    expect(counts(20)).toEqual([['default', 0]]);
    expect(sweep(30, 'a')).toEqual([]);
    expect(sweep(40, 'a')).toEqual(['a']);
  });

  test('of a provider that was not swept for long are not shown, and not told again when it is', () => {
    const { sweep, counts } = scene();
    sweep(0, 'a');
    sweep(10, 'a');
    expect(counts(34)).toEqual([['default', 1]]);
    expect(counts(35)).toEqual([]);
    expect(sweep(60, 'a')).toEqual([]);
    expect(counts(60)).toEqual([['default', 1]]);
  });

  test('of a provider that is gone are forgotten', () => {
    const { orphans, sweep, counts } = scene();
    expect(orphans.hasSwept('default')).toBe(false);
    sweep(0, 'a');
    expect(orphans.hasSwept('default')).toBe(true);
    orphans.forget('default');
    expect([orphans.hasSwept('default'), counts(0)]).toEqual([false, []]);
  });
});
