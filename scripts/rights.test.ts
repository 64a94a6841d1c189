import { describe, expect, test } from 'vitest';
import { type UsedRight, usedRights } from '../dev/stack/audit-trail.ts';
import { grantedRights, judgeRights } from './rights.ts';

const USER = 'system:serviceaccount:system:operator';
const MANIFEST = `
kind: ClusterRole
rules:
  - apiGroups: [""]
    resources: [serviceaccounts]
    verbs: [create, patch]
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create, patch]
  - apiGroups: [admissionregistration.k8s.io]
    resources: [mutatingwebhookconfigurations]
    verbs: [list, watch, patch]
  - nonResourceURLs: [/openid/v1/jwks]
    verbs: [get]
---
kind: ClusterRoleBinding
`;
const granted = grantedRights([MANIFEST]);
const used = (verb: string, resource: string, group = '', allowed = true): UsedRight => ({
  verb,
  group,
  resource,
  allowed,
});
const ALL = [
  used('patch', 'serviceaccounts'),
  used('create', 'events', 'events.k8s.io'),
  { verb: 'get', path: '/openid/v1/jwks', allowed: true },
];

describe('the rights of the operator', () => {
  test('are right when each is used, or is known to leave no trace, and none is missing', () => {
    expect(judgeRights(granted, ALL)).toEqual([]);
  });

  test.each([
    {
      name: 'a right that nobody uses',
      rights: ALL.slice(1),
      says: 'unused: config/ allows "patch serviceaccounts"',
    },
    {
      name: 'a right that was only ever refused',
      rights: [...ALL.slice(1), used('patch', 'serviceaccounts', '', false)],
      says: 'unused: config/ allows "patch serviceaccounts"',
    },
    {
      name: 'a request that no rule allows',
      rights: [...ALL, used('get', 'secrets', '', false)],
      says: 'missing: the operator asked for "get secrets"',
    },
    {
      name: 'a request that the rule of somebody else allows',
      rights: [...ALL, used('list', 'pods')],
      says: 'missing: the operator asked for "list pods"',
    },
    { name: 'a run that has left nothing', rights: [], says: 'no e2e test has left' },
  ])('$name is told', ({ rights, says }) => {
    expect(judgeRights(granted, rights)).toEqual([expect.stringContaining(says)]);
  });
});

describe('an audit log', () => {
  const event = (more: object): string =>
    JSON.stringify({
      stage: 'ResponseComplete',
      verb: 'get',
      requestURI: '/x?y=1',
      user: { username: USER },
      annotations: { 'authorization.k8s.io/decision': 'allow' },
      ...more,
    });

  test('gives each kind of request once, with group and subresource', () => {
    const token = { resource: 'serviceaccounts', subresource: 'token', namespace: 'a', name: 'b', apiVersion: 'v1' };
    const log = [
      event({ verb: 'create', objectRef: token }),
      event({ verb: 'create', objectRef: { ...token, name: 'c' } }),
      event({ objectRef: { resource: 'leases', apiGroup: 'coordination.k8s.io' } }),
      event({}),
    ];
    expect(usedRights(log.join('\n'), USER)).toEqual([
      { verb: 'create', group: '', resource: 'serviceaccounts/token', allowed: true },
      { verb: 'get', group: 'coordination.k8s.io', resource: 'leases', allowed: true },
      { verb: 'get', path: '/x', allowed: true },
    ]);
  });

  test.each([
    { name: 'of others', line: event({ user: { username: 'system:admin' }, note: USER }) },
    { name: 'of kubectl in a test', line: event({ userAgent: 'kubectl/v1.36.0' }) },
    { name: 'that somebody made in its name', line: event({ impersonatedUser: {} }) },
    { name: 'that has only arrived', line: event({ stage: 'RequestReceived' }) },
    { name: 'that nobody decided on', line: event({ annotations: {} }) },
    { name: 'that is cut', line: event({}).slice(0, -9) },
  ])('has requests $name, which do not count', ({ line }) => {
    expect(usedRights(line, USER)).toEqual([]);
  });
});
