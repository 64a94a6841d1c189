import type { OidcProviderArn } from '../../iam/arn.ts';
import type { OidcProviders } from '../../iam/oidc-providers.ts';
import type { ProviderAction } from './plan.ts';

/** Carries out one action: one call. That the provider exists already is found by the next observation. */
export async function applyAction(
  providers: OidcProviders,
  arn: OidcProviderArn,
  action: ProviderAction,
  signal: AbortSignal,
): Promise<void> {
  switch (action.type) {
    case 'CreateOpenIDConnectProvider':
      await providers.create(action.provider, signal);
      return;
    case 'RemoveClientIDFromOpenIDConnectProvider':
      return providers.removeClientId(arn, action.clientId, signal);
    case 'UpdateOpenIDConnectProviderThumbprint':
      return providers.updateThumbprints(arn, action.thumbprints, signal);
    case 'AddClientIDToOpenIDConnectProvider':
      return providers.addClientId(arn, action.clientId, signal);
    default:
      return action satisfies never;
  }
}
