import { describe, expect, test } from 'vitest';
import {
  condition,
  identity,
  identityInput,
  ISSUER,
  provider,
  PROVIDER_ARN,
  providerInput,
  providerSpec,
  thrownBy,
} from '../../../test/support/builders.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { checkNamespace, claimant, identityInput as inputOf, usableProvider } from './accept.ts';

describe('the provider of an identity', () => {
  test('is used when it is ready', () => {
    const input = { name: 'default', spec: providerSpec(), arn: PROVIDER_ARN, issuer: ISSUER };
    expect(usableProvider('default', provider())).toEqual(input);
  });

  const unready: readonly { name: string; object: AwsOidcProvider | undefined; reason: string; says: string }[] = [
    { name: 'that is missing', object: undefined, reason: 'ProviderNotFound', says: 'spec.providerRef.name' },
    {
      name: 'that failed tells why',
      object: provider({ status: { conditions: [condition({ status: 'False', message: 'wrong account' })] } }),
      reason: 'ProviderNotReady',
      says: 'not ready: wrong account',
    },
    {
      name: 'that nobody has looked at yet',
      object: { ...provider(), status: {} },
      reason: 'ProviderNotReady',
      says: 'it has not been looked at yet',
    },
    {
      name: 'whose present spec has not been looked at yet',
      object: provider({ metadata: { generation: 2 } }),
      reason: 'ProviderNotReady',
      says: 'AwsOidcProvider "default"',
    },
    {
      name: 'that is being deleted',
      object: provider({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } }),
      reason: 'ProviderNotReady',
      says: 'it is being deleted',
    },
    {
      name: 'without a status',
      object: { metadata: provider().metadata, spec: provider().spec },
      reason: 'ProviderNotReady',
      says: 'it has not been looked at yet',
    },
    {
      name: 'of which something else is true than Ready',
      object: provider({
        status: { conditions: [condition({ type: 'Accepted' }), condition({ status: 'False', message: 'no' })] },
      }),
      reason: 'ProviderNotReady',
      says: 'not ready: no',
    },
    {
      name: 'that is ready without an ARN',
      object: { ...provider(), status: { issuer: ISSUER, conditions: [condition()] } },
      reason: 'ProviderNotReady',
      says: 'AwsOidcProvider "default"',
    },
    {
      name: 'that is ready without an issuer',
      object: { ...provider(), status: { arn: PROVIDER_ARN, conditions: [condition()] } },
      reason: 'ProviderNotReady',
      says: 'AwsOidcProvider "default"',
    },
  ];

  test.each(unready)('$name is waited for', async ({ object, reason, says }) => {
    expect(await thrownBy(() => usableProvider('default', object))).toMatchObject({
      reason,
      disposition: { kind: 'waiting', retryAfterMs: 30_000 },
      message: expect.stringContaining(says),
    });
  });
});

describe('a stored spec', () => {
  test('is read by today’s schema [F8]', () => {
    expect(inputOf(identity())).toEqual(identityInput());
  });

  test('that today’s schema refuses is named field by field', async () => {
    const stored = { ...identity(), spec: { ...identity().spec, audience: '', tokenExpirationSeconds: 1 } };
    const error = await thrownBy(() => inputOf(stored));
    expect(error).toMatchObject({ reason: 'InvalidSpec', disposition: { kind: 'terminal' } });
    for (const field of ['spec.audience', 'spec.tokenExpirationSeconds'])
      expect(error).toHaveProperty('message', expect.stringContaining(field));
  });
});

const born = (uid: string, creationTimestamp: string): AwsFederatedIdentity =>
  identity({ metadata: { uid, creationTimestamp } });

