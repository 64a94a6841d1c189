import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLUSTER,
  identityInput,
  identitySpec,
  ISSUER,
  owner,
  policyArn,
  providerInput,
  thrownBy,
  trust,
} from '../../../test/support/builders.ts';
import { IssuerUrl } from '../../iam/arn.ts';
import { ownerTags } from '../../iam/tags.ts';
import { desiredState, roleNameOf } from './desired.ts';

const desired = (role: object = {}, provider: object = {}) =>
  desiredState(identityInput({ role }), providerInput(provider), CLUSTER);

test('inline policies that are too large together are refused before the first call', () => {
  const document = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'x'.repeat(4000) }],
  };
  const inlinePolicies = ['a', 'b', 'c'].map((name) => ({ name, document }));
  expect(() => desired({ inlinePolicies }, { guardrails: { inlinePolicies: 'Allow' } })).toThrow(
    /12[0-9]{3} characters together, and IAM takes 10240/,
  );
});

describe('the role that is asked for', () => {
  test('of a spec that says nothing is the least that works', () => {
    expect(desired().role).toEqual({
      name: expect.stringMatching(/^analytics-reports-[0-9a-f]{8}$/),
      path: '/federated/',
      description: '',
      maxSessionDurationSeconds: 3600,
      trustPolicy: trust('reports'),
      permissionsBoundaryArn: undefined,
      managedPolicyArns: new Set(),
      inlinePolicies: new Map(),
      tags: ownerTags(owner()),
    });
  });

  const boundary = policyArn('Boundary');

  test.each([
    {
      name: 'the path of the provider’s defaults',
      provider: { roleDefaults: { path: '/team/' } },
      expected: { path: '/team/' },
    },
    {
      name: 'the path that the guardrails demand, where the defaults name none',
      provider: { guardrails: { rolePath: '/only/' } },
      expected: { path: '/only/' },
    },
    {
      name: 'a boundary of the identity',
      role: { permissionsBoundaryArn: boundary },
      expected: { permissionsBoundaryArn: boundary },
    },
    {
      name: 'the boundary that the guardrails force, unasked',
      provider: { guardrails: { permissionsBoundaryArn: boundary } },
      expected: { permissionsBoundaryArn: boundary },
    },
    {
      name: 'the session of the identity',
      role: { maxSessionDurationSeconds: 7200 },
      expected: { maxSessionDurationSeconds: 7200 },
    },
    {
      name: 'the session of the defaults, cut to the guardrail',
      provider: {
        roleDefaults: { maxSessionDurationSeconds: 43_200 },
        guardrails: { maxSessionDurationSeconds: 7200 },
      },
      expected: { maxSessionDurationSeconds: 7200 },
    },
    { name: 'the description', role: { description: 'x' }, expected: { description: 'x' } },
    {
      name: 'inline policies, as object or as string',
      role: {
        inlinePolicies: [
          { name: 'a', document: { Statement: [] } },
          { name: 'b', document: '{ "Statement": [] }' },
        ],
      },
      provider: { guardrails: { inlinePolicies: 'Allow' } },
      expected: {
        inlinePolicies: new Map([
          ['a', '{"Statement":[]}'],
          ['b', '{"Statement":[]}'],
        ]),
      },
    },
  ])('has $name', ({ role, provider, expected }) => {
    expect(desired(role, provider).role).toMatchObject(expected);
  });

  test('carries the tags of the defaults and of the identity, which wins', () => {
    const { role, tagKeys } = desired(
      { tags: { team: 'a' } },
      { roleDefaults: { tags: { team: 'default', cost: '1' } } },
    );
    expect(role.tags).toEqual(new Map([['team', 'a'], ['cost', '1'], ...ownerTags(owner())]));
    expect(tagKeys).toEqual(['cost', 'team']);
  });

  test('keeps its ownership tags, whatever tags an object from before the rule asks for', () => {
    const forged = { 'federatedidentity.dev/uid': 'other', 'federatedidentity.dev/cluster': 'other' };
    const { role, tagKeys } = desired({ tags: forged }, { roleDefaults: { tags: forged } });
    expect(role.tags).toEqual(ownerTags(owner()));
    expect(tagKeys).toEqual([]);
  });
});

