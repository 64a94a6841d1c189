import { expect, test } from 'vitest';
import { identity } from '../../test/support/builders.ts';
import type { KubernetesClient } from './client.ts';
import { FINALIZER, IDENTITIES } from './kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from './owned-metadata.ts';
import type { KubernetesResource } from './resource.ts';

const BOUND = { 'federatedidentity.dev/bound': 'true' };

test.each([
  { name: 'nothing', metadata: {}, expected: { finalizer: false, bound: false } },
  { name: 'our finalizer', metadata: { finalizers: ['x', FINALIZER] }, expected: { finalizer: true, bound: false } },
  { name: 'our label', metadata: { labels: BOUND }, expected: { finalizer: false, bound: true } },
  {
    name: 'our label with another value',
    metadata: { labels: { 'federatedidentity.dev/bound': 'no' } },
    expected: { finalizer: false, bound: false },
  },
])('reads $name', ({ metadata, expected }) => {
  expect(ownedMetadataOf({ metadata })).toEqual(expected);
});

test.each([
  { owned: { finalizer: true, bound: true }, expected: { finalizers: [FINALIZER], labels: BOUND } },
  { owned: { finalizer: true, bound: false }, expected: { finalizers: [FINALIZER] } },
  { owned: { finalizer: false, bound: false }, expected: {} },
])(
  'applies only the operator’s part, with the uid, so that a deleted object is not made anew',
  async ({ owned, expected }) => {
    const applied: KubernetesResource[] = [];
    const client = { apply: async (_type: object, object: KubernetesResource) => applied.push(object) };
    const { metadata } = identity({ metadata: { labels: { theirs: 'x' }, finalizers: ['theirs'] } });
    const signal = new AbortController().signal;
    await applyOwnedMetadata(client as unknown as KubernetesClient, { type: IDENTITIES, metadata }, owned, signal);
    expect(applied).toEqual([
      { metadata: { name: 'reports', namespace: 'analytics', uid: 'identity-uid', ...expected } },
    ]);
  },
);
