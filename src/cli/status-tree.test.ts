import { describe, expect, test } from 'vitest';
import { condition, identity, provider, roleArn } from '../../test/support/builders.ts';
import type { Pod } from '../kube/pods.ts';
import { exitCodeOfTree, healthOf, type StatusObjects, statusTree } from './status-tree.ts';

const ROLE = roleArn();
const readyIdentity = identity({ status: { roleArn: ROLE, conditions: [condition()] } });
const reports = { metadata: { namespace: 'analytics', name: 'reports' } };

const pod = (spec: Partial<Pod['spec']> = {}, annotations: Record<string, string> = {}): Pod => ({
  metadata: { namespace: 'analytics', name: 'web', annotations },
  spec: { serviceAccountName: 'reports', containers: [], ...spec },
  status: { phase: 'Running' },
});

const objects = (fields: Partial<StatusObjects> = {}): StatusObjects => ({
  identities: [readyIdentity],
  providers: new Map([['default', provider()]]),
  serviceAccounts: [reports],
  pods: [],
  ...fields,
});

const withRole = (value: string): Pod['spec']['containers'] => [
  { name: 'main', env: [{ name: 'AWS_ROLE_ARN', value }] },
];
const volumes = [{ name: 'aws-iam-token' }];

describe('statusTree', () => {
  test.each([
    { name: 'token and role are injected', one: pod({ volumes, containers: withRole(ROLE) }), is: 'injected', code: 0 },
    {
      name: 'a role without the token is no injection',
      one: pod({ containers: withRole(ROLE) }),
      is: 'other role',
      code: 3,
    },
    {
      name: 'the role of another identity',
      one: pod({ volumes, containers: withRole('x') }),
      is: 'other role',
      code: 3,
    },
    { name: 'a pod from before the binding', one: pod(), is: 'not injected', code: 3 },
    {
      name: 'a pod that opted out',
      one: pod({}, { 'federatedidentity.dev/inject': 'false' }),
      is: 'opted out',
      code: 0,
    },
  ])('$name: $is, exit code $code', ({ one, is, code }) => {
    const tree = statusTree(objects({ pods: [one] }));
    expect(tree[0]?.identities[0]?.serviceAccount.pods).toEqual([{ name: 'web', phase: 'Running', injection: is }]);
    expect(exitCodeOfTree(tree)).toBe(code);
  });

  test.each([
    { name: 'all ready', fields: {}, code: 0 },
    { name: 'a missing ServiceAccount', fields: { serviceAccounts: [] }, code: 3 },
    { name: 'a missing provider', fields: { providers: new Map() }, code: 3 },
    {
      name: 'a provider that may not be read',
      fields: { providers: new Map([['default', 'hidden' as const]]) },
      code: 0,
    },
    { name: 'an identity not seen yet', fields: { identities: [identity()] }, code: 3 },
    { name: 'nothing at all', fields: { identities: [], providers: new Map() }, code: 0 },
  ])('$name: exit code $code', ({ fields, code }) => {
    expect(exitCodeOfTree(statusTree(objects(fields)))).toBe(code);
  });

  test('pods of other ServiceAccounts and namespaces are not shown', () => {
    const others = [pod({ serviceAccountName: 'other' }), { ...pod(), metadata: { namespace: 'other', name: 'web' } }];
    expect(statusTree(objects({ pods: others }))[0]?.identities[0]?.serviceAccount.pods).toEqual([]);
  });
});

const ready = (fields: object): object => ({ status: { conditions: [condition(fields)] } });

describe('healthOf', () => {
  test.each([
    { name: 'Ready', fields: ready({}), state: 'ready', isReady: true },
    { name: 'Ready=False', fields: ready({ status: 'False' }), state: 'failed', isReady: false },
    { name: 'Ready=Unknown', fields: ready({ status: 'Unknown' }), state: 'progressing', isReady: false },
    { name: 'no condition yet', fields: {}, state: 'progressing', isReady: false },
    {
      name: 'Ready of an older generation',
      fields: ready({ observedGeneration: 0 }),
      state: 'progressing',
      isReady: false,
    },
    {
      name: 'suspended when ready',
      fields: { spec: { suspend: true }, ...ready({}) },
      state: 'suspended',
      isReady: true,
    },
    { name: 'suspended before', fields: { spec: { suspend: true } }, state: 'suspended', isReady: false },
    {
      name: 'deletion under way',
      fields: { metadata: { deletionTimestamp: 'x' }, ...ready({ status: 'False', reason: 'Deleting' }) },
      state: 'progressing',
      isReady: false,
    },
    {
      name: 'deletion that is stuck',
      fields: { metadata: { deletionTimestamp: 'x' }, ...ready({ status: 'False', reason: 'AccessDenied' }) },
      state: 'failed',
      isReady: false,
    },
  ])('$name is $state', ({ fields, state, isReady }) => {
    expect(healthOf(identity(fields))).toMatchObject({ state, ready: isReady });
  });
});
