import { defaultAdmissionOptions, excludedNamespaces } from '../admission/options.ts';
import {
  checkNamespace,
  claimant,
  identityInput,
  usableProvider,
} from '../controllers/aws-federated-identity/accept.ts';
import { requireRoleToAdopt } from '../controllers/aws-federated-identity/adoption.ts';
import { isAbandoned, lastRoleName, placeOfRole, staysInAws } from '../controllers/aws-federated-identity/cleanup.ts';
import {
  desiredState,
  type IdentityInput,
  type ProviderInput,
  roleNameOf,
} from '../controllers/aws-federated-identity/desired.ts';
import { planRole, planRoleDeletion, planContextOf } from '../controllers/aws-federated-identity/plan.ts';
import { requireSameAccount } from '../controllers/aws-federated-identity/same-account.ts';
import { ReconcileError, terminal } from '../errors.ts';
import type { RoleName } from '../iam/arn.ts';
import type { Role } from '../iam/roles.ts';
import { isOwnedBy } from '../iam/tags.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../kube/kinds.ts';
import type { IdentityPlan, Outcome } from './identity-plan.ts';

/** Reads a role in the account of a provider. */
export type LookAtRole = (provider: Pick<ProviderInput, 'name' | 'spec'>, role: RoleName) => Promise<Role | undefined>;

/** What is known of the cluster. */
export interface IdentityContext {
  readonly clusterId: string;
  readonly provider: (name: string) => AwsOidcProvider | undefined;
  /** At least those of the identity's namespace. */
  readonly identities: readonly AwsFederatedIdentity[];
  /** Undefined where no guardrail asks for them. */
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>> | undefined;
  readonly look: LookAtRole;
}

/** The operator's decisions in the operator's order, without its writes. A ReconcileError is a refusal, others are thrown. */
export async function planIdentity(context: IdentityContext, identity: AwsFederatedIdentity): Promise<IdentityPlan> {
  const { namespace = '', name = '' } = identity.metadata;
  let role: RoleName | undefined;
  let adopts = false;
  const decide = async (): Promise<Outcome> => {
    const { providerRef } = identity.spec;
    const stored = context.provider(providerRef.name);
    if (isDeleting(identity)) {
      const issuer = stored?.status?.issuer;
      if (issuer !== undefined) role = lastRoleName(identity, issuer);
      return deletionOf(context, identity, stored);
    }
    const provider = usableProvider(providerRef.name, stored);
    const input = identityInput(identity);
    role = roleNameOf(input, provider.issuer);
    const desired = desiredState(input, provider, context.clusterId);
    checkNeighbours(context, input, provider);
    requireSameAccount(identity, provider.spec.accountId);
    const observed = await context.look(provider, desired.role.name);
    requireRoleToAdopt(desired, observed);
    const plan = planRole(desired.role, observed, planContextOf(identity, desired));
    if (plan.kind === 'refuse') return { kind: 'refused', reason: plan.reason, message: plan.message };
    ({ adopts } = plan);
    return { kind: 'planned', actions: plan.actions, drift: plan.drift, observed };
  };
  const outcome = await decide().catch((error: unknown): Outcome => {
    if (!(error instanceof ReconcileError)) throw error;
    return { kind: 'refused', reason: error.reason, message: error.message };
  });
  return { namespace, name, role, outcome, remarks: remarksOf(identity, adopts) };
}

const isDeleting = ({ metadata }: AwsFederatedIdentity): boolean => metadata.deletionTimestamp !== undefined;

function remarksOf(identity: AwsFederatedIdentity, adopts: boolean): readonly string[] {
  const { suspend, managementPolicy, deletionPolicy } = identity.spec;
  return [
    ...(isDeleting(identity) ? [`being deleted, deletionPolicy ${deletionPolicy}`] : []),
    ...(isDeleting(identity) && isAbandoned(identity) ? ['abandoned: the role stays'] : []),
    ...(adopts ? ['adopts the role that exists'] : []),
    ...(suspend && !isDeleting(identity) ? ['suspended: waits for spec.suspend: false'] : []),
    ...(managementPolicy === 'Observe' ? ['Observe: only reported'] : []),
  ];
}

/** What further ones the operator was started with is in its flags alone. */
const EXCLUDED = excludedNamespaces(defaultAdmissionOptions);

/** The guardrails that count, and the rule that a ServiceAccount has one identity. */
export function checkNeighbours(
  { identities, namespaceLabels }: Pick<IdentityContext, 'identities' | 'namespaceLabels'>,
  input: IdentityInput,
  provider: ProviderInput,
): void {
  const { namespace, spec, uid } = input;
  const neighbours = identities.filter(({ metadata }) => metadata.namespace === namespace);
  const siblings = neighbours.filter((one) => one.spec.providerRef.name === provider.name);
  checkNamespace(input, provider, {
    siblings,
    namespaceLabels: namespaceLabels(namespace),
    excludedNamespaces: EXCLUDED,
  });
  const owner = claimant(neighbours.filter((one) => one.spec.serviceAccount.name === spec.serviceAccount.name));
  if (owner === undefined || owner.metadata.uid === uid) return;
  throw terminal(
    'ServiceAccountConflict',
    `ServiceAccount ${namespace}/${spec.serviceAccount.name} already belongs to the older AwsFederatedIdentity "${owner.metadata.name}". Delete one of the two, or use another ServiceAccount.`,
  );
}

const NOTHING: Outcome = { kind: 'planned', actions: [], drift: [], observed: undefined };

/** The role goes with the identity, if it is the identity's own and nothing says that it stays. */
async function deletionOf(
  { clusterId, look }: IdentityContext,
  identity: AwsFederatedIdentity,
  provider: AwsOidcProvider | undefined,
): Promise<Outcome> {
  const place = staysInAws(identity) ? undefined : placeOfRole(identity, provider);
  if (place === undefined) return NOTHING;
  const { namespace, name = '', uid = '' } = identity.metadata;
  const observed = await look({ name: identity.spec.providerRef.name, spec: place.spec }, place.name);
  if (observed === undefined || !isOwnedBy(observed.tags, { cluster: clusterId, namespace, name, uid })) return NOTHING;
  const rows = [
    ...[...observed.managedPolicyArns].map((have) => ({ path: 'role.managedPolicyArns', want: 'not attached', have })),
    ...[...observed.inlinePolicies.keys()].map((key) => ({
      path: `role.inlinePolicies[${key}]`,
      want: 'absent',
      have: 'present',
    })),
    { path: 'role', want: 'absent', have: place.name },
  ];
  return { kind: 'planned', actions: planRoleDeletion(observed), drift: rows, observed };
}
