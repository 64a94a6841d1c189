import { desiredProvider } from '../controllers/aws-oidc-provider/desired.ts';
import type { PolicyArn, RoleArn } from '../iam/arn.ts';
import type { DesiredOidcProvider } from '../iam/oidc-providers.ts';
import type { DesiredRole } from '../iam/roles.ts';
import { type Owner, ownerTags } from '../iam/tags.ts';
import { trustedIssuers, trustPolicy } from '../iam/trust-policy.ts';
import { CliError } from './failures.ts';
import { type OperatorOptions, ownRoleArn, ownRoleOf, policyOf } from './policy.ts';
import { managedPath } from './policy-rights.ts';
import type { ProviderFacts } from './policy-source.ts';

export interface BootstrapInput {
  readonly facts: ProviderFacts;
  readonly options: Pick<OperatorOptions, 'namespace' | 'serviceAccount' | 'roleName' | 'rolePath'>;
  /** For the operator's own role, where the organization demands one. */
  readonly permissionsBoundaryArn: PolicyArn | undefined;
}

/** All that an administrator of AWS makes, so that the operator can do the rest with its own token. */
export interface BootstrapDesign {
  readonly provider: DesiredOidcProvider;
  readonly providerOwner: Owner;
  readonly role: DesiredRole;
  readonly roleArn: RoleArn;
  readonly roleOwner: Owner;
  /** Name of the inline policy, one for each AwsOidcProvider. */
  readonly policyName: string;
  /** Of the token in the operator's pods. */
  readonly audience: string;
  readonly region: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** The audience of the token that the operator's Deployment mounts. */
export const DEFAULT_AUDIENCE = 'sts.amazonaws.com';

/** Pure. Throws a CliError where the operator could change its own role, or the provider assumes another one. */
export function bootstrapDesign({ facts, options, permissionsBoundaryArn }: BootstrapInput): BootstrapDesign {
  const { cluster, issuer, spec, partition } = facts;
  const { namespace, serviceAccount } = options;
  checkOwnRole(facts);
  const { name, path } = ownRoleOf(options);
  checkPath(facts, path);
  // Without an object the operator will use this OIDC provider and leave it as it is: no uid is the object's.
  const providerOwner = { cluster, name: facts.name, uid: facts.uid ?? cluster };
  const provider = desiredProvider(spec, issuer, partition, providerOwner);
  const roleOwner = { cluster, namespace, name: serviceAccount, uid: cluster };
  const roleArn = ownRoleArn(facts, options);
  const audience = spec.clientIds.includes(DEFAULT_AUDIENCE) ? DEFAULT_AUDIENCE : (spec.clientIds[0] ?? '');
  const policyName = `aws-oidc-provider-${facts.name}`.slice(0, 128);
  const role: DesiredRole = {
    name,
    path,
    description: 'Federated identity operator: makes the roles of a Kubernetes cluster',
    maxSessionDurationSeconds: 3600,
    trustPolicy: trustPolicy({
      issuers: trustedIssuers(provider, spec.issuer?.alsoTrusted),
      audience,
      namespace,
      serviceAccount,
    }),
    permissionsBoundaryArn,
    managedPolicyArns: new Set(),
    inlinePolicies: new Map([[policyName, policyOf(facts, roleArn)]]),
    tags: ownerTags(roleOwner),
  };
  const { region } = spec;
  return { provider, providerOwner, role, roleArn, roleOwner, policyName, audience, region, namespace, serviceAccount };
}

function checkOwnRole({ name, spec: { assumeRole } }: ProviderFacts): void {
  if (assumeRole === undefined) return;
  throw new CliError(
    `AwsOidcProvider "${name}" has a spec.assumeRole: bootstrap makes the role of an operator that works with its own. ` +
      `Make ${assumeRole.roleArn} with the policy of "kubectl aws-identity policy ${name}" and a trust policy that names the operator's own role, ` +
      `and add the policy of "kubectl aws-identity policy ${name} --own-role" to the latter`,
  );
}

/** What lies under the path of its roles, the operator may write. */
function checkPath({ name, spec }: ProviderFacts, path: string): void {
  const managed = managedPath(name, spec);
  if (!path.startsWith(managed)) return;
  throw new CliError(
    `--role-path ${path} lies under ${managed}, where AwsOidcProvider "${name}" has its roles: the operator could change its own role. Choose another path, for example /federated-operator/`,
  );
}
