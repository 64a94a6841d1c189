import { pino } from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  condition,
  identity,
  NOW,
  owner,
  policyArn,
  provider,
  role,
  ROLE_NAME,
} from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import { inMemoryRoles, isWrite } from '../../../test/support/in-memory-iam.ts';
import { RolePath } from '../../iam/arn.ts';
import type { Role } from '../../iam/roles.ts';
import { ownerTags } from '../../iam/tags.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { sweepDrift } from './sweep.ts';

const status = { roleId: role().id, roleArn: role().arn };
const held = (fields: Parameters<typeof identity>[0] = {}): AwsFederatedIdentity =>
  identity({ ...fields, spec: { role: { name: ROLE_NAME }, ...fields.spec }, status });

interface Swept {
  readonly identity?: AwsFederatedIdentity;
  readonly provider?: AwsOidcProvider;
  readonly roles?: readonly Role[];
}

async function sweep({ identity: one = held(), provider: given = provider(), roles = [role()] }: Swept = {}) {
  const scene = identityScene({ identity: one, provider: given, iam: inMemoryRoles(...roles) });
  const woken: string[] = [];
  const run = sweepDrift({ ...scene.dependencies, enqueue: ({ name }) => woken.push(name) });
  const again = () =>
    run({ name: 'default' }, { signal: new AbortController().signal, log: pino({ level: 'silent' }) });
  return { result: await again(), again, woken, ...scene };
}

describe('the sweep', () => {
  test('of an account in order wakes nobody, and saves the reconciles their look', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { result, woken, iam, reconcile } = await sweep();
    expect([result, woken]).toEqual([{ requeueAfterMs: 600_000 }, []]);
    await reconcile();
    expect(iam.operations).toEqual(['GetAccountAuthorizationDetails /']);
  });

  test.each([
    { name: 'differs', roles: [role({ managedPolicyArns: new Set([policyArn('AdministratorAccess')]) })] },
    { name: 'is gone', roles: [] },
    { name: 'belongs to somebody else now', roles: [role({ tags: ownerTags(owner({ uid: 'x' })) })] },
  ])('wakes the identity whose role $name, and writes nothing itself', async ({ roles }) => {
    const { woken, iam } = await sweep({ roles });
    expect(woken).toEqual(['reports']);
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });

  test('trusts our own write more than what it sees within the consistency window', async () => {
    const { dependencies, iam, again, woken } = await sweep();
    const { name, arn, id, ...rest } = role();
    dependencies.knownRoles.remember(
      'identity-uid',
      { desired: { name, ...rest }, reference: { arn, id }, written: true },
      NOW,
    );
    iam.state.clear();
    await again();
    expect(woken).toEqual([]);
  });

  test('that finds the role in order takes shown drift out of the status', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const observing = held({ spec: { managementPolicy: 'Observe' } });
    const drifted = role({ description: 'by hand' });
    const { again, reconcile, iam, stored } = await sweep({ identity: observing, roles: [drifted] });
    await reconcile();
    expect(stored()?.status?.driftCount).toBe(1);
    iam.state.set(ROLE_NAME, role());
    await again();
    await reconcile();
    expect(stored()?.status).toMatchObject({ driftCount: 0, drift: [] });
  });

  test('looks under the path that the provider demands', async () => {
    const { iam } = await sweep({
      provider: provider({ spec: { guardrails: { rolePath: '/federated/' } } }),
      roles: [role({ path: RolePath.parse('/federated/') })],
    });
    expect(iam.operations).toEqual(['GetAccountAuthorizationDetails /federated/']);
  });

  test.each([
    { name: 'without a role', identity: identity() },
    { name: 'that is suspended', identity: held({ spec: { suspend: true } }) },
    { name: 'that is being deleted', identity: held({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } }) },
    { name: 'that its own reconcile refuses', identity: held({ spec: { audience: 'unknown' } }) },
  ])('leaves out an identity $name', async ({ identity: one }) => {
    const { woken, iam } = await sweep({ identity: one, roles: [] });
    expect([woken, iam.operations]).toEqual([[], []]);
  });

  test('of a provider that is not ready asks nothing', async () => {
    const failed = provider({ status: { conditions: [condition({ status: 'False' })] } });
    const { result, iam } = await sweep({ provider: failed });
    expect([result, iam.operations]).toEqual([{}, []]);
  });
});
