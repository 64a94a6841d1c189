import { isReady } from '../../kube/conditions.ts';
import { lifecycle } from '../../kube/finalizer.ts';
import { type AwsOidcProvider, FINALIZER, PROVIDERS } from '../../kube/kinds.ts';
import { Progress } from '../../kube/progress.ts';
import { openRequest } from '../../kube/requested-at.ts';
import { writeStatus } from '../../kube/write-status.ts';
import { IssuerCheck } from '../../oidc/issuer-check.ts';
import type { Reconcile, ReconcileContext, Result } from '../../runtime/reconciler.ts';
import { resyncInMs } from '../resync.ts';
import { CleanupStarts } from '../settled-reads.ts';
import { cleanUp } from './cleanup.ts';
import { ClusterIssuer } from './cluster-issuer.ts';
import { converge, type ConvergeContext } from './converge.ts';
import type { Dependencies } from './dependencies.ts';
import { ProofSchedule } from './prove.ts';
import { deletingStatus, type Findings, providerStatus, stepsOf } from './status.ts';

/** observe → plan → apply → status, or the way back on deletion. Failures become conditions, then the runtime retries. */
export function reconcileOidcProvider(dependencies: Dependencies): Reconcile {
  const verified: Verified = new Map();
  const { now, random, settings, fetchDocument } = dependencies;
  const asked: Asked = {
    verified,
    issuer: new ClusterIssuer(dependencies),
    check: new IssuerCheck({ fetchDocument, now }),
    proofs: new ProofSchedule({ intervalMs: () => settings.providerVerificationIntervalMs, random }),
  };
  const cleanups = new CleanupStarts();
  return async (request, context) => {
    const provider = dependencies.providers.get(request);
    if (provider === undefined) return {};
    switch (lifecycle(provider.metadata, FINALIZER)) {
      case 'Gone':
        return {};
      case 'Cleanup':
        verified.delete(provider.metadata.uid ?? '');
        asked.proofs.forget(provider.metadata.uid ?? '');
        return remove(dependencies, provider, { ...context, issuer: asked.issuer, cleanups });
      case 'New':
      case 'Held':
        return isFresh(dependencies, provider, asked)
          ? count(dependencies, provider, { ...context, ...asked })
          : ensure(dependencies, provider, { ...context, ...asked });
    }
  };
}

/** By UID, the generation that was last found in order, and when. Lost at a restart, and then found out anew. */
type Verified = Map<string, { readonly generation: number | undefined; readonly at: number }>;

/** What is remembered of the answers to earlier questions. */
interface Asked extends Pick<ConvergeContext, 'issuer' | 'check' | 'proofs'> {
  readonly verified: Verified;
}

/** Whether AWS need not be asked again: only the number of identities can have changed. */
function isFresh(
  { now, settings }: Dependencies,
  provider: AwsOidcProvider,
  { verified, proofs }: Pick<Asked, 'verified' | 'proofs'>,
): boolean {
  const { metadata } = provider;
  const { uid = '', generation } = metadata;
  const last = verified.get(uid);
  return (
    last !== undefined &&
    openRequest(provider) === undefined &&
    last.generation === generation &&
    isReady(provider) && // else somebody has wiped the status since
    (settings.verification === 'off' || !proofs.isDue(uid, generation, now())) &&
    now().getTime() - last.at < settings.resyncIntervalMs * 0.8
  );
}

async function count(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: ReconcileContext & Asked,
): Promise<Result> {
  const identities = dependencies.identities.byIndex('provider', provider.metadata.name ?? '').length;
  await writeStatus(dependencies, { ...provider, type: PROVIDERS }, { ...provider.status, identities }, context.signal);
  return { requeueAfterMs: nextLookMs(dependencies, provider, context) };
}

async function ensure(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: ReconcileContext & Asked,
): Promise<Result> {
  const { identities, now, settings } = dependencies;
  const progress = new Progress(stepsOf(provider, settings.verification));
  const handledRequest = openRequest(provider);
  let findings: Findings = handledRequest === undefined ? {} : { handledRequest };
  const learn = (found: Findings): void => void (findings = { ...findings, ...found });
  context.verified.delete(provider.metadata.uid ?? '');
  if (handledRequest !== undefined) forget(provider, context);
  try {
    await converge(dependencies, provider, { ...context, progress, learn });
  } finally {
    const users = identities.byIndex('provider', provider.metadata.name ?? '').length;
    await writeStatus(
      dependencies,
      { ...provider, type: PROVIDERS },
      providerStatus(provider, progress, { ...findings, identities: users }, now()),
      context.signal,
    );
  }
  // Not before the status is written: what could not be told must be found out anew by the next pass.
  const { uid = '', generation } = provider.metadata;
  context.verified.set(uid, { generation, at: now().getTime() });
  return { requeueAfterMs: nextLookMs(dependencies, provider, context) };
}

/** Somebody asked: nothing that is remembered counts. */
function forget({ metadata }: AwsOidcProvider, { issuer, check, proofs }: Asked): void {
  issuer.forget();
  check.forget();
  proofs.expire(metadata.uid ?? '');
}

/** The resync or the next proof, whichever comes first. */
function nextLookMs(
  dependencies: Dependencies,
  { metadata: { uid = '' } }: AwsOidcProvider,
  { proofs }: Asked,
): number {
  const resyncMs = resyncInMs(dependencies);
  return dependencies.settings.verification === 'off'
    ? resyncMs
    : Math.min(resyncMs, proofs.dueInMs(uid, dependencies.now()));
}

async function remove(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  { cleanups, ...context }: ReconcileContext & Pick<Asked, 'issuer'> & { readonly cleanups: CleanupStarts },
): Promise<Result> {
  const { uid = '' } = provider.metadata;
  const startedAt = cleanups.of(uid, dependencies.now());
  const progress = new Progress<'Deleted'>(['Deleted']);
  try {
    await progress.run(
      'Deleted',
      () => cleanUp(dependencies, provider, { ...context, startedAt }),
      () => 'gone',
    );
    cleanups.forget(uid);
    return {};
  } catch (error) {
    await writeStatus(
      dependencies,
      { ...provider, type: PROVIDERS },
      deletingStatus(provider, progress, dependencies.now()),
      context.signal,
    );
    throw error;
  }
}
