import { describe, expect, test } from 'vitest';
import { oidcProvider, providerSpec, role } from '../../test/support/builders.ts';
import { IssuerUrl, Partition, PolicyArn, RoleArn, RolePath } from '../iam/arn.ts';
import { PolicyDocument } from '../iam/policy-document.ts';
import type { Role } from '../iam/roles.ts';
import { type BootstrapInput, bootstrapDesign } from './bootstrap-design.ts';
import { isRefused, planBootstrap } from './bootstrap-plan.ts';
import { bootstrapText, dryRunNote } from './bootstrap-text.ts';
import { painter } from './terminal.ts';

const input = (spec: object = {}, fields: Partial<BootstrapInput> = {}): BootstrapInput => ({
  facts: {
    name: 'default',
    uid: 'provider-uid',
    spec: providerSpec(spec),
    issuer: IssuerUrl.parse('https://oidc.example.com/cluster-a'),
    cluster: 'cluster-uid',
    partition: Partition.parse('aws'),
  },
  options: {
    namespace: 'federated-identity-system',
    serviceAccount: 'federated-identity-operator',
    roleName: 'operator',
    rolePath: '/federated-operator/',
  },
  permissionsBoundaryArn: undefined,
  ...fields,
});

/** The role as an earlier run has left it. */
const made = (fields: Partial<Role> = {}): Role => {
  const design = bootstrapDesign(input());
  return { ...role(), ...design.role, arn: design.roleArn, ...fields };
};
const ours = (fields: object = {}) => oidcProvider({ tags: bootstrapDesign(input()).provider.tags, ...fields });
const foreign = oidcProvider({ tags: new Map(), thumbprints: ['b'.repeat(40)] });
const none = { provider: undefined, role: undefined };
const show = (...given: Parameters<typeof planBootstrap>): string =>
  bootstrapText(planBootstrap(...given), painter(false));
const actionsOf = ({ provider, role: ofRole }: ReturnType<typeof planBootstrap>): readonly string[] =>
  [...(provider.kind === 'apply' ? provider.actions : []), ...(ofRole.kind === 'planned' ? ofRole.actions : [])].map(
    ({ type }) => type,
  );

describe('what is to do', () => {
  test.each([
    { name: 'everything', observed: none, expected: ['CreateOpenIDConnectProvider', 'CreateRole', 'PutRolePolicy'] },
    { name: 'nothing, where all is there', observed: { provider: ours(), role: made() }, expected: [] },
    {
      name: 'only the role, where the OIDC provider is of somebody else',
      observed: { provider: foreign, role: undefined },
      expected: ['CreateRole', 'PutRolePolicy'],
    },
    {
      name: 'what somebody removed from the OIDC provider',
      observed: { provider: ours({ clientIds: new Set(['other']) }), role: made() },
      expected: ['RemoveClientIDFromOpenIDConnectProvider', 'AddClientIDToOpenIDConnectProvider'],
    },
    {
      name: 'the policy, after a change',
      observed: {
        provider: ours(),
        role: made({ inlinePolicies: new Map([['aws-oidc-provider-default', PolicyDocument.parse('{}')]]) }),
      },
      expected: ['PutRolePolicy'],
    },
    {
      name: 'nothing about what others gave the role',
      observed: {
        provider: ours(),
        role: made({
          inlinePolicies: new Map([
            ...made().inlinePolicies,
            ['aws-oidc-provider-other', PolicyDocument.parse('{"Statement":[]}')],
          ]),
          managedPolicyArns: new Set([PolicyArn.parse('arn:aws:iam::aws:policy/ReadOnlyAccess')]),
          permissionsBoundaryArn: PolicyArn.parse('arn:aws:iam::aws:policy/PowerUserAccess'),
          maxSessionDurationSeconds: 7200,
        }),
      },
      expected: [],
    },
  ])('$name', ({ observed, expected }) => {
    expect(actionsOf(planBootstrap(input(), observed))).toEqual(expected);
  });

  test('a role that was made under another path stays there, and the policy spares it', () => {
    const arn = RoleArn.parse('arn:aws:iam::111122223333:role/elsewhere/operator');
    const plan = planBootstrap(input(), { provider: ours(), role: made({ path: RolePath.parse('/elsewhere/'), arn }) });
    expect(plan.design.roleArn).toBe(arn);
    expect([...plan.design.role.inlinePolicies.values()].join('')).toContain(`"Resource":"${arn}"`);
    expect(actionsOf(plan)).toEqual(['PutRolePolicy']);
  });
});

describe('what is refused', () => {
  test('an OIDC provider of somebody else that lacks an audience', () => {
    const plan = planBootstrap(input(), {
      provider: oidcProvider({ tags: new Map(), clientIds: new Set() }),
      role: undefined,
    });
    expect(isRefused(plan)).toBe(true);
    expect(bootstrapText(plan, painter(false))).toContain('! AudienceNotRegistered: ');
    expect(dryRunNote(plan)).toMatch(/^Refused/);
  });

  test('a role of another cluster, by name', () => {
    const tags = new Map([['federatedidentity.dev/cluster', 'another']]);
    const text = show(input(), { provider: ours(), role: made({ tags }) });
    expect(text).toMatch(
      /! RoleNotOwned: .* of the cluster another\. Choose another --role-name, or remove that role\./,
    );
  });

  test.each([
    {
      name: 'a path that the operator writes to',
      spec: { guardrails: { rolePath: '/federated-operator/' } },
      says: 'could change its own role',
    },
    {
      name: 'a provider for the whole account',
      spec: { guardrails: { rolePath: '/' } },
      says: 'set spec.guardrails.rolePath',
    },
    {
      name: 'a provider that assumes a role',
      spec: { assumeRole: { roleArn: 'arn:aws:iam::111122223333:role/hub' } },
      says: 'kubectl aws-identity policy default --own-role',
    },
    {
      name: 'more patterns than a policy holds',
      spec: {
        guardrails: {
          managedPolicyArns: Array.from(
            { length: 100 },
            (_, index) => `arn:aws:iam::111122223333:policy/${'x'.repeat(100)}${index}`,
          ),
        },
      },
      says: 'and IAM takes 10240: put the 100 spec.guardrails.managedPolicyArns into fewer patterns',
    },
  ])('$name', ({ spec, says }) => {
    expect(() => bootstrapDesign(input(spec))).toThrow(says);
  });
});

test('before the object is in the cluster, no OIDC provider can carry its uid, and the operator will only use it', () => {
  const { facts } = input();
  const design = bootstrapDesign(input({}, { facts: { ...facts, uid: undefined } }));
  const again = planBootstrap(input(), { provider: oidcProvider({ tags: design.provider.tags }), role: made() });
  expect(again.provider).toEqual({ kind: 'use' });
  expect(bootstrapText(again, painter(false))).toContain('it existed before, is used, and never changed');
});

test('a name that would steer the terminal is shown, not obeyed', () => {
  const text = show(input({ clientIds: ['sts.amazonaws.com', 'x'] }), none);
  expect(text).toContain('+ clientIds: sts.amazonaws.com, x');
  expect(text).toContain('+ thumbprints: found by IAM');
});
