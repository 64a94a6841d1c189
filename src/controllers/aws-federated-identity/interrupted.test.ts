import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { after, identity, owner, policyArn, provider, role, ROLE_NAME, trust } from '../../../test/support/builders.ts';
import { edit, identityScene, type IdentityScene } from '../../../test/support/identity-scene.ts';
import { isWrite } from '../../../test/support/in-memory-iam.ts';
import { terminal } from '../../errors.ts';
import { IssuerUrl, OidcProviderArn } from '../../iam/arn.ts';
import { ownerTags } from '../../iam/tags.ts';
import { ApiError } from '../../kube/errors.ts';
import { IDENTITIES, PROVIDERS, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';

const permissive = provider({ spec: { guardrails: { managedPolicyArns: ['*'] } } });
const withRole = (fields: object) => ({ role: { name: ROLE_NAME, ...fields } });

const conditionOf = ({ stored }: IdentityScene, type: string) =>
  stored()?.status?.conditions?.find((condition) => condition.type === type);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a tag that was written by a pass that failed later is removed when the spec wants it no more', async () => {
  const spec = withRole({ managedPolicyArns: [policyArn('Missing')], tags: { team: 'a' } });
  const scene = identityScene({ identity: identity({ spec }), provider: permissive });
  const error = terminal('PolicyInvalid', 'Policy does not exist or is not attachable.');
  scene.iam.faults.push({ operation: 'AttachRolePolicy', effect: 'refused', error });
  await scene.failure();
  expect(scene.iam.state.get(ROLE_NAME)?.tags.get('team')).toBe('a');
  edit(scene, withRole({}));
  await scene.reconcile();
  expect(scene.iam.state.get(ROLE_NAME)?.tags.has('team')).toBe(false);
});

describe('tokens of another issuer', () => {
  const OTHER = 'oidc.example.com/cluster-b';
  const moved = provider({
    metadata: { generation: 1 },
    status: {
      issuer: IssuerUrl.parse(`https://${OTHER}`),
      arn: OidcProviderArn.parse(`arn:aws:iam::111122223333:oidc-provider/${OTHER}`),
    },
  });

  test('have the role that is there trust them, whose name was made of the former issuer', async () => {
    const scene = identityScene();
    await scene.reconcile();
    const [name] = [...scene.iam.state.keys()];
    scene.kubernetes.put(PROVIDERS, moved);
    await scene.reconcile();
    expect([...scene.iam.state.keys()]).toEqual([name]);
    expect(scene.iam.state.get(name!)?.trustPolicy).toContain(OTHER);
    expect(conditionOf(scene, 'Ready')).toMatchObject({ status: 'True' });
    expect(scene.exchanged).toHaveLength(2);
  });

  test('keep no role from being deleted', async () => {
    const scene = identityScene();
    await scene.reconcile();
    scene.kubernetes.put(PROVIDERS, moved);
    const stored = scene.stored();
    scene.kubernetes.put(IDENTITIES, {
      ...stored,
      metadata: { ...stored?.metadata, deletionTimestamp: '2026-03-01T13:00:00Z' },
    });
    scene.clock.now = after(3_600_000);
    await scene.reconcile();
    expect(scene.iam.state.size).toBe(0);
  });
});

test('a role that somebody made in the place of ours is not written to, also shortly after our own write', async () => {
  const scene = identityScene({ identity: identity({ spec: withRole({}) }) });
  await scene.reconcile();
  const theirs = role({ id: 'AROATHEIRS00000001', tags: ownerTags(owner({ uid: 'other' })) });
  scene.iam.state.set(ROLE_NAME, theirs);
  scene.iam.operations.length = 0;
  edit(scene, withRole({ description: 'new' }));
  await scene.failure();
  expect(scene.iam.operations.filter(isWrite)).toEqual([]);
  expect(scene.iam.state.get(ROLE_NAME)).toBe(theirs);
});

test('a repair whose pass failed before the proof is proven by the next one', async () => {
  const scene = identityScene({ identity: identity({ spec: withRole({}) }) });
  await scene.reconcile();
  scene.clock.now = after(1_500_000);
  scene.iam.state.set(ROLE_NAME, { ...scene.iam.state.get(ROLE_NAME)!, trustPolicy: trust('by-hand') });
  scene.kubernetes.put(SERVICE_ACCOUNTS, { metadata: { namespace: 'analytics', name: 'reports' } });
  scene.kubernetes.refusals.set('apply ServiceAccount reports', new ApiError(503, 'ServiceUnavailable', 'no'));
  await scene.failure();
  expect(conditionOf(scene, 'Ready')).toMatchObject({ status: 'True' }); // an outage
  scene.clock.now = after(1_501_000);
  await scene.reconcile();
  expect(scene.exchanged).toHaveLength(2);
});
