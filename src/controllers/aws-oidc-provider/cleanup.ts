import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { waiting } from '../../errors.ts';
import { requireAccount } from '../../iam/account.ts';
import { isOwnedBy } from '../../iam/tags.ts';
import { type AwsOidcProvider, PROVIDERS } from '../../kube/kinds.ts';
import { applyOwnedMetadata } from '../../kube/owned-metadata.ts';
import type { Dependencies } from './dependencies.ts';
import { publishTarget, unpublish } from './publish.ts';

const MAX_NAMES = 5;

/** Waits for the identities that use the provider; then the OIDC provider goes, if it is ours and the policy says so. */
export async function cleanUp(
  dependencies: Dependencies,
  provider: AwsOidcProvider,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  const { kubernetes, identities } = dependencies;
  const { name = '' } = provider.metadata;
  const users = identities.byIndex('provider', name);
  if (users.length > 0) {
    const names = users.slice(0, MAX_NAMES).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    throw waiting(
      'InUse',
      `${users.length} AwsFederatedIdentity objects use this provider (${names.join(', ')}${users.length > MAX_NAMES ? ', …' : ''}). Delete them first.`,
      60_000,
    );
  }
  if (provider.spec.deletionPolicy === 'Delete' && provider.spec.managementPolicy === 'Manage') {
    await deleteProvider(dependencies, provider, { signal, log });
    await withdraw(dependencies, provider, { signal, log });
  }
  await applyOwnedMetadata(kubernetes, { ...provider, type: PROVIDERS }, { finalizer: false, bound: false }, signal);
}

async function deleteProvider(
  { accounts, cluster }: Dependencies,
  { metadata: { name = '', uid = '' }, spec, status }: AwsOidcProvider,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Logger },
): Promise<void> {
  if (status?.arn === undefined) return;
  const account = accounts.of(spec);
  await requireAccount(account, spec.accountId, signal);
  const observed = await account.oidcProviders.get(status.arn, signal);
  if (observed === undefined) return;
  if (!isOwnedBy(observed.tags, { cluster, name, uid })) {
    log.warn({ oidcProvider: status.arn }, 'OIDC provider is not ours and stays');
    return;
  }
  await account.oidcProviders.delete(status.arn, signal);
  log.info({ action: 'DeleteOpenIDConnectProvider', oidcProvider: status.arn }, 'changed OIDC provider');
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