describe('what pods are given', () => {
  test('is the audience, the life of the token and the region of the provider', () => {
    const provider = providerInput({ region: 'us-east-1', clientIds: ['other'] });
    const { injection } = desiredState(
      identityInput({ audience: 'other', tokenExpirationSeconds: 600 }),
      provider,
      CLUSTER,
    );
    expect(injection).toEqual({ audience: 'other', tokenExpirationSeconds: 600, region: 'us-east-1' });
  });
});

describe('what cannot be asked for', () => {
  test.each([
    {
      name: 'an audience that the provider does not register',
      spec: { audience: 'other' },
      reason: 'AudienceNotAllowed',
      says: ['spec.audience "other"', 'AwsOidcProvider "default"', 'sts.amazonaws.com', 'platform team'],
    },
    {
      name: 'an inline policy that is no policy',
      spec: { role: { inlinePolicies: [{ name: 'bucket', document: '{' }] } },
      reason: 'PolicyInvalid',
      says: ['spec.role.inlinePolicies "bucket"', 'not JSON', 'Correct the document'],
    },
    {
      name: 'a policy that the guardrails do not allow',
      spec: { role: { managedPolicyArns: [policyArn('AdministratorAccess')] } },
      reason: 'PolicyNotAllowed',
      says: ['AdministratorAccess'],
    },
  ])('$name is refused in words for its author', async ({ spec, reason, says }) => {
    const provider = providerInput({ guardrails: { inlinePolicies: 'Allow' } });
    const error = await thrownBy(() => desiredState(identityInput(spec), provider, CLUSTER));
    expect(error).toMatchObject({ reason, disposition: { kind: 'terminal' } });
    for (const text of says) expect(error).toHaveProperty('message', expect.stringContaining(text));
  });
});

const nameOf = (namespace: string, name: string, issuer: IssuerUrl = ISSUER): string =>
  roleNameOf({ namespace, name, spec: identitySpec() }, issuer);

describe('the name of the role', () => {
  test('is what the spec says', () => {
    const spec = identitySpec({ role: { name: 'mine' } });
    expect(roleNameOf({ namespace: 'a', name: 'b', spec }, ISSUER)).toBe('mine');
  });

  test.each([
    {
      name: 'another issuer, as of another cluster',
      other: () => nameOf('a', 'b', IssuerUrl.parse('https://b.example')),
    },
    { name: 'an issuer with a slash more', other: () => nameOf('a', 'b', IssuerUrl.parse(`${ISSUER}/`)) },
    { name: 'another namespace', other: () => nameOf('b', 'b') },
    {
      name: 'parts that only look the same when joined',
      other: () => nameOf('a-b', 'c'),
      one: () => nameOf('a', 'b-c'),
    },
  ])('differs for $name', ({ one = () => nameOf('a', 'b'), other }) => {
    expect(one()).not.toBe(other());
  });

  test('never changes for an identity, since another name is another role', () => {
    expect(nameOf('analytics', 'reports')).toBe('analytics-reports-18ea4040');
  });

  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const subdomain = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);

  test('is valid for IAM, however long namespace and name are', () => {
    fc.assert(
      fc.property(label, subdomain, (namespace, name) => {
        expect(nameOf(namespace, name)).toMatch(/^[\w+=,.@-]{1,64}$/);
      }),
    );
  });

  test('is another for each pair of namespace and name, cut ones too', () => {
    const long = 'x'.repeat(250);
    expect(new Set([nameOf('a', `${long}1`), nameOf('a', `${long}2`), nameOf('b', `${long}1`)]).size).toBe(3);
  });
});
