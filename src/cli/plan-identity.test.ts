import { describe, expect, test } from 'vitest';
import { CLUSTER, identity, policyArn, provider, role, roleArn, ROLE_NAME } from '../../test/support/builders.ts';
import { desiredState } from '../controllers/aws-federated-identity/desired.ts';
import { identityInput, usableProvider } from '../controllers/aws-federated-identity/accept.ts';
import { waiting } from '../errors.ts';
import type { Role } from '../iam/roles.ts';
import type { AwsFederatedIdentity } from '../kube/kinds.ts';
import { CliError } from './failures.ts';
import type { IdentityPlan } from './identity-plan.ts';
import { type IdentityContext, planIdentity } from './plan-identity.ts';

const S3 = policyArn('AmazonS3ReadOnlyAccess');
const named = { role: { name: ROLE_NAME } };

/** The role exactly as the operator would make it. */
function roleOf(subject: AwsFederatedIdentity, fields: Partial<Role> = {}): Role {
  const desired = desiredState(identityInput(subject), usableProvider('default', provider()), CLUSTER);
  return { ...desired.role, arn: role().arn, id: role().id, ...fields };
}

interface World extends Partial<IdentityContext> {
  readonly observed?: Role | undefined;
}

function plan(subject: AwsFederatedIdentity, { observed, ...world }: World = {}): Promise<IdentityPlan> {
  const context: IdentityContext = {
    clusterId: CLUSTER,
    provider: (name) => (name === 'default' ? provider() : undefined),
    identities: [subject],
    namespaceLabels: () => undefined,
    look: async () => observed,
    ...world,
  };
  return planIdentity(context, subject);
}

const limited = (guardrails: object): Pick<IdentityContext, 'provider'> => ({
  provider: () => provider({ spec: { guardrails } }),
});

const noCredentials = (): Promise<never> => Promise.reject(new CliError('no AWS credentials'));

