import { createHash } from 'node:crypto';
import type { AwsFederatedIdentitySpec } from '../../crds/aws-federated-identity.ts';
import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { terminal } from '../../errors.ts';
import {
  type IssuerUrl,
  type OidcProviderArn,
  type PolicyArn,
  type RoleArn,
  RoleName,
  RolePath,
} from '../../iam/arn.ts';
import type { Injection } from '../../kube/injection-table.ts';
import { parsePolicyDocument, type PolicyDocument, sizeOfPolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole } from '../../iam/roles.ts';
import { type Owner, ownerTags } from '../../iam/tags.ts';
import { trustedIssuers, trustPolicy } from '../../iam/trust-policy.ts';
import { refusalOf } from './guardrails.ts';
import type { Adoption } from './ownership.ts';
import { roleTags } from './role-tags.ts';

/** The identity's name and spec. Of its status only the name of the role is used, and that only where it is one that we give. */
export interface IdentityInput {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly spec: AwsFederatedIdentitySpec;
  /** The role that was made for it, as its status remembers. */
  readonly roleArn?: RoleArn | undefined;
}

/** A provider that is ready to be used. */
export interface ProviderInput {
  readonly name: string;
  readonly spec: AwsOidcProviderSpec;
  readonly arn: OidcProviderArn;
  readonly issuer: IssuerUrl;
}

export interface Desired {
  readonly owner: Owner;
  readonly provider: ProviderInput;
  readonly role: DesiredRole;
  /** Tag keys that came from the specs, to tell them from tags that others set. */
  readonly tagKeys: readonly string[];
  /** Present when the identity asks to take over a role that exists. */
  readonly adoption: Adoption | undefined;
  /** Where the provider's roles lie: the part of the account that the drift sweep looks at. */
  readonly pathPrefix: RolePath;
  /** What pods get, beside the ARN of the role. */
  readonly injection: Omit<Injection, 'roleArn'>;
}

/** What the specs ask for. Throws a terminal ReconcileError when they cannot be allowed or are no valid policy. */
export function desiredState(identity: IdentityInput, provider: ProviderInput, cluster: string): Desired {
  const { spec } = identity;
  const owner = { cluster, namespace: identity.namespace, name: identity.name, uid: identity.uid };
  const audience = allowedAudience(spec, provider);
  const role = desiredRole(identity, provider, owner);
  const { tokenExpirationSeconds } = spec;
  const { region } = provider.spec;
  const tagKeys = [...role.tags.keys()].filter((key) => !ownerTags(owner).has(key)).toSorted();
  return {
    owner,
    provider,
    role,
    tagKeys,
    adoption: adoptionOf(spec, provider),
    pathPrefix: pathPrefixOf(provider.spec),
    injection: { audience, tokenExpirationSeconds, region },
  };
}

function desiredRole(identity: IdentityInput, provider: ProviderInput, owner: Owner): DesiredRole {
  const { namespace, spec } = identity;
  const { roleDefaults } = provider.spec;
  const guardrails: Partial<NonNullable<AwsOidcProviderSpec['guardrails']>> = provider.spec.guardrails ?? {};
  const role = spec.role ?? {};
  const path = roleDefaults?.path ?? guardrails.rolePath ?? RolePath.parse('/federated/');
  const named = `AwsOidcProvider "${provider.name}"`;
  const refusal = refusalOf({ role, path, guardrails, provider: named });
  if (refusal !== undefined) throw refusal;
  return {
    name: roleNameOf(identity, provider.issuer),
    path,
    description: role.description?.trim() ? role.description : '', // in the SDK's answers a blank one is none
    maxSessionDurationSeconds: sessionDuration(role.maxSessionDurationSeconds, provider.spec),
    trustPolicy: trustPolicy({
      issuers: trustedIssuers(provider, provider.spec.issuer?.alsoTrusted),
      audience: spec.audience,
      namespace,
      serviceAccount: spec.serviceAccount.name,
    }),
    permissionsBoundaryArn: guardrails.permissionsBoundaryArn ?? role.permissionsBoundaryArn,
    managedPolicyArns: new Set<PolicyArn>(role.managedPolicyArns),
    inlinePolicies: inlinePolicies(role.inlinePolicies ?? []),
    tags: new Map([
      ...roleTags({ own: role.tags, defaults: roleDefaults?.tags, provider: named }),
      ...ownerTags(owner),
    ]),
  };
}

