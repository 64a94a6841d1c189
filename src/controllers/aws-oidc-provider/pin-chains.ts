import type { DesiredOidcProvider, OidcProvider } from '../../iam/oidc-providers.ts';
import type { Pin } from '../../oidc/issuer-check.ts';
import type { ProviderPlan } from './plan.ts';

/** IAM takes no more (IAM API reference, CreateOpenIDConnectProvider). */
const MAX_THUMBPRINTS = 5;

/**
 * Adds to a plan what a private certificate needs: the top of each served chain that no public authority has signed must be
 * among the thumbprints, else AWS fetches no keys. Former ones stay, so that two servers of one host with different
 * certificates do not have the list changed for ever. Only a chain that the installer has this process trust is added: any
 * other one may be that of somebody on the way, so a person decides. Without private chains AWS does not look at
 * thumbprints, and neither do we. Pure.
 */
export function pinChains(
  plan: ProviderPlan,
  pins: readonly Pin[],
  { desired, observed }: { readonly desired: DesiredOidcProvider; readonly observed: OidcProvider | undefined },
): ProviderPlan {
  const held = desired.thumbprints ?? observed?.thumbprints;
  if (plan.kind === 'refuse' || held === undefined) return plan; // IAM finds them itself when it makes the provider
  const isHeld = ({ thumbprint }: Pin): boolean => held.some((one) => one.toLowerCase() === thumbprint);
  const missing = pins.filter((pin) => !isHeld(pin));
  if (missing.length === 0) return plan;
  const wanted = missing.map(({ thumbprint }) => thumbprint);
  const isOurs = plan.kind === 'apply' && desired.thumbprints === undefined;
  if (isOurs && missing.every(({ isTrustedHere }) => isTrustedHere)) {
    const thumbprints = [...wanted, ...held].slice(0, MAX_THUMBPRINTS);
    return { ...plan, actions: [...plan.actions, { type: 'UpdateOpenIDConnectProviderThumbprint', thumbprints }] };
  }
  const why = `The issuer's certificate is not from a public authority, and ${whoLacks(plan, desired)} lacks ${wanted.join(', ')}, the thumbprint of the last certificate that it serves.`;
  return { kind: 'refuse', reason: 'ThumbprintMismatch', message: `${why} ${remedy(plan, desired)}` };
}

function whoLacks({ kind }: ProviderPlan, { arn, thumbprints }: DesiredOidcProvider): string {
  if (kind === 'use') return `OIDC provider ${arn}, which existed before and is not changed,`;
  return thumbprints === undefined ? `OIDC provider ${arn}` : 'spec.thumbprints';
}

const CHECK_FIRST = 'Make sure that it is yours, then';

function remedy({ kind }: ProviderPlan, { thumbprints }: DesiredOidcProvider): string {
  if (kind === 'use')
    return `${CHECK_FIRST} add it there: aws iam update-open-id-connect-provider-thumbprint replaces the list.`;
  return thumbprints === undefined
    ? `${CHECK_FIRST} add it and the present ones to spec.thumbprints, or have the operator trust the authority (NODE_EXTRA_CA_CERTS), and it keeps them right.`
    : `${CHECK_FIRST} add it there.`;
}
