import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { ReconcileError, waiting } from '../../errors.ts';
import { requireAccount } from '../../iam/account.ts';
import { type IssuerUrl, oidcProviderArn } from '../../iam/arn.ts';
import { isOwnedBy } from '../../iam/tags.ts';
import { type AwsOidcProvider, PROVIDERS } from '../../kube/kinds.ts';
import { applyOwnedMetadata } from '../../kube/owned-metadata.ts';
import { nameList } from '../../name-list.ts';
import { requireSettled } from '../settled-reads.ts';
import type { ClusterIssuer } from './cluster-issuer.ts';
import type { Dependencies } from './dependencies.ts';
import { acceptedIssuer } from './desired.ts';
import { publishTarget, unpublish } from './publish.ts';

const MAX_NAMES = 5;

interface CleanupContext {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly issuer: ClusterIssuer;
  /** As `CleanupStarts` has it. */
  readonly startedAt: number;
}

/** Waits for the identities that use the provider; then the OIDC provider goes, if it is ours and the policy says so. */
export async function cleanUp(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  context: CleanupContext,
): Promise<void> {
  const { kubernetes, identities } = dependencies;
  const { name = '' } = provider.metadata;
  const users = identities.byIndex('provider', name);
  if (users.length > 0) {
    const names = users.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    throw waiting(
      'InUse',
      `${users.length} AwsFederatedIdentity objects use this provider (${nameList(names, MAX_NAMES)}). Delete them first.`,
      60_000,
    );
  }
  if (provider.spec.deletionPolicy === 'Delete' && provider.spec.managementPolicy === 'Manage') {
    await deleteProvider(dependencies, provider, context);
    await withdraw(dependencies, provider, context);
  }
  const none = { finalizer: false, bound: false };
  await applyOwnedMetadata(kubernetes, { ...provider, type: PROVIDERS }, none, context.signal);
}

async function deleteProvider(
  dependencies: Dependencies,
  { metadata, spec, status }: AwsOidcProvider,
  { signal, log, issuer, startedAt }: CleanupContext,
): Promise<void> {
  const { accounts, cluster, settings, now } = dependencies;
  const { name = '', uid = '' } = metadata;
  // After a crash the status may not know of the OIDC provider that was made: it is that of the cluster's issuer.
  const url = status?.issuer ?? (await usableIssuer(spec, issuer, signal));
  if (url === undefined) return;
  const account = accounts.of(spec);
  const { partition } = await requireAccount(account, spec.accountId, signal);
  const arn = status?.arn ?? oidcProviderArn(partition, spec.accountId, url);
  const observed = await account.oidcProviders.get(arn, signal);
  if (observed === undefined)
    return requireSettled(
      { writtenAt: startedAt, consistencyWindowMs: settings.consistencyWindowMs },
      now(),
      `IAM shows no OIDC provider ${arn}. Its answers can be late after a write, so it is asked again until they cannot be.`,
    );
  if (!isOwnedBy(observed.tags, { cluster, name, uid })) {
    log.warn({ oidcProvider: arn }, 'OIDC provider is not ours and stays');
    return;
  }
  await account.oidcProviders.delete(arn, signal);
  log.info({ action: 'DeleteOpenIDConnectProvider', oidcProvider: arn }, 'changed OIDC provider');
}

/** The issuer of the cluster; undefined where AWS cannot use it, so that nothing was made for it. */
async function usableIssuer(
  spec: AwsOidcProviderSpec,
  issuer: ClusterIssuer,
  signal: AbortSignal,
): Promise<IssuerUrl | undefined> {
  const [audience = 'sts.amazonaws.com'] = spec.clientIds;
  const found = await issuer.read(audience, signal);
  try {
    return acceptedIssuer(spec, found);
  } catch (error) {
    if (error instanceof ReconcileError) return undefined;
    throw error;
  }
}

/** What was published goes after the OIDC provider, unless another AwsOidcProvider publishes to the same place. */
async function withdraw(
  dependencies: Dependencies,
  { metadata: { uid }, spec }: AwsOidcProvider,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const target = publishTarget(spec);
  if (target === undefined) return;
  const { items } = await dependencies.kubernetes.list<AwsOidcProvider>(PROVIDERS, {}, signal);
  const others = items.filter((other) => other.metadata.uid !== uid);
  if (others.some((other) => isDeepStrictEqual(publishTarget(other.spec), target))) return;
  const account = dependencies.accounts.of(spec);
  const caller = await requireAccount(account, spec.accountId, signal);
  await unpublish(dependencies, { target, caller, account }, { signal, log });
}
