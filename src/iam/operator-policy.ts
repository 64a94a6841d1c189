import type { AccountId, OidcProviderArn, Partition, PolicyArn, RoleArn, RolePath } from './arn.ts';
import { policyArnPatterns } from './policy-arn-patterns.ts';
import { parsePolicyDocument, type PolicyDocument } from './policy-document.ts';
import { CLUSTER_TAG, OWNER_TAG_PREFIX } from './tags.ts';

/** What the operator may do in one account. */
export interface OperatorRights {
  readonly partition: Partition;
  readonly accountId: AccountId;
  /** UID of the namespace kube-system, which the tag `federatedidentity.dev/cluster` of its roles holds. */
  readonly cluster: string;
  /** The roles that it may write lie under it. Not `/`. */
  readonly rolePath: RolePath;
  readonly oidcProviderArn: OidcProviderArn;
  /** To the OIDC provider and to what is published of the issuer. */
  readonly issuerAccess: 'read' | 'write' | 'writeAndDelete';
  /** ARNs of the objects in S3 that hold the issuer's documents; empty where somebody else serves them. */
  readonly publishedObjects: readonly string[];
  /** Globs, as guardrails have them. */
  readonly managedPolicyArns: readonly string[];
  readonly inlinePolicies: 'Allow' | 'Deny';
  /** Forced on every role, when given. */
  readonly permissionsBoundaryArn: PolicyArn | undefined;
  /** The operator's own role, which it must never change. */
  readonly ownRoleArn: RoleArn;
}

type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Condition;
}

/**
 * The least that the operator needs (docs/bootstrap.md tells why each statement is there). Writes reach roles under one path
 * that carry the cluster's tag; which condition key an action knows is in the Service Authorization Reference of IAM.
 * Detaching and deleting policies is never limited: whatever somebody attached by hand must go away again.
 */
export function operatorPolicy(rights: OperatorRights): PolicyDocument {
  return documentOf([
    ...roleCreation(rights),
    ...roleChanges(rights),
    ...grants(rights),
    ...boundary(rights),
    ...reads(rights),
    ...oidcProvider(rights),
    ...publishing(rights),
    {
      Sid: 'NeverItself',
      Effect: 'Deny',
      Action: [
        'iam:Add*',
        'iam:Attach*',
        'iam:Create*',
        'iam:De*',
        'iam:Pass*',
        'iam:Put*',
        'iam:*Tag*',
        'iam:Update*',
      ],
      Resource: literal(rights.ownRoleArn),
    },
  ]);
}

/** All that the operator's own role needs where it assumes another one (`spec.assumeRole`), which carries the policy above. */
export const assumingPolicy = (roleArn: RoleArn): PolicyDocument =>
  documentOf([{ Sid: 'Assume', Effect: 'Allow', Action: 'sts:AssumeRole', Resource: literal(roleArn) }]);

const documentOf = (Statement: readonly Statement[]): PolicyDocument =>
  parsePolicyDocument({ Version: '2012-10-17', Statement });

const allow = (
  Sid: string,
  Action: string | readonly string[],
  Resource: string | readonly string[],
  Condition?: Condition,
): Statement => ({ Sid, Effect: 'Allow', Action, Resource, ...(Condition === undefined ? {} : { Condition }) });

const REQUESTED_CLUSTER = `aws:RequestTag/${CLUSTER_TAG}`;
const ROLE_CLUSTER = `aws:ResourceTag/${CLUSTER_TAG}`;
const BOUNDARY = 'iam:PermissionsBoundary';

const managedRoles = ({ partition, accountId, rolePath }: OperatorRights): string =>
  `arn:${partition}:iam::${accountId}:role${literal(rolePath)}*`;

const ours = ({ cluster }: OperatorRights): Readonly<Record<string, string>> => ({ [ROLE_CLUSTER]: cluster });

const bounded = ({ permissionsBoundaryArn }: OperatorRights): Readonly<Record<string, string>> =>
  permissionsBoundaryArn === undefined ? {} : { [BOUNDARY]: permissionsBoundaryArn };

/** CreateRole with tags needs TagRole too, for a role that has no tags yet; a role of another cluster is not claimed by it. */
function roleCreation(rights: OperatorRights): readonly Statement[] {
  const { cluster } = rights;
  const tagged = { [REQUESTED_CLUSTER]: cluster };
  return [
    allow('CreateRoles', 'iam:CreateRole', managedRoles(rights), { StringEquals: { ...tagged, ...bounded(rights) } }),
    allow('ClaimRoles', 'iam:TagRole', managedRoles(rights), {
      StringEquals: tagged,
      StringEqualsIfExists: ours(rights),
    }),
  ];
}

