import * as z from 'zod';

/**
 * The names of IAM as branded types: parsed once at the edge, never looked at again.
 * Limits and character sets are those of the IAM API model (2010-05-08).
 */
export const AccountId = z
  .string()
  .regex(/^[0-9]{12}$/)
  .brand('AccountId');
export type AccountId = z.infer<typeof AccountId>;

/** `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, … Never a constant: it follows from the caller's ARN. */
export const Partition = z
  .string()
  .regex(/^aws(-[a-z]+)*$/)
  .max(32)
  .brand('Partition');
export type Partition = z.infer<typeof Partition>;

export const RoleName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\w+=,.@-]+$/)
  .brand('RoleName');
export type RoleName = z.infer<typeof RoleName>;

export const RolePath = z
  .string()
  .min(1)
  .max(512)
  .regex(/^\/([!-~]+\/)?$/)
  .brand('RolePath');
export type RolePath = z.infer<typeof RolePath>;

export const PolicyArn = z
  .string()
  .min(20)
  .max(2048)
  .regex(/^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy\/[\w+=,.@/-]+$/)
  .brand('PolicyArn');
export type PolicyArn = z.infer<typeof PolicyArn>;

export const RoleArn = z
  .string()
  .min(20)
  .max(2048)
  .regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/[!-~]+$/)
  .brand('RoleArn');
export type RoleArn = z.infer<typeof RoleArn>;

export const OidcProviderArn = z
  .string()
  .min(20)
  .max(2048)
  .regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider\/[!-~]+$/)
  .brand('OidcProviderArn');
export type OidcProviderArn = z.infer<typeof OidcProviderArn>;

/** The `iss` of a token, byte for byte: a trailing slash makes another OIDC provider. */
export const IssuerUrl = z
  .string()
  .min(9)
  .max(255)
  .regex(/^https:\/\/[!-~]+$/)
  .brand('IssuerUrl');
export type IssuerUrl = z.infer<typeof IssuerUrl>;

/** The issuer as IAM writes it in ARNs, in condition keys and in GetOpenIDConnectProvider: without its scheme. */
export const issuerWithoutScheme = (issuer: IssuerUrl): string => issuer.slice('https://'.length);

/** The ARN that IAM gives to the OIDC provider of an issuer, so that no list call is needed to find it. */
export const oidcProviderArn = (partition: Partition, account: AccountId, issuer: IssuerUrl): OidcProviderArn =>
  OidcProviderArn.parse(`arn:${partition}:iam::${account}:oidc-provider/${issuerWithoutScheme(issuer)}`);

/** The partition and account of any ARN, for example of the one that GetCallerIdentity answers. */
export function ownerOfArn(arn: string): { readonly partition: Partition; readonly account: AccountId } {
  const [, partition, , , account] = arn.split(':');
  return { partition: Partition.parse(partition), account: AccountId.parse(account) };
}