/** Every role of the provider lies under it: the guardrail's path, or anywhere. */
export const pathPrefixOf = ({ guardrails }: AwsOidcProviderSpec): RolePath =>
  guardrails?.rolePath ?? RolePath.parse('/');

function adoptionOf(
  { adopt }: AwsFederatedIdentitySpec,
  { name, spec: { guardrails } }: ProviderInput,
): Adoption | undefined {
  if (adopt === undefined) return undefined;
  return {
    roleId: adopt.roleId,
    allowed: guardrails?.adoption === 'Allow',
    rolePath: guardrails?.rolePath,
    provider: `AwsOidcProvider "${name}"`,
  };
}

/** The identity's wish, else the provider's default, never above the guardrail; 3600 is IAM's own default. */
function sessionDuration(wanted: number | undefined, { roleDefaults, guardrails }: AwsOidcProviderSpec): number {
  const duration = wanted ?? roleDefaults?.maxSessionDurationSeconds ?? 3600;
  return Math.min(duration, guardrails?.maxSessionDurationSeconds ?? duration);
}

const MAX_ROLE_NAME = 64;
const HASH_LENGTH = 8;
const HASH = /^[0-9a-f]{8}$/;

/**
 * The role's name: what the spec says, or <namespace>-<name>-<hash of issuer, namespace and name>, cut to IAM's 64
 * characters. The issuer in the hash keeps two clusters with the same names apart in one account. A role that is there keeps
 * its name when the issuer changes: under another it would be left behind, and its pods with it.
 */
export function roleNameOf(
  { namespace, name, spec, roleArn }: Pick<IdentityInput, 'namespace' | 'name' | 'spec' | 'roleArn'>,
  issuer: IssuerUrl,
): RoleName {
  if (spec.role?.name !== undefined) return spec.role.name;
  const stem = `${namespace}-${name}`.slice(0, MAX_ROLE_NAME - HASH_LENGTH - 1);
  const former = roleArn?.split('/').at(-1);
  if (former?.startsWith(`${stem}-`) && HASH.test(former.slice(stem.length + 1))) return RoleName.parse(former);
  const hash = createHash('sha256').update(`${issuer}/${namespace}/${name}`).digest('hex').slice(0, HASH_LENGTH);
  return RoleName.parse(`${stem}-${hash}`);
}

function allowedAudience({ audience }: AwsFederatedIdentitySpec, { name, spec: { clientIds } }: ProviderInput): string {
  if (clientIds.includes(audience)) return audience;
  throw terminal(
    'AudienceNotAllowed',
    `spec.audience ${JSON.stringify(audience)} is not among the clientIds of AwsOidcProvider "${name}" (${clientIds.join(', ')}). Use one of them, or ask the platform team to add it there.`,
  );
}

/** Characters without white space that IAM takes for all inline policies of a role together (IAM quotas; not adjustable). */
const MAX_INLINE_SIZE = 10_240;

/** The size is measured before the first call: IAM would take the first documents and refuse the last, and leave the role half done. */
function inlinePolicies(
  policies: readonly { readonly name: string; readonly document?: unknown }[],
): ReadonlyMap<string, PolicyDocument> {
  const documents = new Map(policies.map(({ name, document }) => [name, parsedPolicy(name, document)]));
  const size = documents.values().reduce((sum, document) => sum + sizeOfPolicyDocument(document), 0);
  if (size <= MAX_INLINE_SIZE) return documents;
  throw terminal(
    'QuotaExceeded',
    `spec.role.inlinePolicies have ${size} characters together, and IAM takes ${MAX_INLINE_SIZE} for a role. Shorten them, or use managed policies.`,
  );
}

function parsedPolicy(name: string, document: unknown): PolicyDocument {
  try {
    return parsePolicyDocument(document);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw terminal('PolicyInvalid', `spec.role.inlinePolicies "${name}": ${text}. Correct the document.`, {
      cause: error,
    });
  }
}
