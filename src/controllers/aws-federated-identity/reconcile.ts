import { isDeepStrictEqual } from 'node:util';
import type { AwsFederatedIdentityStatus } from '../../crds/aws-federated-identity.ts';
import { toKubernetesError } from '../../kube/errors.ts';
import { lifecycle } from '../../kube/finalizer.ts';
import { type AwsFederatedIdentity, FINALIZER, IDENTITIES } from '../../kube/kinds.ts';
import { Progress } from '../../kube/progress.ts';
import type { Reconcile, ReconcileContext, Result } from '../../runtime/reconciler.ts';
import { cleanUp } from './cleanup.ts';
import { converge, type ConvergeContext } from './converge.ts';
import type { Dependencies } from './dependencies.ts';
import { KnownRoles } from './known-roles.ts';
import { deletingStatus, type Findings, identityStatus, STEPS, suspendedStatus } from './status.ts';
import { VerificationSchedule } from './verify.ts';

/** What is lost at a restart, and then found out anew. */
type Memory = Pick<ConvergeContext, 'schedule' | 'knownRoles'>;

/** observe → plan → apply → status, or the way back on deletion. Failures become conditions, then the runtime retries. */
export function reconcileFederatedIdentity(dependencies: Dependencies): Reconcile {
  const { resyncIntervalMs, verificationIntervalMs } = dependencies.settings;
  const memory: Memory = {
    schedule: new VerificationSchedule(verificationIntervalMs, dependencies.random),
    knownRoles: new KnownRoles(resyncIntervalMs * 0.8), // less than the earliest resync
  };
  return async (request, context) => {
    const identity = dependencies.identities.get(request);
    if (identity === undefined) return {};
    switch (lifecycle(identity.metadata, FINALIZER)) {
      case 'Gone':
        return {};
      case 'Cleanup':
        memory.schedule.forget(identity.metadata.uid ?? '');
        memory.knownRoles.forget(identity.metadata.uid ?? '');
        return remove(dependencies, identity, context);
      case 'New':
      case 'Held':
        return identity.spec.suspend
          ? suspend(dependencies, identity, context)
          : ensure(dependencies, identity, { ...context, ...memory });
    }
  };
}

async function ensure(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ReconcileContext & Memory,
): Promise<Result> {
  const { now, random, settings } = dependencies;
  const progress = new Progress(settings.verification === 'off' ? STEPS.slice(0, -1) : STEPS);
  let findings: Findings = {};
  const learn = (found: Findings): void => void (findings = { ...findings, ...found });
  try {
    await converge(dependencies, identity, { ...context, progress, learn });
    return { requeueAfterMs: settings.resyncIntervalMs * (0.9 + 0.2 * random()) };
  } finally {
    await writeStatus(dependencies, identity, identityStatus(identity, progress, findings, now()), context);
  }
}

async function remove(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ReconcileContext,
): Promise<Result> {
  const progress = new Progress<'Deleted'>(['Deleted']);
  try {
    await progress.run(
      'Deleted',
      () => cleanUp(dependencies, identity, context),
      () => 'gone',
    );
    return {};
  } catch (error) {
    await writeStatus(dependencies, identity, deletingStatus(identity, progress, dependencies.now()), context);
    throw error;
  }
}

async function suspend(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ReconcileContext,
): Promise<Result> {
  await writeStatus(dependencies, identity, suspendedStatus(identity, dependencies.now()), context);
  return {};
}

/** Writes only what changed: in steady state nothing, so that no watcher of the object is woken. */
async function writeStatus(
  { kubernetes }: Dependencies,
  identity: AwsFederatedIdentity,
  status: AwsFederatedIdentityStatus,
  { signal }: Pick<ReconcileContext, 'signal'>,
): Promise<void> {
  if (isDeepStrictEqual(status, identity.status)) return;
  const { name = '', namespace = '', uid = '' } = identity.metadata;
  try {
    await kubernetes.applyStatus(IDENTITIES, { metadata: { name, namespace, uid }, status }, signal);
  } catch (error) {
    throw toKubernetesError(`Status of AwsFederatedIdentity ${namespace}/${name}`, error);
  }
}
