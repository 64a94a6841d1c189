import { toReconcileError } from '../../errors.ts';
import { lifecycle } from '../../kube/finalizer.ts';
import { type AwsFederatedIdentity, FINALIZER, IDENTITIES } from '../../kube/kinds.ts';
import { Progress } from '../../kube/progress.ts';
import { openRequest } from '../../kube/requested-at.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { writeStatus } from '../../kube/write-status.ts';
import type { Reconcile, ReconcileContext, Result } from '../../runtime/reconciler.ts';
import { CleanupStarts } from '../settled-reads.ts';
import { AdoptionNotices } from './adoption.ts';
import { cleanUp } from './cleanup.ts';
import { converge } from './converge.ts';
import type { ConvergeContext, Dependencies } from './dependencies.ts';
import { holdPods } from './hold-pods.ts';
import { deletingStatus, type Findings, identityStatus, STEPS, suspendedStatus } from './status.ts';
import { VerificationSchedule } from './verification-schedule.ts';

/** observe → plan → apply → status, or the way back on deletion. Failures become conditions, then the runtime retries. */
export function reconcileFederatedIdentity(dependencies: Dependencies): Reconcile {
  const { knownRoles, leftInOrder, random, settings } = dependencies;
  const schedule = new VerificationSchedule(() => settings.verificationIntervalMs, random);
  const notices = new AdoptionNotices();
  const cleanups = new CleanupStarts();
  return async (request, context) => {
    const stored = dependencies.identities.get(request);
    if (stored === undefined) return {};
    const identity = withoutPods(stored);
    leftInOrder.forget(identity.metadata.uid ?? '');
    switch (lifecycle(identity.metadata, FINALIZER)) {
      case 'Gone':
        return {};
      case 'Cleanup':
        schedule.forget(identity.metadata.uid ?? '');
        knownRoles.forget(identity.metadata.uid ?? '');
        return remove(dependencies, identity, { ...context, cleanups });
      case 'New':
      case 'Held':
        return identity.spec.suspend
          ? suspend(dependencies, identity, context)
          : ensure(dependencies, identity, { ...context, schedule, notices });
    }
  };
}

/** The counts of pods belong to the stock-take: to apply them here too would take them from it. */
function withoutPods({ status, ...identity }: AwsFederatedIdentity): AwsFederatedIdentity {
  if (status === undefined) return identity;
  const { pods: _, ...own } = status;
  return { ...identity, status: own };
}

async function ensure(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ReconcileContext & Pick<ConvergeContext, 'schedule' | 'notices'>,
): Promise<Result> {
  const { leftInOrder, now, settings } = dependencies;
  const progress = new Progress(settings.verification === 'off' ? STEPS.slice(0, -1) : STEPS);
  const handledRequest = openRequest(identity);
  let findings: Findings = handledRequest === undefined ? {} : { handledRequest };
  const learn = (found: Findings): void => void (findings = { ...findings, ...found });
  if (handledRequest !== undefined) lookAnew(dependencies, identity, context);
  let left: KubernetesResource;
  try {
    await converge(dependencies, identity, { ...context, progress, learn });
  } catch (error) {
    const { reason, message } = toReconcileError(error);
    await holdPods(dependencies, identity, reason, context.signal).catch((failure: unknown) => {
      // This error decides when the next try is: until then pods may start without their role, and the first one may ask for an hour.
      context.log.warn({ reason, detail: message }, 'the pods of an identity that is not ready cannot be held');
      throw failure;
    });
    throw error;
  } finally {
    left = await writeStatus(
      dependencies,
      { ...identity, type: IDENTITIES },
      identityStatus(identity, progress, findings, now()),
      context.signal,
    );
  }
  leftInOrder.left(left);
  return { requeueAfterMs: nextLookMs(dependencies, identity, context.schedule) };
}

/**
 * In each resync interval the drift sweep looks at the role, and at whether the identity is as this pass leaves it; watches tell
 * of the rest. So an identity looks again on its own once no sweep has told of its role for too long, or a proof is due.
 */
function nextLookMs(
  { knownRoles, now, random, settings: { resyncIntervalMs, verification } }: Dependencies,
  { metadata: { uid = '' } }: AwsFederatedIdentity,
  schedule: VerificationSchedule,
): number {
  const staleInMs = Math.max(knownRoles.staleInMs(uid, now()), resyncIntervalMs);
  const proofInMs = verification === 'token' ? schedule.dueInMs(uid, now()) : Infinity;
  return Math.min(staleInMs, proofInMs) + resyncIntervalMs * random(); // thousands may have been made, or proven, together
}

/** Somebody asked: nothing that is remembered counts, neither of the role nor of its proof. */
function lookAnew(
  { knownRoles }: Dependencies,
  { metadata: { uid = '' } }: AwsFederatedIdentity,
  { schedule }: Pick<ConvergeContext, 'schedule'>,
): void {
  knownRoles.forget(uid);
  schedule.expire(uid);
}

async function remove(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { cleanups, ...context }: ReconcileContext & { readonly cleanups: CleanupStarts },
): Promise<Result> {
  const { uid = '' } = identity.metadata;
  const startedAt = cleanups.of(uid, dependencies.now());
  const progress = new Progress<'Deleted'>(['Deleted']);
  try {
    await progress.run(
      'Deleted',
      () => cleanUp(dependencies, identity, { ...context, startedAt }),
      () => 'gone',
    );
    cleanups.forget(uid);
    return {};
  } catch (error) {
    await writeStatus(
      dependencies,
      { ...identity, type: IDENTITIES },
      deletingStatus(identity, progress, dependencies.now()),
      context.signal,
    );
    throw error;
  }
}

async function suspend(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ReconcileContext,
): Promise<Result> {
  await holdPods(dependencies, identity, 'Suspended', context.signal);
  const left = await writeStatus(
    dependencies,
    { ...identity, type: IDENTITIES },
    suspendedStatus(identity, dependencies.now()),
    context.signal,
  );
  dependencies.leftInOrder.left(left);
  return {};
}
