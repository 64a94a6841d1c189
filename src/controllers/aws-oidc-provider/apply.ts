import { retryable } from '../../errors.ts';
import type { OidcProviderArn } from '../../iam/arn.ts';
import type { OidcProviders } from '../../iam/oidc-providers.ts';
import type { ProviderAction } from './plan.ts';

/** Carries out one action: one call. A provider that exists already, maybe not ours, must be observed before it is used. */
export async function applyAction(
  providers: OidcProviders,
  arn: OidcProviderArn,
  action: ProviderAction,
  signal: AbortSignal,
): Promise<void> {
  switch (action.type) {
    case 'CreateOpenIDConnectProvider':
      if ((await providers.create(action.provider, signal)) === 'created') return;
      throw retryable('AwsRequestFailed', `OIDC provider ${arn} was made meanwhile. It is looked at again.`);
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
