import { type IssuerUrl, issuerWithoutScheme, type OidcProviderArn } from './arn.ts';
import { PolicyDocument } from './policy-document.ts';

export interface TrustPolicyInput {
  readonly providerArn: OidcProviderArn;
  readonly issuer: IssuerUrl;
  readonly audience: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * The trust policy that lets exactly one ServiceAccount in. Always StringEquals on both `aud` and `sub`: with `aud` alone
 * every ServiceAccount of the cluster could assume the role, and StringLike would read a `*` in a name as a wildcard.
 * The condition keys carry the issuer without its scheme, trailing slash kept (IAM User Guide, OIDC federation).
 */
export function trustPolicy({
  providerArn,
  issuer,
  audience,
  namespace,
  serviceAccount,
}: TrustPolicyInput): PolicyDocument {
  const key = issuerWithoutScheme(issuer);
  return PolicyDocument.parse(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: providerArn },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: { [`${key}:aud`]: audience, [`${key}:sub`]: subject(namespace, serviceAccount) },
          },
        },
      ],
    }),
  );
}

/** The same policy with every door shut: it denies what the other allows. */
export function closedTrustPolicy(document: PolicyDocument): PolicyDocument {
  const parsed: { readonly Statement: readonly object[] } = JSON.parse(document); // made by trustPolicy
  const Statement = parsed.Statement.map((statement) => ({ ...statement, Effect: 'Deny' }));
  return PolicyDocument.parse(JSON.stringify({ ...parsed, Statement }));
}

/** The `sub` of a ServiceAccount's token (KEP-1205). */
export const subject = (namespace: string, serviceAccount: string): string =>
  `system:serviceaccount:${namespace}:${serviceAccount}`;