function roleChanges(rights: OperatorRights): readonly Statement[] {
  const { cluster, permissionsBoundaryArn } = rights;
  const roles = managedRoles(rights);
  const isOurs = { StringEquals: ours(rights) };
  const actions = ['iam:DeleteRole', 'iam:UpdateRole', 'iam:DetachRolePolicy', 'iam:DeleteRolePolicy'];
  const trust = 'iam:UpdateAssumeRolePolicy';
  return [
    allow('ChangeRoles', permissionsBoundaryArn === undefined ? [...actions, trust] : actions, roles, isOurs),
    // A role without boundary is given one before anything else; until then nobody new is let into it.
    ...(permissionsBoundaryArn === undefined
      ? []
      : [allow('ChangeTrust', trust, roles, { ...isOurs, Null: { [BOUNDARY]: 'false' } })]),
    allow('TagRoles', 'iam:TagRole', roles, { ...isOurs, StringEqualsIfExists: { [REQUESTED_CLUSTER]: cluster } }),
    allow('UntagRoles', 'iam:UntagRole', roles, {
      ...isOurs,
      'ForAllValues:StringNotLike': { 'aws:TagKeys': `${OWNER_TAG_PREFIX}*` },
    }),
  ];
}

/** What gives a role permissions. */
function grants(rights: OperatorRights): readonly Statement[] {
  const roles = managedRoles(rights);
  const isOurs = { StringEquals: { ...ours(rights), ...bounded(rights) } };
  const isAny = rights.managedPolicyArns.includes('*');
  const patterns = [...new Set(rights.managedPolicyArns.flatMap(policyArnPatterns))];
  const isListed = isAny ? {} : { ArnLike: { 'iam:PolicyARN': patterns } };
  return [
    ...(isAny || patterns.length > 0
      ? [allow('AttachPolicies', 'iam:AttachRolePolicy', roles, { ...isOurs, ...isListed })]
      : []),
    ...(rights.inlinePolicies === 'Allow' ? [allow('InlinePolicies', 'iam:PutRolePolicy', roles, isOurs)] : []),
  ];
}

/** A boundary that is forced can be put, and neither be taken away nor be another one. */
function boundary(rights: OperatorRights): readonly Statement[] {
  const put = 'iam:PutRolePermissionsBoundary';
  const actions = rights.permissionsBoundaryArn === undefined ? [put, 'iam:DeleteRolePermissionsBoundary'] : put;
  return [
    allow('Boundaries', actions, managedRoles(rights), { StringEquals: { ...ours(rights), ...bounded(rights) } }),
  ];
}

/** Not limited to the path, and why: docs/adr/0003. IAM knows no narrower resource for the two of the drift sweep. */
function reads({ partition, accountId }: OperatorRights): readonly Statement[] {
  const actions = ['GetRole', 'ListAttachedRolePolicies', 'ListRolePolicies', 'GetRolePolicy'];
  return [
    allow(
      'ReadRoles',
      [...actions, 'ListInstanceProfilesForRole'].map(iamAction),
      `arn:${partition}:iam::${accountId}:role/*`,
    ),
    allow('Sweep', ['iam:ListRoles', 'iam:GetAccountAuthorizationDetails'], '*'),
  ];
}

/** Exactly one OIDC provider: that of the cluster's issuer. */
function oidcProvider(rights: OperatorRights): readonly Statement[] {
  const { cluster, issuerAccess: access } = rights;
  const arn = literal(rights.oidcProviderArn);
  const read = allow('ReadOidcProvider', 'iam:GetOpenIDConnectProvider', arn);
  if (access === 'read') return [read];
  const changes = [
    'AddClientIDToOpenIDConnectProvider',
    'RemoveClientIDFromOpenIDConnectProvider',
    'UpdateOpenIDConnectProviderThumbprint',
    ...(access === 'writeAndDelete' ? ['DeleteOpenIDConnectProvider'] : []),
  ];
  return [
    read,
    allow('CreateOidcProvider', ['CreateOpenIDConnectProvider', 'TagOpenIDConnectProvider'].map(iamAction), arn, {
      StringEquals: { [REQUESTED_CLUSTER]: cluster },
      StringEqualsIfExists: ours(rights),
    }),
    allow('ChangeOidcProvider', changes.map(iamAction), arn, { StringEquals: ours(rights) }),
  ];
}

/** Discovery document and keys, and no other object. Not s3:ListBucket: an object that is denied is taken for absent. */
function publishing({ issuerAccess: access, publishedObjects }: OperatorRights): readonly Statement[] {
  if (publishedObjects.length === 0) return [];
  const writes = access === 'read' ? [] : ['s3:PutObject', ...(access === 'writeAndDelete' ? ['s3:DeleteObject'] : [])];
  return [allow('PublishIssuer', ['s3:GetObject', ...writes], publishedObjects.map(literal))];
}

const iamAction = (operation: string): string => `iam:${operation}`;

/** In a Resource, `*` and `?` are wildcards and `$` begins a variable; so written, they stand for themselves (IAM User Guide, "Policy variables"). */
const literal = (text: string): string => text.replaceAll(/[*?$]/g, (character) => `\${${character}}`);
