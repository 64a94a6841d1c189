import { describe, expect, test } from 'vitest';
import { roleArn } from '../../../test/support/builders.ts';
import { type Injection, tableEntry } from '../../kube/injection-table.ts';
import { MANAGED_LABEL } from '../../kube/kinds.ts';
import type { KubernetesResource, ObjectMeta } from '../../kube/resource.ts';
import type { ObservedBinding } from './observe.ts';
import { annotationsOf, type DesiredBinding, isMadeFor, planBinding } from './plan-binding.ts';

const injection: Injection = {
  roleArn: roleArn(),
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 86_400,
  region: 'eu-west-1',
};
const owner = {
  apiVersion: 'v1',
  kind: 'AwsFederatedIdentity',
  name: 'reports',
  uid: 'identity-uid',
  controller: true,
};

const desired = (fields: Partial<DesiredBinding> = {}): DesiredBinding => ({
  namespace: 'analytics',
  serviceAccount: { name: 'reports', create: true },
  injection,
  owner,
  ...fields,
});

const serviceAccount = (metadata: ObjectMeta = {}): KubernetesResource => ({
  metadata: {
    namespace: 'analytics',
    name: 'reports',
    labels: { [MANAGED_LABEL]: 'true' },
    annotations: annotationsOf(injection),
    ...metadata,
  },
});

const observed = (fields: Partial<ObservedBinding> = {}): ObservedBinding => ({
  serviceAccount: serviceAccount(),
  entry: tableEntry(injection),
  bound: true,
  ...fields,
});

const typesOf = (wanted: DesiredBinding, seen: ObservedBinding): readonly string[] =>
  planBinding(wanted, seen).map(({ type }) => type);

describe('the plan for the cluster', () => {
  test.each([
    { name: 'does nothing when all is there', observed: observed(), expected: [] },
    {
      name: 'writes the table first and opens the gate last, so that no pod is admitted bare',
      observed: observed({ serviceAccount: undefined, entry: undefined, bound: false }),
      expected: ['PutTableEntry', 'ApplyServiceAccount', 'MarkBound'],
    },
    {
      name: 'repairs an annotation that somebody changed',
      observed: observed({ serviceAccount: serviceAccount({ annotations: { 'eks.amazonaws.com/role-arn': 'x' } }) }),
      expected: ['ApplyServiceAccount'],
    },
    {
      name: 'marks a ServiceAccount that lost its label, by which it is watched',
      observed: observed({ serviceAccount: serviceAccount({ labels: {} }) }),
      expected: ['ApplyServiceAccount'],
    },
    {
      name: 'repairs one annotation of several',
      observed: observed({
        serviceAccount: serviceAccount({
          annotations: { ...annotationsOf(injection), 'eks.amazonaws.com/audience': 'x' },
        }),
      }),
      expected: ['ApplyServiceAccount'],
    },
    {
      name: 'leaves annotations of others',
      observed: observed({
        serviceAccount: serviceAccount({ annotations: { ...annotationsOf(injection), 'example.com/theirs': 'x' } }),
      }),
      expected: [],
    },
    {
      name: 'replaces the entry that held pods back',
      observed: observed({ entry: 'pending reports ProviderNotReady' }),
      expected: ['PutTableEntry'],
    },
    { name: 'opens the gate again', observed: observed({ bound: false }), expected: ['MarkBound'] },
  ])('$name', ({ observed: seen, expected }) => {
    expect(typesOf(desired(), seen)).toEqual(expected);
  });

  test.each([
    { field: 'roleArn', value: roleArn('another') },
    { field: 'audience', value: 'other' },
    { field: 'tokenExpirationSeconds', value: 600 },
    { field: 'region', value: 'us-east-1' },
  ])('another $field in the table is corrected', ({ field, value }) => {
    expect(typesOf(desired(), observed({ entry: tableEntry({ ...injection, [field]: value }) }))).toEqual([
      'PutTableEntry',
    ]);
  });
});

const applied = (seen: ObservedBinding): ObjectMeta | undefined =>
  planBinding(desired(), seen).flatMap((action) =>
    action.type === 'ApplyServiceAccount' ? [action.serviceAccount.metadata] : [],
  )[0];

describe('the ServiceAccount', () => {
  test('gets the annotations of the EKS webhook', () => {
    expect(applied(observed({ serviceAccount: undefined }))?.annotations).toEqual({
      'eks.amazonaws.com/role-arn': roleArn(),
      'eks.amazonaws.com/audience': 'sts.amazonaws.com',
      'eks.amazonaws.com/token-expiration': '86400',
      'eks.amazonaws.com/sts-regional-endpoints': 'true',
    });
  });

  test('gets the label by which it is watched', () => {
    expect(applied(observed({ serviceAccount: undefined }))?.labels).toEqual({ [MANAGED_LABEL]: 'true' });
  });

  test.each([
    { name: 'that we make goes with the identity', serviceAccount: undefined, isOwned: true },
    {
      name: 'that somebody else made gets no owner, so that it stays',
      serviceAccount: serviceAccount({ labels: {} }),
      isOwned: false,
    },
    {
      name: 'that we made keeps its owner',
      serviceAccount: serviceAccount({ labels: {}, ownerReferences: [owner] }),
      isOwned: true,
    },
    {
      name: 'that an identity of the same name made before stays that one’s',
      serviceAccount: serviceAccount({ labels: {}, ownerReferences: [{ ...owner, uid: 'deleted-uid' }] }),
      isOwned: false,
    },
  ])('$name', ({ serviceAccount: seen, isOwned }) => {
    const metadata = applied(observed({ serviceAccount: seen }));
    expect(metadata?.ownerReferences).toEqual(isOwned ? [owner] : undefined);
  });

  test('that is missing and must not be created is waited for, with what to do', () => {
    const wanted = desired({ serviceAccount: { name: 'reports', create: false } });
    expect(() => planBinding(wanted, observed({ serviceAccount: undefined }))).toThrow(
      expect.objectContaining({
        reason: 'ServiceAccountNotFound',
        disposition: { kind: 'waiting', retryAfterMs: 15_000 },
        message: expect.stringContaining('analytics/reports'),
      }),
    );
  });

  test('that exists need not be created', () => {
    const wanted = desired({ serviceAccount: { name: 'reports', create: false } });
    expect(typesOf(wanted, observed())).toEqual([]);
  });

  test('is ours by the uid of its owner, not by a name', () => {
    const made = serviceAccount({ ownerReferences: [owner] });
    expect(isMadeFor({ uid: 'identity-uid' }, made)).toBe(true);
    expect(isMadeFor({ uid: 'other' }, made)).toBe(false);
    expect(isMadeFor({ uid: '' }, serviceAccount())).toBe(false);
  });
});
