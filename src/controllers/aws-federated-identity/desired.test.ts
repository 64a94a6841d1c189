import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLUSTER,
  identityInput,
  identitySpec,
  ISSUER,
  owner,
  policyArn,
  PROVIDER_ARN,
  providerInput,
  thrownBy,
  trust,
} from '../../../test/support/builders.ts';
import { IssuerUrl, RoleArn } from '../../iam/arn.ts';
import { ownerTags } from '../../iam/tags.ts';
import { desiredState, pathPrefixOf, roleNameOf } from './desired.ts';

const desired = (role: object = {}, provider: object = {}) =>
  desiredState(identityInput({ role }), providerInput(provider), CLUSTER);

test('inline policies that are too large together are refused before the first call [F36]', () => {
  const document = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'x'.repeat(4000) }],
  };
  const inlinePolicies = ['a', 'b', 'c'].map((name) => ({ name, document }));
  expect(() => desired({ inlinePolicies }, { guardrails: { inlinePolicies: 'Allow' } })).toThrow(
    /12[0-9]{3} characters together, and IAM takes 10240/,
  );
});

describe('whom the role trusts', () => {
  const FORMER = 'https://former.example.com';
  const issuersOf = (alsoTrusted: readonly string[]): readonly string[] =>
    JSON.parse(desired({}, { issuer: { alsoTrusted } }).role.trustPolicy).Statement.map(
      ({ Principal }: { readonly Principal: { readonly Federated: string } }) => Principal.Federated,
    );
  const providerOf = (issuer: string): string => `${PROVIDER_ARN.split('/')[0]}/${issuer.slice('https://'.length)}`;

  test('also tokens of the issuers that the provider names', () => {
    expect(issuersOf([FORMER])).toEqual([PROVIDER_ARN, providerOf(FORMER)]);
  });

  test('each issuer once, the present one among them', () => {
    expect(issuersOf([ISSUER, FORMER])).toEqual([PROVIDER_ARN, providerOf(FORMER)]);
  });

  test('the one ServiceAccount with the one audience, whoever issued the token', () => {
    const { Statement } = JSON.parse(desired({}, { issuer: { alsoTrusted: [FORMER] } }).role.trustPolicy);
    expect(Statement[1].Condition).toEqual({
      StringEquals: {
        'former.example.com:aud': 'sts.amazonaws.com',
        'former.example.com:sub': 'system:serviceaccount:analytics:reports',
      },
    });
  });
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
    { name: 'the description', role: { description: ' x\n' }, expected: { description: ' x\n' } },
    {
      name: 'no description for a blank one, which IAM would seem to lack',
      role: { description: '\n' },
      expected: { description: '' },
    },
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

  test('keeps its ownership tags, whatever tags an object from before the rule asks for [F76 S1]', () => {
    const forged = {
      'federatedidentity.dev/uid': 'other',
      'federatedidentity.dev/cluster': 'other',
      'FederatedIdentity.dev/UID': 'other', // to IAM, the same key
    };
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

describe('the name of the role [F43]', () => {
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

  const roleArn = (name: string): RoleArn => RoleArn.parse(`arn:aws:iam::111122223333:role/federated/${name}`);
  const formerly = (name: string) =>
    roleNameOf({ namespace: 'a', name: 'b', spec: identitySpec(), roleArn: roleArn(name) }, ISSUER);

  test('stays that of the role that was made for another issuer', () => {
    expect(formerly('a-b-0123abcd')).toBe('a-b-0123abcd');
  });

  test.each(['admin', 'a-b', 'a-b-c-0123abcd', 'a-c-0123abcd', 'a-b-0123abcd9', 'a-b-0123ABCD'])(
    'is never %s, whatever the status says: it is none that this identity is given',
    (name) => expect(formerly(name)).toBe(nameOf('a', 'b')),
  );

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

describe('an adoption that is asked for [S1]', () => {
  const adoptionOf = (provider: object) =>
    desiredState(
      identityInput({ adopt: { roleId: 'AROAEXAMPLE000000001' }, role: { name: 'theirs' } }),
      providerInput(provider),
      CLUSTER,
    ).adoption;

  test.each([
    { name: 'no guardrails', provider: {}, allowed: false, rolePath: undefined },
    {
      name: 'guardrails that deny it',
      provider: { guardrails: { adoption: 'Deny' } },
      allowed: false,
      rolePath: undefined,
    },
    {
      name: 'guardrails that allow it below a path',
      provider: { guardrails: { adoption: 'Allow', rolePath: '/only/' } },
      allowed: true,
      rolePath: '/only/',
    },
  ])('with $name is allowed: $allowed', ({ provider, allowed, rolePath }) => {
    expect(adoptionOf(provider)).toEqual({
      roleId: 'AROAEXAMPLE000000001',
      allowed,
      rolePath,
      provider: 'AwsOidcProvider "default"',
    });
  });

  test('is none where spec.adopt is absent', () => {
    expect(desired().adoption).toBeUndefined();
  });
});

test.each([
  { guardrails: undefined, expected: '/' },
  { guardrails: { rolePath: '/only/' }, expected: '/only/' },
])('roles of a provider lie under $expected', ({ guardrails, expected }) => {
  expect(pathPrefixOf(providerInput({ guardrails }).spec)).toBe(expected);
});

test.each([
  { size: 10_240, says: undefined },
  { size: 10_241, says: 'have 10241 characters together' },
])('inline policies of $size characters: $says', async ({ size, says }) => {
  const empty = JSON.stringify({ Statement: [''] }).length;
  const documents = [size - 5000, 5000].map((length) => ({ Statement: ['x'.repeat(length - empty)] }));
  const inlinePolicies = documents.map((document, index) => ({ name: `p${index}`, document }));
  const work = (): unknown => desired({ inlinePolicies }, { guardrails: { inlinePolicies: 'Allow' } });
  if (says === undefined) expect(work()).toBeDefined();
  else expect(await thrownBy(work)).toMatchObject({ reason: 'QuotaExceeded', message: expect.stringContaining(says) });
});

test('a name of IAM is as long as it may be, and ends in eight characters of its own', () => {
  const long = roleNameOf({ namespace: 'n'.repeat(63), name: 'm'.repeat(63), spec: identitySpec() }, ISSUER);
  expect(long).toMatch(/^n{55}-[0-9a-f]{8}$/);
  expect(long).toHaveLength(64);
});

test('a refusal names the provider, and all that it would take', async () => {
  const refused = () =>
    desiredState(identityInput({ audience: 'x' }), providerInput({ clientIds: ['a', 'b'] }), CLUSTER);
  expect(await thrownBy(refused)).toMatchObject({ message: expect.stringContaining('"default" (a, b).') });
  expect(await thrownBy(() => desired({ managedPolicyArns: [policyArn('X')] }))).toMatchObject({
    message: expect.stringContaining('is not allowed by AwsOidcProvider "default" (allowed: none)'),
  });
});
