import { describe, expect, test } from 'vitest';
import { condition, identity, NOW, provider } from '../test/support/builders.ts';
import type { Condition } from './crds/condition.ts';
import type { AwsFederatedIdentity } from './kube/kinds.ts';
import {
  deletionSeconds,
  identityConditions,
  notReady,
  notReadySeconds,
  podCounts,
  podsToRestart,
  providerConditions,
  unprovenSeconds,
} from './object-figures.ts';

/** An identity with one condition, and its age in minutes. */
const having = (fields: Partial<Condition>, minutes = 60, namespace = 'analytics'): AwsFederatedIdentity =>
  identity({
    metadata: { namespace },
    status: { conditions: [condition({ ...fields, lastTransitionTime: minutesAgo(minutes) })] },
  });

const minutesAgo = (minutes: number): string => new Date(NOW.getTime() - minutes * 60_000).toISOString();

const DENIED = { status: 'False', reason: 'AccessDenied' } as const;
const SUSPENDED = { status: 'False', reason: 'Suspended' } as const;
const gone = identity({ metadata: { deletionTimestamp: minutesAgo(90) }, status: { conditions: [condition(DENIED)] } });

describe('identities by condition', () => {
  test('are counted; one without a status counts as Pending', () => {
    expect(identityConditions([having({}), having({}), having(DENIED), identity()])).toEqual([
      { labels: { condition: 'Ready', status: 'True', reason: 'Succeeded' }, value: 2 },
      { labels: { condition: 'Ready', status: 'False', reason: 'AccessDenied' }, value: 1 },
      { labels: { condition: 'Ready', status: 'Unknown', reason: 'Pending' }, value: 1 },
    ]);
  });

  test('a type or reason that is none of ours makes no series of its own', () => {
    const odd = ['Odd1', 'Odd2'].map((name) => having({ type: name, reason: name }));
    expect(identityConditions(odd)).toContainEqual({
      labels: { condition: 'Other', status: 'True', reason: 'Other' },
      value: 2,
    });
  });
});

test('a provider shows each of its conditions', () => {
  const conditions = [
    condition(),
    condition({ type: 'IssuerReachable', status: 'Unknown', reason: 'IssuerNotChecked' }),
  ];
  expect(providerConditions([provider({ metadata: { name: 'prod' }, status: { conditions } })])).toEqual([
    { labels: { provider: 'prod', condition: 'Ready', status: 'True', reason: 'Succeeded' }, value: 1 },
    {
      labels: { provider: 'prod', condition: 'IssuerReachable', status: 'Unknown', reason: 'IssuerNotChecked' },
      value: 1,
    },
  ]);
});

describe('identities that are not ready', () => {
  const identities = [
    having({}),
    having(DENIED, 20),
    having(DENIED, 5),
    having(DENIED, 7, 'web'),
    having(SUSPENDED),
    gone,
  ];

  test('are counted by namespace and reason, without suspended ones and those in deletion', () => {
    expect(notReady(identities)).toEqual([
      { labels: { identity_namespace: 'analytics', reason: 'AccessDenied' }, value: 2 },
      { labels: { identity_namespace: 'web', reason: 'AccessDenied' }, value: 1 },
    ]);
  });

  test('show the age of the oldest', () => {
    expect(notReadySeconds(identities, NOW).map(({ value }) => value)).toEqual([20 * 60, 7 * 60]);
  });

  test('of more than a hundred namespaces, the worst have series of their own and the rest one together', () => {
    const flood = Array.from({ length: 150 }, (_, index) => having(DENIED, 1, `tenant-${index}`));
    const figures = notReady([having(DENIED, 1, 'worst'), ...flood, having(DENIED, 1, 'worst')]);
    expect(figures).toHaveLength(101);
    expect(figures.find(({ labels }) => labels['identity_namespace'] === 'worst')?.value).toBe(2);
    expect(figures.find(({ labels }) => labels['identity_namespace'] === '(others)')?.value).toBe(51);
  });
});

describe('the identity that is longest without a proof', () => {
  const unproven = (fields: Partial<Condition>): AwsFederatedIdentity =>
    identity({
      status: {
        conditions: [
          condition(),
          condition({ type: 'FederationVerified', lastTransitionTime: minutesAgo(30), ...fields }),
        ],
      },
    });

  test.each([
    { name: 'none', identities: [], minutes: 0 },
    { name: 'a proven one', identities: [unproven({})], minutes: 0 },
    { name: 'one that counts as ready in an outage', identities: [unproven({ status: 'Unknown' })], minutes: 30 },
    { name: 'one that was not looked at yet, since its creation', identities: [identity()], minutes: 120 },
    { name: 'one of which no proof is asked', identities: [having({})], minutes: 0 },
    { name: 'one of which no proof is asked, and that is not ready', identities: [having(DENIED)], minutes: 0 },
    { name: 'a suspended one', identities: [having(SUSPENDED)], minutes: 0 },
  ])('$name: $minutes minutes', ({ identities, minutes }) => {
    expect(unprovenSeconds(identities, NOW)).toBe(minutes * 60);
  });
});

test('the object that is longest in deletion is shown for each kind', () => {
  expect(deletionSeconds({ identities: [gone, identity()], providers: [provider()] }, NOW)).toEqual([
    { labels: { kind: 'AwsFederatedIdentity' }, value: 90 * 60 },
    { labels: { kind: 'AwsOidcProvider' }, value: 0 },
  ]);
});

describe('running pods', () => {
  const pods = (namespace: string, notInjected: number, stale: number): AwsFederatedIdentity =>
    identity({ metadata: { namespace }, status: { pods: { bound: 5, notInjected, stale } } });
  const identities = [pods('analytics', 1, 2), pods('web', 0, 0), identity()];

  test('are summed over the statuses', () => {
    expect(podCounts(identities).map(({ labels, value }) => [labels['state'], value])).toEqual([
      ['bound', 10],
      ['not_injected', 1],
      ['stale', 2],
    ]);
  });

  test('that must be restarted are shown by namespace', () => {
    expect(podsToRestart(identities)).toEqual([{ labels: { identity_namespace: 'analytics' }, value: 3 }]);
  });
});