const deleting = (spec: object = {}): AwsFederatedIdentity =>
  identity({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' }, spec: { ...named, ...spec } });

describe('planIdentity', () => {
  test('a role as the spec says needs nothing', async () => {
    const subject = identity({ spec: named });
    expect(await plan(subject, { observed: roleOf(subject) })).toMatchObject({
      namespace: 'analytics',
      name: 'reports',
      role: ROLE_NAME,
      remarks: [],
      outcome: { kind: 'planned', actions: [], drift: [] },
    });
  });

  test('a role that differs is planned as the operator does, even when nothing would be done now', async () => {
    const subject = identity({ spec: { ...named, suspend: true, managementPolicy: 'Observe' } });
    const observed = roleOf(subject, { managedPolicyArns: new Set([S3]) });
    expect(await plan(subject, { observed })).toMatchObject({
      remarks: ['suspended: waits for spec.suspend: false', 'Observe: only reported'],
      outcome: { kind: 'planned', actions: [{ type: 'DetachRolePolicy', policyArn: S3 }] },
    });
  });

  test.each(['kube-system', 'federated-identity-system'])(
    'pods of %s are never injected: refused',
    async (namespace) => {
      const subject = identity({ metadata: { namespace }, spec: named });
      expect(await plan(subject, {})).toMatchObject({ outcome: { kind: 'refused', reason: 'NamespaceNotAllowed' } });
    },
  );

  const older = identity({ metadata: { name: 'older', uid: 'older', creationTimestamp: '2026-01-01T00:00:00Z' } });
  test.each([
    { name: 'no such provider', spec: { providerRef: { name: 'none' } }, world: {}, reason: 'ProviderNotFound' },
    {
      name: 'a provider that is not ready',
      spec: named,
      world: { provider: () => provider({ metadata: { generation: 2 } }) },
      reason: 'ProviderNotReady',
    },
    {
      name: 'a guardrail of the spec',
      spec: { role: { managedPolicyArns: [S3] } },
      world: {},
      reason: 'PolicyNotAllowed',
    },
    {
      name: 'a guardrail of the namespace',
      spec: named,
      world: limited({ namespaceSelector: { matchLabels: { team: 'a' } } }),
      reason: 'NamespaceNotAllowed',
    },
    {
      name: 'a guardrail of the number of identities',
      spec: named,
      world: limited({ maxIdentitiesPerNamespace: 0 }),
      reason: 'TooManyIdentities',
    },
    {
      name: 'an older identity of the same ServiceAccount',
      spec: named,
      world: { identities: [older] },
      reason: 'ServiceAccountConflict',
    },
    {
      name: 'a role in another account than the provider is for now',
      spec: named,
      status: { roleArn: role().arn },
      world: { provider: () => provider({ spec: { accountId: '444455556666' } }), look: noCredentials },
      reason: 'WrongAccount',
    },
    {
      name: 'the role of somebody else',
      spec: named,
      world: { observed: role({ tags: new Map() }) },
      reason: 'RoleNotOwned',
    },
    {
      name: 'adoption of a role that is not there',
      spec: { ...named, adopt: { roleId: 'AROAEXAMPLE0000001' } },
      world: limited({ adoption: 'Allow' }),
      reason: 'AdoptionRefused',
    },
    {
      name: 'a role that may not be seen',
      spec: named,
      world: { look: () => Promise.reject(waiting('AccessDenied', 'denied', 1)) },
      reason: 'AccessDenied',
    },
  ])('$name is a refusal: $reason', async ({ spec, status = {}, world, reason }) => {
    const { outcome } = await plan(identity({ spec, status }), world);
    expect(outcome).toMatchObject({ kind: 'refused', reason });
  });

  test('an older identity in another namespace, or of another ServiceAccount, is no conflict', async () => {
    const subject = identity({ spec: named });
    const elsewhere = identity({ metadata: { ...older.metadata, namespace: 'other' } });
    const another = identity({ metadata: older.metadata, spec: { serviceAccount: { name: 'another' } } });
    const { outcome } = await plan(subject, { observed: roleOf(subject), identities: [subject, elsewhere, another] });
    expect(outcome.kind).toBe('planned');
  });

  test('an adoption is planned, and named as one', async () => {
    const observed = role({ tags: new Map() });
    const subject = identity({ spec: { ...named, adopt: { roleId: observed.id } } });
    const planned = await plan(subject, { observed, ...limited({ adoption: 'Allow' }) });
    expect(planned).toMatchObject({
      remarks: ['adopts the role that exists'],
      outcome: { actions: [{ type: 'TagRole' }] },
    });
  });

  test('what concerns everybody is thrown', async () => {
    await expect(plan(identity({ spec: named }), { look: noCredentials })).rejects.toThrow('no AWS credentials');
  });

  describe('of an identity that is being deleted', () => {
    test('its role goes, with what is attached', async () => {
      const observed = roleOf(deleting(), { managedPolicyArns: new Set([S3]) });
      expect(await plan(deleting(), { observed })).toMatchObject({
        remarks: ['being deleted, deletionPolicy Delete'],
        outcome: { actions: [{ type: 'DetachRolePolicy', policyArn: S3 }, { type: 'DeleteRole' }], drift: [{}, {}] },
      });
    });

    test.each([
      { name: 'under Retain', spec: { deletionPolicy: 'Retain' }, fields: {} },
      { name: 'under Observe', spec: { managementPolicy: 'Observe' }, fields: {} },
      { name: 'of somebody else', spec: {}, fields: { tags: new Map() } },
    ])('the role stays $name', async ({ spec, fields }) => {
      const { outcome } = await plan(deleting(spec), { observed: roleOf(deleting(), fields) });
      expect(outcome).toMatchObject({ kind: 'planned', actions: [] });
    });

    test('the role stays where it is abandoned by its ARN, also of a provider that is gone', async () => {
      const { arn, id: roleId } = role();
      const { metadata, spec } = deleting();
      const annotations = { 'federatedidentity.dev/abandon': arn };
      const abandoned = identity({ metadata: { ...metadata, annotations }, spec, status: { roleArn: arn, roleId } });
      expect(await plan(abandoned, { provider: () => undefined, look: noCredentials })).toMatchObject({
        remarks: ['being deleted, deletionPolicy Delete', 'abandoned: the role stays'],
        outcome: { kind: 'planned', actions: [] },
      });
    });

    test.each([
      {
        name: 'is gone, once there is a role',
        world: { provider: () => undefined },
        reason: 'ProviderNotFound',
      },
      {
        name: 'is for another account now',
        world: { provider: () => provider({ spec: { accountId: '444455556666' } }) },
        reason: 'WrongAccount',
      },
    ])('it waits where the provider $name', async ({ world, reason }) => {
      const { arn, id: roleId } = role();
      const { metadata, spec } = deleting();
      const { outcome } = await plan(identity({ metadata, spec, status: { roleArn: arn, roleId } }), world);
      expect(outcome).toMatchObject({ kind: 'refused', reason });
    });

    test('the role that goes is the one that was made, also under a former issuer', async () => {
      const former = 'analytics-reports-0123abcd';
      const { metadata } = deleting();
      const subject = identity({ metadata, status: { roleArn: roleArn(former), roleId: role().id } });
      const looked: string[] = [];
      const look = async (_provider: unknown, name: string) => {
        looked.push(name);
        return undefined;
      };
      expect((await plan(subject, { look })).role).toBe(former);
      expect(looked).toEqual([former]);
    });

    test('it needs no ready provider', async () => {
      const unready = () => provider({ metadata: { generation: 2 } });
      const { outcome } = await plan(deleting(), { observed: roleOf(deleting()), provider: unready });
      expect(outcome).toMatchObject({ kind: 'planned', actions: [{ type: 'DeleteRole' }] });
    });

    test('there is nothing to do without a provider and a role', async () => {
      const { role: name, outcome } = await plan(deleting(), { provider: () => undefined, look: noCredentials });
      expect([name, outcome]).toMatchObject([undefined, { kind: 'planned', actions: [] }]);
    });
  });

  test('the role has its name before anything is looked up in AWS', async () => {
    const { role: name } = await plan(identity({ spec: { role: { managedPolicyArns: [S3] } } }));
    expect(name).toMatch(/^analytics-reports-[0-9a-f]{8}$/);
  });
});