describe('of all identities that name a ServiceAccount', () => {
  const old = born('z', '2026-01-01T00:00:00Z');
  const young = born('a', '2026-01-02T00:00:00Z');
  const twin = born('b', '2026-01-02T00:00:00Z');

  test.each([
    { name: 'the oldest has it', identities: [young, old], expected: 'z' },
    { name: 'the order of the list is nothing', identities: [old, young], expected: 'z' },
    { name: 'of equally old ones the lowest uid has it', identities: [twin, young], expected: 'a' },
    { name: 'the only one has it', identities: [twin], expected: 'b' },
    {
      name: 'of equally old ones, that which has a role already',
      identities: [
        identity({ metadata: { uid: 'a' } }),
        identity({ metadata: { uid: 'b' }, status: { roleId: 'AROAEXAMPLE0000001' } }),
      ],
      expected: 'b',
    },
    { name: 'none has it where there is none', identities: [], expected: undefined },
  ])('$name', ({ identities, expected }) => {
    expect(claimant(identities)?.metadata.uid).toBe(expected);
  });
});

describe('the provider serves a namespace', () => {
  const siblings = ['3', '1', '2'].map((day) =>
    identity({ metadata: { uid: `uid-${day}`, creationTimestamp: `2026-01-0${day}T00:00:00Z` } }),
  );
  const check = (guardrails: object, uid: string, namespaceLabels?: Readonly<Record<string, string>>): void =>
    checkNamespace(identityInput({}, { uid }), providerInput({ guardrails }), {
      siblings,
      namespaceLabels,
      excludedNamespaces: ['kube-system'],
    });

  test('but never one whose pods cannot be injected', async () => {
    const surroundings = { siblings, namespaceLabels: undefined, excludedNamespaces: ['analytics'] };
    expect(await thrownBy(() => checkNamespace(identityInput(), providerInput(), surroundings))).toMatchObject({
      reason: 'NamespaceNotAllowed',
      disposition: { kind: 'terminal' },
      message: expect.stringContaining('Pods of namespace analytics are never injected'),
    });
  });

  test('with at most a hundred identities where the provider says nothing', async () => {
    const many = Array.from({ length: 101 }, (_, index) =>
      identity({
        metadata: {
          uid: `uid-${index}`,
          creationTimestamp: `2026-01-01T00:0${Math.floor(index / 60)}:${String(index % 60).padStart(2, '0')}Z`,
        },
      }),
    );
    const of = (uid: string) => (): void =>
      checkNamespace(identityInput({}, { uid }), providerInput(), {
        siblings: many.toReversed(),
        namespaceLabels: undefined,
        excludedNamespaces: [],
      });
    expect(of('uid-99')).not.toThrow();
    expect(await thrownBy(of('uid-100'))).toMatchObject({ reason: 'TooManyIdentities' });
  });

  const selector = { namespaceSelector: { matchLabels: { team: 'a' } } };

  test.each([
    { name: 'without a selector', guardrails: {}, labels: undefined },
    { name: 'with an empty selector', guardrails: { namespaceSelector: {} }, labels: {} },
    { name: 'whose labels match', guardrails: selector, labels: { team: 'a', other: 'x' } },
  ])('$name', ({ guardrails, labels }) => {
    expect(() => check(guardrails, 'uid-1', labels)).not.toThrow();
  });

  test.each([
    { name: 'whose labels differ', labels: { team: 'b' } },
    { name: 'without labels', labels: {} },
    { name: 'whose labels are unknown', labels: undefined },
  ])('but not one $name', async ({ labels }) => {
    expect(await thrownBy(() => check(selector, 'uid-1', labels))).toMatchObject({
      reason: 'NamespaceNotAllowed',
      disposition: { kind: 'terminal' },
      message: expect.stringMatching(/"default".*namespace analytics.*guardrails\.namespaceSelector/),
    });
  });

  test.each(['uid-1', 'uid-2'])('with room for two, the oldest two are in (%s)', (uid) => {
    expect(() => check({ maxIdentitiesPerNamespace: 2 }, uid)).not.toThrow();
  });

  test('with room for two, the third is refused [F77 S11]', async () => {
    expect(await thrownBy(() => check({ maxIdentitiesPerNamespace: 2 }, 'uid-3'))).toMatchObject({
      reason: 'TooManyIdentities',
      disposition: { kind: 'terminal' },
      message: expect.stringMatching(/analytics may have 2 .* has 3.*maxIdentitiesPerNamespace/),
    });
  });
});
