import { lifecycle } from '../../kube/finalizer.ts';
import { type AwsOidcProvider, FINALIZER, PROVIDERS } from '../../kube/kinds.ts';
import { Progress } from '../../kube/progress.ts';
import { openRequest } from '../../kube/requested-at.ts';
import { writeStatus } from '../../kube/write-status.ts';
import type { Reconcile, ReconcileContext, Result } from '../../runtime/reconciler.ts';
import { cleanUp } from './cleanup.ts';
import { ClusterIssuer } from './cluster-issuer.ts';
import { converge } from './converge.ts';
import type { Dependencies } from './dependencies.ts';
import { deletingStatus, type Findings, providerStatus, STEPS } from './status.ts';

/** observe → plan → apply → status, or the way back on deletion. Failures become conditions, then the runtime retries. */
export function reconcileOidcProvider(dependencies: Dependencies): Reconcile {
  const verified: Verified = new Map();
  const issuer = new ClusterIssuer(dependencies);
  return async (request, context) => {
    const provider = dependencies.providers.get(request);
    if (provider === undefined) return {};
    switch (lifecycle(provider.metadata, FINALIZER)) {
      case 'Gone':
        return {};
      case 'Cleanup':
        verified.delete(provider.metadata.uid ?? '');
        return remove(dependencies, provider, context);
      case 'New':
      case 'Held':
        return isFresh(dependencies, provider, verified)
          ? count(dependencies, provider, context)
          : ensure(dependencies, provider, { ...context, verified, issuer });
    }
  };
}

/** By UID, the generation that was last found in order, and when. Lost at a restart, and then found out anew. */
type Verified = Map<string, { readonly generation: number | undefined; readonly at: number }>;

/** Whether AWS need not be asked again: only the number of identities can have changed. */
function isFresh({ now, settings }: Dependencies, provider: AwsOidcProvider, verified: Verified): boolean {
  const { metadata } = provider;
  const last = verified.get(metadata.uid ?? '');
  return (
    last !== undefined &&
    openRequest(provider) === undefined &&
    last.generation === metadata.generation &&
    now().getTime() - last.at < settings.resyncIntervalMs * 0.8
  );
}

async function count(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: ReconcileContext,
): Promise<Result> {
  const identities = dependencies.identities.byIndex('provider', provider.metadata.name ?? '').length;
  await writeStatus(dependencies, { ...provider, type: PROVIDERS }, { ...provider.status, identities }, context.signal);
  return { requeueAfterMs: dependencies.settings.resyncIntervalMs };
}

async function ensure(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: ReconcileContext & { readonly verified: Verified; readonly issuer: ClusterIssuer },
): Promise<Result> {
  const { identities, now, random, settings } = dependencies;
  const progress = new Progress(STEPS);
  const handledRequest = openRequest(provider);
  let findings: Findings = handledRequest === undefined ? {} : { handledRequest };
  const learn = (found: Findings): void => void (findings = { ...findings, ...found });
  context.verified.delete(provider.metadata.uid ?? '');
  if (handledRequest !== undefined) context.issuer.forget();
  try {
    await converge(dependencies, provider, { ...context, progress, learn });
    context.verified.set(provider.metadata.uid ?? '', {
      generation: provider.metadata.generation,
      at: now().getTime(),
    });
    return { requeueAfterMs: settings.resyncIntervalMs * (0.9 + 0.2 * random()) };
  } finally {
    const users = identities.byIndex('provider', provider.metadata.name ?? '').length;
    await writeStatus(
      dependencies,
      { ...provider, type: PROVIDERS },
      providerStatus(provider, progress, { ...findings, identities: users }, now()),
      context.signal,
    );
  }
}

async function remove(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: ReconcileContext,
): Promise<Result> {
  const progress = new Progress<'Deleted'>(['Deleted']);
  try {
    await progress.run(
      'Deleted',
      () => cleanUp(dependencies, provider, context),
      () => 'gone',
    );
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
