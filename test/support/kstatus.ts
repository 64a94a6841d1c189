import { expect } from 'vitest';
import type { Condition } from '../../src/crds/condition.ts';
import type { ObjectMeta } from '../../src/kube/resource.ts';

/** What Flux, kpt and `kubectl wait`-like tools make of an object (sigs.k8s.io/cli-utils, pkg/kstatus). */
type KStatus = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

export interface Observed {
  readonly metadata: Pick<ObjectMeta, 'generation' | 'deletionTimestamp'>;
  readonly status?: {
    readonly observedGeneration?: number | undefined;
    readonly conditions?: readonly Condition[] | undefined;
  };
}

/** The generic rules in their order: generation, deletion, Reconciling, Stalled, Ready. */
function kstatusOf({ metadata, status = {} }: Observed): KStatus {
  const { conditions = [], observedGeneration } = status;
  const isTrue = (type: string): boolean =>
    conditions.some((condition) => condition.type === type && condition.status === 'True');
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (observedGeneration !== undefined && observedGeneration !== metadata.generation) return 'InProgress';
  if (isTrue('Reconciling')) return 'InProgress';
  if (isTrue('Stalled')) return 'Failed';
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}

/** The rules that every status of ours obeys; run over all that the tests look at. */
export function expectGoodStatus(object: Observed): void {
  const { conditions } = object.status ?? {};
  if (conditions === undefined) {
    expect(object.status?.observedGeneration ?? -1, 'before the first look: in progress').toBe(-1);
    return;
  }
  const types = conditions.map(({ type }) => type);
  expect(types, 'one condition of each type').toEqual([...new Set(types)]);
  for (const condition of conditions) {
    expect(condition.observedGeneration, `${condition.type} says of which generation it speaks`).toBeTypeOf('number');
    expect(condition.reason, `${condition.type} has a reason`).toMatch(/^[A-Z][A-Za-z]+$/);
    if (['Reconciling', 'Stalled'].includes(condition.type)) expect(condition.status, condition.type).toBe('True');
  }
  expect(types.includes('Reconciling') && types.includes('Stalled'), 'Reconciling and Stalled exclude each other').toBe(
    false,
  );
  const ready = conditions.find(({ type }) => type === 'Ready');
  const isSuspended = ready?.reason === 'Suspended';
  const isAbnormal = types.includes('Reconciling') || types.includes('Stalled');
  if (!isSuspended) expect(isAbnormal, 'what is not Ready is Reconciling or Stalled').toBe(ready?.status !== 'True');
  const isOfThisGeneration = object.status?.observedGeneration === object.metadata.generation;
  if (kstatusOf(object) === 'Current')
    expect([ready?.status, isOfThisGeneration], 'Current means Ready').toEqual(['True', true]);
}
