import { publishTarget } from '../controllers/aws-oidc-provider/publish.ts';
import type { AwsOidcProviderSpec } from '../crds/aws-oidc-provider.ts';
import { oidcProviderArn, type RoleArn, RolePath } from '../iam/arn.ts';
import type { OperatorRights } from '../iam/operator-policy.ts';
import { DISCOVERY_PATH, JWKS_PATH } from '../oidc/published-documents.ts';
import { objectKey } from '../oidc/publish-place.ts';
import { CliError } from './failures.ts';
import type { ProviderFacts } from './policy-source.ts';

/** What the operator may do for a provider, no more than its guardrails let identities ask for. Throws a CliError. */
export function operatorRights(facts: ProviderFacts, ownRoleArn: RoleArn): OperatorRights {
  const { name, spec, partition, issuer, cluster } = facts;
  const { guardrails, accountId } = spec;
  return {
    partition,
    accountId,
    cluster,
    rolePath: managedPath(name, spec),
    oidcProviderArn: oidcProviderArn(partition, accountId, issuer),
    issuerAccess: issuerAccess(spec),
    publishedObjects: publishedObjects(facts),
    managedPolicyArns: guardrails?.managedPolicyArns ?? [],
    inlinePolicies: guardrails?.inlinePolicies ?? 'Deny',
    permissionsBoundaryArn: guardrails?.permissionsBoundaryArn,
    ownRoleArn,
  };
}

function issuerAccess({ managementPolicy, deletionPolicy }: AwsOidcProviderSpec): OperatorRights['issuerAccess'] {
  if (managementPolicy === 'Observe') return 'read';
  return deletionPolicy === 'Delete' ? 'writeAndDelete' : 'write';
}

function publishedObjects({ spec, partition }: ProviderFacts): readonly string[] {
  const target = publishTarget(spec);
  if (target === undefined) return [];
  return [DISCOVERY_PATH, JWKS_PATH].map((path) => `arn:${partition}:s3:::${target.bucket}/${objectKey(target, path)}`);
}

/** Where the provider's roles lie. The whole account is no limit, and the operator could then write to its own role. */
export function managedPath(name: string, { guardrails, roleDefaults }: AwsOidcProviderSpec): RolePath {
  const path = guardrails?.rolePath ?? roleDefaults?.path ?? RolePath.parse('/federated/');
  if (path !== '/') return path;
  throw new CliError(
    `the roles of AwsOidcProvider "${name}" lie under /, which is the whole account: set spec.guardrails.rolePath, for example to /federated/`,
  );
}
