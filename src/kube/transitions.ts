import type { Condition } from '../crds/condition.ts';
import type { ObjectEvent } from './events.ts';

interface WithConditions {
  readonly conditions?: readonly Condition[] | undefined;
}

/** The Event that a new status deserves: one when Ready changes its status or reason, none for everything else. */
export function transitionOf(before: WithConditions | undefined, after: WithConditions): ObjectEvent | undefined {
  const previous = readyOf(before);
  const ready = readyOf(after);
  if (ready === undefined || (previous?.status === ready.status && previous.reason === ready.reason)) return undefined;
  const type = ready.status === 'False' ? 'Warning' : 'Normal';
  return { type, reason: ready.reason, action: 'Reconcile', note: ready.message };
}

const readyOf = (status: WithConditions | undefined): Condition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Ready');
