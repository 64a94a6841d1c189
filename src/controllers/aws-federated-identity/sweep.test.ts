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
  roleArn,
} from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import { inMemoryRoles, isWrite } from '../../../test/support/in-memory-iam.ts';
import { RoleName, RolePath } from '../../iam/arn.ts';
import type { Role } from '../../iam/roles.ts';
import { ownerTags } from '../../iam/tags.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, IDENTITIES, PROVIDERS } from '../../kube/kinds.ts';
import { OrphanedRoles } from './orphaned-roles.ts';
import { type SweepDependencies, sweepDrift } from './sweep.ts';

const status = { roleId: role().id, roleArn: role().arn };
const held = (fields: Parameters<typeof identity>[0] = {}): AwsFederatedIdentity =>
  identity({ ...fields, spec: { role: { name: ROLE_NAME }, ...fields.spec }, status });

interface Swept {
  readonly identity?: AwsFederatedIdentity;
  readonly provider?: AwsOidcProvider;
  readonly roles?: readonly Role[];
}

async function sweep({ identity: one = held(), provider: given = provider(), roles = [role()] }: Swept = {}) {
  const record = vi.fn<SweepDependencies['events']['record']>();
  const scene = identityScene({
    identity: one,
    provider: given,
    iam: inMemoryRoles(...roles),
    dependencies: { events: { record } },
  });
  const woken: string[] = [];
  const lines: string[] = [];
  const orphanedRoles = new OrphanedRoles({ consistencyWindowMs: 60_000, maxAgeMs: 1_500_000 });
  const time = { now: NOW };
  const run = sweepDrift({
    ...scene.dependencies,
    now: () => time.now,
    orphanedRoles,
    enqueue: ({ name }) => woken.push(name),
  });
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const again = () => run({ name: 'default' }, { signal: new AbortController().signal, log });
  /** The next one, an interval later. */
  const next = () => {
    time.now = new Date(time.now.getTime() + 600_000);
    return again();
  };
  const told = () =>
    record.mock.calls.map(([{ kind, metadata }, event]) => ({ of: `${kind} ${metadata.name}`, ...event }));
  return { result: await again(), again, next, woken, told, lines, orphanedRoles, ...scene };
}

describe('the sweep', () => {
  test('of an account in order wakes nobody, and saves the reconciles their look', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { result, woken, iam, reconcile } = await sweep();
    expect([result, woken]).toEqual([{ requeueAfterMs: 585_000 }, []]);
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

  test.each([false, true])(
    'wakes an identity that somebody wrote to since its last pass, such as one whose status was wiped (suspended: %s) [F8]',
    async (suspend) => {
      vi.useFakeTimers();
      onTestFinished(() => void vi.useRealTimers());
      const { again, reconcile, kubernetes, stored, woken } = await sweep({ identity: held({ spec: { suspend } }) });
      await reconcile();
      await again();
      expect(woken).toEqual([]);
      const { status: before, ...wiped } = stored() ?? held();
      kubernetes.put(IDENTITIES, { ...wiped, metadata: { ...wiped.metadata, resourceVersion: '99' } });
      await again();
      expect(woken).toEqual(['reports']);
      await reconcile();
      await again();
      expect(woken).toEqual(['reports']);
      expect(stored()?.status?.conditions?.map(({ reason }) => reason)).toEqual(
        before?.conditions?.map(({ reason }) => reason),
      );
    },
  );

  test('that finds the role in order takes shown drift out of the status', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const observing = held({ spec: { managementPolicy: 'Observe' } });
    const drifted = role({ description: 'by hand' });
    const { again, reconcile, iam, stored, woken } = await sweep({ identity: observing, roles: [drifted] });
    await reconcile();
    expect(stored()?.status?.driftCount).toBe(1);
    iam.state.set(ROLE_NAME, role());
    woken.length = 0;
    await again();
    expect(woken).toEqual(['reports']);
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

describe('roles whose identity is gone', () => {
  const orphan = (name: string): Role => {
    const lost = {
      name: RoleName.parse(name),
      arn: roleArn(name),
      tags: ownerTags(owner({ name, uid: `uid of ${name}` })),
    };
    return role(lost);
  };
  const many = Array.from({ length: 7 }, (_, index) => orphan(`lost-${index}`));

  test('are told by the second sweep: as an Event of the provider, in the log and by number; and never again [F11]', async () => {
    const { next, told, lines, orphanedRoles, iam } = await sweep({ roles: [role(), orphan('lost')] });
    expect(told()).toEqual([]);
    await next();
    expect(told()).toEqual([
      {
        of: 'AwsOidcProvider default',
        type: 'Warning',
        reason: 'RoleOrphaned',
        action: 'Sweep',
        note: expect.stringMatching(/: lost\. .*spec\.adopt/s),
      },
    ]);
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ role: 'lost', owner: expect.stringContaining('analytics/lost (uid uid of lost)') }),
    ]);
    await next();
    await next();
    expect([told().length, lines.length]).toEqual([1, 1]);
    expect([...orphanedRoles.counts(NOW)]).toEqual([['default', 1]]);
    expect(iam.operations.filter(isWrite)).toEqual([]);
  });

  test('are one Event however many they are, which names five; the log names all', async () => {
    const { next, told, lines } = await sweep({ roles: many });
    await next();
    expect(told().map(({ note }) => note)).toEqual([expect.stringContaining('lost-4 and 2 more.')]);
    expect(lines).toHaveLength(7);
  });

  test('are found where no identity is left at all, but for the first sweep, on which new identities wait [F11]', async () => {
    const { next, told, iam } = await sweep({ identity: identity(), roles: [orphan('lost')] });
    expect(iam.operations).toEqual([]);
    await next();
    await next();
    expect(iam.operations).toEqual(['GetAccountAuthorizationDetails /', 'GetAccountAuthorizationDetails /']);
    expect(told()).toHaveLength(1);
  });

  test('are forgotten with their provider', async () => {
    const { next, orphanedRoles, kubernetes } = await sweep({ roles: many });
    await kubernetes.client.delete(PROVIDERS, { name: 'default' }, {}, new AbortController().signal);
    await next();
    expect([...orphanedRoles.counts(NOW)]).toEqual([]);
  });
});
