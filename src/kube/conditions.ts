import type { Condition, Reason } from '../crds/condition.ts';
import type { ReconcileError } from '../errors.ts';
import { cutTo, printable } from '../printable.ts';
import { withoutSecrets } from '../secrets.ts';

export interface ConditionUpdate {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: Reason;
  readonly message: string;
}

export interface ConditionContext {
  readonly previous: readonly Condition[];
  readonly generation: number;
  readonly now: Date;
}

interface Conditioned {
  readonly metadata: { readonly generation?: number | undefined };
  readonly status?: { readonly conditions?: readonly Condition[] | undefined };
}

/** What the conditions of an object of ours rest on now. */
export const contextOf = ({ metadata: { generation = 0 }, status }: Conditioned, now: Date): ConditionContext => ({
  previous: status?.conditions ?? [],
  generation,
  now,
});

/** Whether the status says that this generation is ready. */
export const wasReady = ({ previous, generation }: Omit<ConditionContext, 'now'>): boolean =>
  previous.some(
    ({ type, status, observedGeneration }) =>
      type === 'Ready' && status === 'True' && observedGeneration === generation,
  );

/** The same of an object. */
export const isReady = ({ metadata: { generation = 0 }, status }: Conditioned): boolean =>
  wasReady({ previous: status?.conditions ?? [], generation });

/** What became of one step of a reconcile; each step is a condition type. */
export type StepResult =
  | { readonly kind: 'done'; readonly message: string; readonly reason?: Reason }
  | { readonly kind: 'failed'; readonly error: ReconcileError }
  /** It could not be found out, and what follows does not need it. */
  | { readonly kind: 'unknown'; readonly reason: Reason; readonly message: string }
  | { readonly kind: 'pending' };

/** Failures that say nothing about the object: what was true of this generation stays true. */
const OUTAGES: ReadonlySet<Reason> = new Set([
  'AwsUnreachable',
  'IssuerNotChecked',
  'Throttled',
  'CredentialsExpired',
  'CredentialsUnavailable',
  'ClockSkew',
  'KubernetesRequestFailed',
]);

/** Not a failure: nothing is wrong, it only takes its time. */
const IN_PROGRESS: ReadonlySet<Reason> = new Set(['Propagating', 'Pending', 'AdoptionPending']);

/** A failure that leaves Ready=True standing, because the same generation was ready before it. */
export const isOutageOf = ({ reason }: ReconcileError, context: ConditionContext): boolean =>
  OUTAGES.has(reason) && wasReady(context);

/** One condition for a step. */
export function stepCondition(type: string, result: StepResult): ConditionUpdate {
  switch (result.kind) {
    case 'done':
      return { type, status: 'True', reason: result.reason ?? 'Succeeded', message: result.message };
    case 'unknown':
      return { type, status: 'Unknown', reason: result.reason, message: result.message };
    case 'pending':
      return { type, status: 'Unknown', reason: 'Pending', message: 'An earlier step has not succeeded yet.' };
    case 'failed': {
      const { reason, message } = result.error;
      return { type, status: IN_PROGRESS.has(reason) || OUTAGES.has(reason) ? 'Unknown' : 'False', reason, message };
    }
    default:
      return result satisfies never;
  }
}

/**
 * Ready, and beside it Reconciling or Stalled while it is not (kstatus: both are present only while True).
 * `failure` is the first failed step.
 */
export function summary(
  failure: ReconcileError | undefined,
  readyMessage: string,
  context: ConditionContext,
): readonly ConditionUpdate[] {
  if (failure === undefined) return [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: readyMessage }];
  const { reason, message, disposition } = failure;
  if (isOutageOf(failure, context)) {
    const standing = 'Ready before this outage, and unchanged since: ';
    return [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: `${standing}${message}` }];
  }
  const ready: ConditionUpdate = {
    type: 'Ready',
    status: IN_PROGRESS.has(reason) ? 'Unknown' : 'False',
    reason,
    message,
  };
  return disposition.kind === 'terminal' || lacksProgress(reason, context)
    ? [ready, { type: 'Stalled', status: 'True', reason, message }]
    : [ready, { type: 'Reconciling', status: 'True', reason: 'ProgressingWithRetry', message }];
}

/** After this time without progress an object counts as stalled, although it is still retried (kstatus). */
const PATIENCE_MS = 5 * 60_000;

/** Reconciling for too long, or stalled for the same reason already; each generation has its own patience. */
function lacksProgress(reason: Reason, { previous, generation, now }: ConditionContext): boolean {
  const ofThisGeneration = previous.filter((condition) => condition.observedGeneration === generation);
  const stalled = ofThisGeneration.find(({ type }) => type === 'Stalled');
  if (stalled !== undefined) return stalled.reason === reason;
  const reconciling = ofThisGeneration.find(({ type }) => type === 'Reconciling');
  return reconciling !== undefined && now.getTime() - Date.parse(reconciling.lastTransitionTime) >= PATIENCE_MS;
}

/** Deletion goes on: Ready=False, and what it waits for, or else `message`. */
export function deletion(failure: ReconcileError | undefined, message: string): readonly ConditionUpdate[] {
  const cause = { reason: failure?.reason ?? 'Deleting', message: failure?.message ?? message } as const;
  return [
    { type: 'Ready', status: 'False', ...cause },
    { type: 'Reconciling', status: 'True', ...cause },
  ];
}

const MAX_MESSAGE = 1024;

/**
 * The conditions of an object after a reconcile, sorted by type. `lastTransitionTime` moves only when a status does, so
 * that an unchanged outcome is an unchanged list.
 */
export function conditionsOf(
  updates: readonly ConditionUpdate[],
  { previous, generation, now }: ConditionContext,
): Condition[] {
  return updates
    .map((update): Condition => {
      const before = previous.find(({ type }) => type === update.type);
      // Reconciling tells since when this very generation is worked on.
      const isSame =
        before?.status === update.status && (update.type !== 'Reconciling' || before.observedGeneration === generation);
      const lastTransitionTime = isSame ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
      return {
        ...update,
        message: cutTo(printable(withoutSecrets(update.message)), MAX_MESSAGE),
        lastTransitionTime,
        observedGeneration: generation,
      };
    })
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}
