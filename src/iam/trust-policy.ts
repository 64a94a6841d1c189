import { type IssuerUrl, issuerWithoutScheme, type OidcProviderArn, oidcProviderArn, ownerOfArn } from './arn.ts';
import { PolicyDocument } from './policy-document.ts';

/** An issuer, and its OIDC provider in the account of the role. */
export interface TrustedIssuer {
  readonly providerArn: OidcProviderArn;
  readonly issuer: IssuerUrl;
}

export interface TrustPolicyInput {
  /** That of the cluster, and while it changes those before or after it: one statement each, in this order. */
  readonly issuers: readonly [TrustedIssuer, ...TrustedIssuer[]];
  readonly audience: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The cluster's issuer and `others` of it, which are trusted too while it changes; each once, in the same account. */
export function trustedIssuers(
  { arn, issuer }: { readonly arn: OidcProviderArn; readonly issuer: IssuerUrl },
  others: readonly IssuerUrl[] = [],
): TrustPolicyInput['issuers'] {
  const { partition, account } = ownerOfArn(arn);
  return [
    { providerArn: arn, issuer },
    ...others
      .filter((other) => other !== issuer)
      .map((other) => ({ providerArn: oidcProviderArn(partition, account, other), issuer: other })),
  ];
}

/**
 * The trust policy that lets exactly one ServiceAccount in. Always StringEquals on both `aud` and `sub`: with `aud` alone
 * every ServiceAccount of the cluster could assume the role, and StringLike would read a `*` in a name as a wildcard.
 * The condition keys carry the issuer without its scheme, trailing slash kept (IAM User Guide, OIDC federation).
 */
export function trustPolicy({ issuers, audience, namespace, serviceAccount }: TrustPolicyInput): PolicyDocument {
  const Statement = issuers.map(({ providerArn, issuer }) => {
    const key = issuerWithoutScheme(issuer);
    return {
      Effect: 'Allow',
      Principal: { Federated: providerArn },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: { [`${key}:aud`]: audience, [`${key}:sub`]: subject(namespace, serviceAccount) },
      },
    };
  });
  return PolicyDocument.parse(JSON.stringify({ Version: '2012-10-17', Statement }));
}

/** The same policy with every door shut: it denies what the other allows. For any trust policy that IAM holds. */
export function closedTrustPolicy(document: PolicyDocument): PolicyDocument {
  const parsed: { readonly Statement: object | readonly object[] } = JSON.parse(document); // IAM holds nothing else
  const Statement = [parsed.Statement].flat().map((statement) => ({ ...statement, Effect: 'Deny' }));
  return PolicyDocument.parse(JSON.stringify({ ...parsed, Statement }));
}

/** The `sub` of a ServiceAccount's token (KEP-1205). */
export const subject = (namespace: string, serviceAccount: string): string =>
  `system:serviceaccount:${namespace}:${serviceAccount}`;
