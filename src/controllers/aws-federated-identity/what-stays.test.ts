import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { identity, owner, role, ROLE_NAME, roleArn } from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import { inMemoryRoles } from '../../../test/support/in-memory-iam.ts';
import { ownerTags } from '../../iam/tags.ts';
import { FINALIZER } from '../../kube/kinds.ts';
import type { Dependencies } from './dependencies.ts';

// What a deletion leaves behind, and what could keep it from coming to an end.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const observed = role();
const metadata = { finalizers: [FINALIZER], deletionTimestamp: '2026-03-01T12:00:00Z' };
const status = { roleArn: roleArn(), roleId: observed.id };

test.each([
  { name: 'of a retained role', spec: { deletionPolicy: 'Retain' }, told: 1 },
  {
    name: 'of a role that was only observed',
    spec: { deletionPolicy: 'Retain', managementPolicy: 'Observe' },
    told: 0,
  },
  { name: 'of a deleted role', spec: {}, told: 0 },
  { name: 'of a role whose tags somebody took off', spec: {}, tags: new Map(), told: 1, isNotOurs: true },
  {
    name: 'of a role that another identity has now',
    spec: {},
    isNotOurs: true,
    tags: ownerTags(owner({ name: 'sales', uid: 'other' })),
    told: 0,
  },
])(
  'that the trust $name stays is told $told times [S16]',
  async ({ spec, tags = observed.tags, told, isNotOurs = false }) => {
    const record = vi.fn<Dependencies['events']['record']>();
    const scene = identityScene({
      identity: identity({ metadata, spec: { role: { name: ROLE_NAME }, ...spec }, status }),
      iam: inMemoryRoles({ ...observed, tags }),
      dependencies: { events: { record } },
    });
    await (isNotOurs ? scene.reconcileSettled() : scene.reconcile());
    const notes = record.mock.calls.filter(([, { action }]) => action === 'Retain').map(([, { note }]) => note);
    expect(notes).toHaveLength(told);
    for (const note of notes) expect(note).toContain('goes on trusting ServiceAccount analytics/reports');
  },
);

test.each(['1970-01-01T00:00:00Z', '2099-01-01T00:00:00Z'])(
  'a last write of %s in the status neither hastens the deletion nor holds it up [F48 F76]',
  async (lastSyncTime) => {
    const scene = identityScene({
      identity: identity({ metadata, spec: { role: { name: ROLE_NAME } }, status: { ...status, lastSyncTime } }),
    });
    await scene.reconcileSettled();
    expect(scene.stored()).toBeUndefined();
  },
);
