import { expect, test } from 'vitest';
import { IDENTITIES, NAMESPACES, PROVIDERS, SERVICE_ACCOUNTS } from './kinds.ts';
import { nameOf, resourcePath } from './resource.ts';

const GROUP = '/apis/federatedidentity.dev/v1alpha1';

test.each([
  {
    name: 'a kind of the core group',
    type: SERVICE_ACCOUNTS,
    object: { namespace: 'a', name: 'b' },
    expected: '/api/v1/namespaces/a/serviceaccounts/b',
  },
  {
    name: 'a kind of ours',
    type: IDENTITIES,
    object: { namespace: 'a', name: 'b' },
    expected: `${GROUP}/namespaces/a/awsfederatedidentities/b`,
  },
  { name: 'a cluster-scoped kind', type: PROVIDERS, object: { name: 'b' }, expected: `${GROUP}/awsoidcproviders/b` },
  {
    name: 'a cluster-scoped kind, whatever namespace is given',
    type: NAMESPACES,
    object: { namespace: 'a', name: 'b' },
    expected: '/api/v1/namespaces/b',
  },
  { name: 'all of a kind', type: IDENTITIES, object: undefined, expected: `${GROUP}/awsfederatedidentities` },
  {
    name: 'all of a namespace',
    type: IDENTITIES,
    object: { namespace: 'a' },
    expected: `${GROUP}/namespaces/a/awsfederatedidentities`,
  },
  {
    name: 'a name that would leave its place is encoded',
    type: SERVICE_ACCOUNTS,
    object: { namespace: '../x', name: 'a/b?c#d' },
    expected: '/api/v1/namespaces/..%2Fx/serviceaccounts/a%2Fb%3Fc%23d',
  },
])('the path of $name', ({ type, object, expected }) => {
  expect(resourcePath(type, object)).toBe(expected);
});

test('the name of an object has a namespace only where it has one', () => {
  expect(nameOf({ metadata: { namespace: 'a', name: 'b' } })).toEqual({ namespace: 'a', name: 'b' });
  expect(nameOf({ metadata: { name: 'b' } })).toEqual({ name: 'b' });
});
