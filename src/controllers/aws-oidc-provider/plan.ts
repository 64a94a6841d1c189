import type { DesiredOidcProvider, OidcProvider } from '../../iam/oidc-providers.ts';
import { isOwnedBy, type Owner } from '../../iam/tags.ts';

/** One write to IAM, named as the operation of AWS. */
export type ProviderAction =
  | { readonly type: 'CreateOpenIDConnectProvider'; readonly provider: DesiredOidcProvider }
  | { readonly type: 'RemoveClientIDFromOpenIDConnectProvider'; readonly clientId: string }
  | { readonly type: 'UpdateOpenIDConnectProviderThumbprint'; readonly thumbprints: readonly string[] }
  | { readonly type: 'AddClientIDToOpenIDConnectProvider'; readonly clientId: string };

export type ProviderPlan =
  /** No actions: in sync. */
  | { readonly kind: 'apply'; readonly actions: readonly ProviderAction[] }
  /** It existed before, made by eksctl, Terraform or a person: it is used, and never changed. */
  | { readonly kind: 'use' }
  | {
      readonly kind: 'refuse';
      readonly reason: 'AudienceNotRegistered' | 'ThumbprintMismatch';
      readonly message: string;
    };

/** What to do in IAM so that `observed` becomes `desired`. Pure. Narrowing comes first: client ids go before others come. */
export function planProvider(
  desired: DesiredOidcProvider,
  observed: OidcProvider | undefined,
  owner: Owner,
): ProviderPlan {
  if (observed === undefined)
    return { kind: 'apply', actions: [{ type: 'CreateOpenIDConnectProvider', provider: desired }] };
  const missing = [...desired.clientIds.difference(observed.clientIds)].toSorted();
  if (!isOwnedBy(observed.tags, owner)) return useOf(desired, missing);
  const surplus = [...observed.clientIds.difference(desired.clientIds)].toSorted();
  const { thumbprints } = desired;
  return {
    kind: 'apply',
    actions: [
      ...surplus.map((clientId) => ({ type: 'RemoveClientIDFromOpenIDConnectProvider', clientId }) as const),
      ...(thumbprints === undefined || sameSet(thumbprints, observed.thumbprints)
        ? []
        : [{ type: 'UpdateOpenIDConnectProviderThumbprint', thumbprints } as const]),
      ...missing.map((clientId) => ({ type: 'AddClientIDToOpenIDConnectProvider', clientId }) as const),
    ],
  };
}

function useOf({ arn }: DesiredOidcProvider, missing: readonly string[]): ProviderPlan {
  if (missing.length === 0) return { kind: 'use' };
  return {
    kind: 'refuse',
    reason: 'AudienceNotRegistered',
    message: `OIDC provider ${arn} existed before and is not changed, but it lacks the client ids ${missing.join(', ')}. Add them to it in AWS, or remove them from spec.clientIds.`,
  };
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  new Set(a).symmetricDifference(new Set(b.map((text) => text.toLowerCase()))).size === 0;
