import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { desiredOidcProvider, oidcProvider, PROVIDER_ARN, providerOwner } from '../../../test/support/builders.ts';
import { inMemoryOidcProviders } from '../../../test/support/in-memory-iam.ts';
import { applyAction } from './apply.ts';
import { planProvider } from './plan.ts';

const STS = 'sts.amazonaws.com';
const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];
const foreign = new Map([['made-by', 'eksctl']]);

const planned = (desired: object, observed: ReturnType<typeof oidcProvider> | undefined) =>
  planProvider(desiredOidcProvider(desired), observed, providerOwner());

describe('the plan for an OIDC provider [F46]', () => {
  test.each([
    { name: 'creates it', desired: {}, observed: undefined, expected: ['CreateOpenIDConnectProvider'] },
    { name: 'does nothing when IAM agrees', desired: {}, observed: oidcProvider(), expected: [] },
    {
      name: 'adds a client id',
      desired: { clientIds: new Set([STS, 'other']) },
      observed: oidcProvider(),
      expected: ['AddClientIDToOpenIDConnectProvider'],
    },
    {
      name: 'takes client ids away before it adds others',
      desired: { clientIds: new Set(['new']) },
      observed: oidcProvider({ clientIds: new Set(['old']) }),
      expected: ['RemoveClientIDFromOpenIDConnectProvider', 'AddClientIDToOpenIDConnectProvider'],
    },
    {
      name: 'replaces the thumbprints, between the two',
      desired: { clientIds: new Set(['new']), thumbprints: [B] },
      observed: oidcProvider({ clientIds: new Set(['old']) }),
      expected: [
        'RemoveClientIDFromOpenIDConnectProvider',
        'UpdateOpenIDConnectProviderThumbprint',
        'AddClientIDToOpenIDConnectProvider',
      ],
    },
    {
      name: 'leaves thumbprints that nobody asked for, as IAM found them',
      desired: {},
      observed: oidcProvider({ thumbprints: [B] }),
      expected: [],
    },
    {
      name: 'leaves thumbprints that differ by order and case',
      desired: { thumbprints: [A, B] },
      observed: oidcProvider({ thumbprints: [B.toUpperCase(), A] }),
      expected: [],
    },
  ])('$name', ({ desired, observed, expected }) => {
    const plan = planned(desired, observed);
    expect(plan.kind === 'apply' ? plan.actions.map(({ type }) => type) : plan.kind).toEqual(expected);
  });
});

describe('a provider that existed before', () => {
  test.each([
    { name: 'is used when it has the audiences', observed: oidcProvider({ tags: foreign }), expected: { kind: 'use' } },
    {
      name: 'is used with audiences and thumbprints of its own',
      observed: oidcProvider({ tags: foreign, clientIds: new Set([STS, 'x']), thumbprints: [B] }),
      expected: { kind: 'use' },
    },
    {
      name: 'is refused when it lacks an audience, which is named',
      observed: oidcProvider({ tags: foreign, clientIds: new Set(['x']) }),
      expected: {
        kind: 'refuse',
        reason: 'AudienceNotRegistered',
        message: expect.stringMatching(/lacks the client ids sts\.amazonaws\.com.*spec\.clientIds/),
      },
    },
  ])('$name', ({ observed, expected }) => {
    expect(planned({ thumbprints: [A] }, observed)).toMatchObject(expected);
  });

  test('never gets an action, whatever it is', () => {
    const ids = fc.uniqueArray(fc.constantFrom(STS, 'a', 'b')).map((list) => new Set(list));
    fc.assert(
      fc.property(ids, ids, (wanted, clientIds) => {
        expect(planned({ clientIds: wanted }, oidcProvider({ tags: foreign, clientIds }))).not.toHaveProperty(
          'actions',
        );
      }),
    );
  });
});

test('applied, the plan leaves nothing to do, and in between no audience is accepted that neither state has', async () => {
  const state = fc.record({
    clientIds: fc.uniqueArray(fc.constantFrom(STS, 'a', 'b', 'c'), { minLength: 1 }).map((list) => new Set(list)),
    thumbprints: fc.uniqueArray(fc.constantFrom(A, B), { minLength: 1 }),
  });
  await fc.assert(
    fc.asyncProperty(state, state, async (wanted, there) => {
      const iam = inMemoryOidcProviders({ [PROVIDER_ARN]: oidcProvider(there) });
      const plan = planned(wanted, oidcProvider(there));
      const either = wanted.clientIds.union(there.clientIds);
      for (const action of plan.kind === 'apply' ? plan.actions : []) {
        await applyAction(iam.oidcProviders, PROVIDER_ARN, action, new AbortController().signal);
        expect(iam.state.get(PROVIDER_ARN)?.clientIds.isSubsetOf(either)).toBe(true);
      }
      expect(planned(wanted, iam.state.get(PROVIDER_ARN))).toMatchObject({ actions: [] });
    }),
  );
});

test('client ids come and go in the order of their names', () => {
  const plan = planned({ clientIds: new Set(['d', 'c']) }, oidcProvider({ clientIds: new Set(['b', 'a']) }));
  if (plan.kind !== 'apply') throw new Error(plan.kind);
  expect(plan.actions.map((action) => 'clientId' in action && action.clientId)).toEqual(['a', 'b', 'c', 'd']);
});

test('client ids that a provider of before lacks are all named', () => {
  expect(planned({ clientIds: new Set([STS, 'b', 'a']) }, oidcProvider({ tags: foreign }))).toMatchObject({
    kind: 'refuse',
    message: expect.stringContaining('it lacks the client ids a, b. Add them'),
  });
});
