import type { AwsFederatedIdentitySpec } from '../../crds/aws-federated-identity.ts';
import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { type ReconcileError, terminal } from '../../errors.ts';
import { matchesGlob } from '../../iam/glob.ts';

type RoleSpec = NonNullable<AwsFederatedIdentitySpec['role']>;
type Guardrails = NonNullable<AwsOidcProviderSpec['guardrails']>;

interface Question {
  readonly role: RoleSpec;
  readonly path: string;
  readonly guardrails: Partial<Guardrails>;
  /** `AwsOidcProvider "default"`, for the message. */
  readonly provider: string;
}

/** Each check answers why the identity is refused, in words for its author, or undefined. In the order of severity. */
const CHECKS: readonly ((question: Question) => ReconcileError | undefined)[] = [
  function policyArns({ role, guardrails: { managedPolicyArns = [] }, provider }) {
    const refused = role.managedPolicyArns?.find(
      (arn) => !managedPolicyArns.some((pattern) => matchesGlob(pattern, arn)),
    );
    if (refused === undefined) return undefined;
    const allowed = managedPolicyArns.length === 0 ? 'none' : managedPolicyArns.join(', ');
    return terminal(
      'PolicyNotAllowed',
      `Managed policy ${refused} is not allowed by ${provider} (allowed: ${allowed}). Remove it from spec.role.managedPolicyArns, or ask the platform team to add it to spec.guardrails.managedPolicyArns there.`,
    );
  },
  function inlineDocuments({ role, guardrails: { inlinePolicies = 'Deny' }, provider }) {
    if (inlinePolicies === 'Allow' || (role.inlinePolicies ?? []).length === 0) return undefined;
    return terminal(
      'PolicyNotAllowed',
      `Inline policies are not allowed by ${provider}. Use managed policies, or ask the platform team to set spec.guardrails.inlinePolicies: Allow there.`,
    );
  },
  function permissionsBoundary({ role, guardrails: { permissionsBoundaryArn }, provider }) {
    const wanted = role.permissionsBoundaryArn;
    if (permissionsBoundaryArn === undefined || wanted === undefined || wanted === permissionsBoundaryArn)
      return undefined;
    return terminal(
      'PolicyNotAllowed',
      `${provider} forces the permissions boundary ${permissionsBoundaryArn}. Remove spec.role.permissionsBoundaryArn, or set it to the same.`,
    );
  },
  function pathOfRole({ path, guardrails: { rolePath }, provider }) {
    if (rolePath === undefined || path.startsWith(rolePath)) return undefined;
    return terminal(
      'RoleNotAllowed',
      `${provider} demands that roles lie under ${rolePath}, but its own spec.roleDefaults.path is ${path}. The platform team must make them agree.`,
    );
  },
  function nameOfRole({ role, guardrails: { roleNamePrefix = '' }, provider }) {
    if (role.name === undefined || role.name.startsWith(roleNamePrefix)) return undefined;
    return terminal(
      'RoleNotAllowed',
      `${provider} demands that role names begin with ${JSON.stringify(roleNamePrefix)}. Create another AwsFederatedIdentity with such a spec.role.name, or without one.`,
    );
  },
  function sessionDuration({ role, guardrails: { maxSessionDurationSeconds }, provider }) {
    const wanted = role.maxSessionDurationSeconds;
    if (maxSessionDurationSeconds === undefined || wanted === undefined || wanted <= maxSessionDurationSeconds)
      return undefined;
    return terminal(
      'RoleNotAllowed',
      `${provider} allows sessions of at most ${maxSessionDurationSeconds} seconds. Lower spec.role.maxSessionDurationSeconds from ${wanted}.`,
    );
  },
];

/** Why the provider's guardrails refuse the identity, or undefined. */
export function refusalOf(question: Question): ReconcileError | undefined {
  for (const check of CHECKS) {
    const refusal = check(question);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
