import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { terminal } from '../../errors.ts';
import { type IssuerUrl, oidcProviderArn, type Partition } from '../../iam/arn.ts';
import type { DesiredOidcProvider } from '../../iam/oidc-providers.ts';
import { type Owner, ownerTags } from '../../iam/tags.ts';
import { parseIssuer } from '../../oidc/issuer.ts';

/** The cluster's issuer as its tokens name it, if AWS can use it and the spec does not contradict. Else a terminal error. */
export function acceptedIssuer(spec: AwsOidcProviderSpec, issuerOfTokens: string): IssuerUrl {
  const wanted = spec.issuer?.url;
  if (wanted !== undefined && wanted !== issuerOfTokens) {
    const slash =
      wanted.replace(/\/$/, '') === issuerOfTokens.replace(/\/$/, '')
        ? ' They differ only in the trailing slash, which counts.'
        : '';
    throw terminal(
      'IssuerMismatch',
      `spec.issuer.url is ${wanted}, but the tokens of this cluster are issued by ${issuerOfTokens}.${slash} Leave spec.issuer.url out in a new AwsOidcProvider: the right one is found by itself.`,
    );
  }
  return parseIssuer(issuerOfTokens);
}

/** The OIDC provider that the spec asks for. */
export function desiredProvider(
  spec: AwsOidcProviderSpec,
  issuer: IssuerUrl,
  partition: Partition,
  owner: Owner,
): DesiredOidcProvider {
  return {
    arn: oidcProviderArn(partition, spec.accountId, issuer),
    issuer,
    clientIds: new Set(spec.clientIds),
    thumbprints: spec.thumbprints?.map((thumbprint) => thumbprint.toLowerCase()),
    tags: ownerTags(owner),
  };
}
