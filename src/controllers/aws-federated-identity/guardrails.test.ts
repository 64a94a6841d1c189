import { describe, expect, test } from 'vitest';
import { policyArn, providerSpec } from '../../../test/support/builders.ts';
import { AwsFederatedIdentitySpec } from '../../crds/aws-federated-identity.ts';
import { refusalOf } from './guardrails.ts';

const inline = [{ name: 'a', document: {} }];
const customerPolicy = 'arn:aws:iam::111122223333:policy/team/read';

interface Row {
  readonly name: string;
  readonly role?: object;
  readonly guardrails?: object;
  readonly path?: string;
}

function refusal({ role = {}, guardrails = {}, path = '/federated/' }: Row) {
  const spec = AwsFederatedIdentitySpec.parse({ serviceAccount: { name: 'reports' }, role });
  return refusalOf({
    role: spec.role ?? {},
    path,
    guardrails: providerSpec({ guardrails }).guardrails ?? {},
    provider: 'AwsOidcProvider "default"',
  });
}

describe('the guardrails let through', () => {
  test.each<Row>([
    { name: 'a role without policies, even where nothing is allowed' },
    {
      name: 'a managed policy that matches one of the patterns',
      role: { managedPolicyArns: [policyArn('AmazonS3ReadOnlyAccess')] },
      guardrails: { managedPolicyArns: ['arn:aws:iam::aws:policy/Other', 'arn:aws:iam::aws:policy/AmazonS3*'] },
    },
    {
      name: 'any managed policy by a star',
      role: { managedPolicyArns: [customerPolicy] },
      guardrails: { managedPolicyArns: ['*'] },
    },
    {
      name: 'an inline policy where they are allowed',
      role: { inlinePolicies: inline },
      guardrails: { inlinePolicies: 'Allow' },
    },
    { name: 'an empty list of inline policies', role: { inlinePolicies: [] } },
    {
      name: 'the very boundary that is forced',
      role: { permissionsBoundaryArn: policyArn('Boundary') },
      guardrails: { permissionsBoundaryArn: policyArn('Boundary') },
    },
    { name: 'a boundary where none is forced', role: { permissionsBoundaryArn: policyArn('Boundary') } },
    { name: 'a path below the one demanded', path: '/federated/team/', guardrails: { rolePath: '/federated/' } },
    { name: 'a name with the prefix', role: { name: 'team-a' }, guardrails: { roleNamePrefix: 'team-' } },
    { name: 'a name that we make, whatever the prefix', guardrails: { roleNamePrefix: 'team-' } },
    {
      name: 'a session up to the limit',
      role: { maxSessionDurationSeconds: 7200 },
      guardrails: { maxSessionDurationSeconds: 7200 },
    },
  ])('$name', (row) => {
    expect(refusal(row)).toBeUndefined();
  });
});

describe('the guardrails refuse, naming field, provider and next step [F69 S2]', () => {
  test.each<Row & { readonly reason: string; readonly says: readonly string[] }>([
    {
      name: 'each managed policy where none is named',
      role: { managedPolicyArns: [policyArn('AmazonS3ReadOnlyAccess')] },
      reason: 'PolicyNotAllowed',
      says: [
        'AmazonS3ReadOnlyAccess',
        'allowed: none',
        'spec.role.managedPolicyArns',
        'spec.guardrails.managedPolicyArns',
      ],
    },
    {
      name: 'the one managed policy of many that matches no pattern',
      role: { managedPolicyArns: [policyArn('AmazonS3ReadOnlyAccess'), policyArn('AdministratorAccess')] },
      guardrails: { managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*'] },
      reason: 'PolicyNotAllowed',
      says: ['policy/AdministratorAccess', 'allowed: arn:aws:iam::aws:policy/AmazonS3*'],
    },
    {
      name: 'a policy of the account that has the name of an allowed one of AWS',
      role: { managedPolicyArns: ['arn:aws:iam::111122223333:policy/AmazonS3ReadOnlyAccess'] },
      guardrails: { managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*'] },
      reason: 'PolicyNotAllowed',
      says: ['arn:aws:iam::111122223333:policy/AmazonS3ReadOnlyAccess'],
    },
    {
      name: 'inline policies by default, since they can grant anything',
      role: { inlinePolicies: inline },
      reason: 'PolicyNotAllowed',
      says: ['Inline policies', 'managed policies', 'spec.guardrails.inlinePolicies: Allow'],
    },
    {
      name: 'another boundary than the forced one',
      role: { permissionsBoundaryArn: policyArn('Mine') },
      guardrails: { permissionsBoundaryArn: policyArn('Boundary') },
      reason: 'PolicyNotAllowed',
      says: [policyArn('Boundary'), 'Remove spec.role.permissionsBoundaryArn'],
    },
    {
      name: 'defaults of the provider that contradict its own guardrails',
      path: '/elsewhere/',
      guardrails: { rolePath: '/federated/' },
      reason: 'RoleNotAllowed',
      says: ['/federated/', 'spec.roleDefaults.path is /elsewhere/', 'platform team'],
    },
    {
      name: 'a path that only begins like the demanded one',
      path: '/federated-x/',
      guardrails: { rolePath: '/federated/' },
      reason: 'RoleNotAllowed',
      says: ['/federated-x/'],
    },
    {
      name: 'a name without the prefix',
      role: { name: 'a-team-' },
      guardrails: { roleNamePrefix: 'team-' },
      reason: 'RoleNotAllowed',
      says: ['"team-"', 'spec.role.name'],
    },
    {
      name: 'a session above the limit',
      role: { maxSessionDurationSeconds: 7201 },
      guardrails: { maxSessionDurationSeconds: 7200 },
      reason: 'RoleNotAllowed',
      says: ['at most 7200 seconds', 'Lower spec.role.maxSessionDurationSeconds from 7201'],
    },
  ])('$name', ({ reason, says, ...row }) => {
    const error = refusal(row);
    expect(error).toMatchObject({ reason, disposition: { kind: 'terminal' } });
    for (const text of [...says, 'AwsOidcProvider "default"']) expect(error?.message).toContain(text);
  });
});
