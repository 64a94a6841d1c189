import { planRole, type RoleAction } from '../controllers/aws-federated-identity/plan.ts';
import { planProvider, type ProviderPlan } from '../controllers/aws-oidc-provider/plan.ts';
import type { Drift } from '../crds/aws-federated-identity.ts';
import type { OidcProvider } from '../iam/oidc-providers.ts';
import type { DesiredRole, Role } from '../iam/roles.ts';
import { describeOwner, isOwnedBy } from '../iam/tags.ts';
import { type BootstrapDesign, bootstrapDesign, type BootstrapInput } from './bootstrap-design.ts';

export interface BootstrapPlan {
  readonly design: BootstrapDesign;
  readonly provider: ProviderPlan;
  readonly role:
    | {
        readonly kind: 'planned';
        readonly actions: readonly RoleAction[];
        readonly drift: readonly Drift[];
        readonly observed: Role | undefined;
      }
    | { readonly kind: 'refused'; readonly reason: 'RoleNotOwned'; readonly message: string };
}

export interface Observed {
  readonly provider: OidcProvider | undefined;
  readonly role: Role | undefined;
}

/** What to do in AWS, by the same rules as the operator's own. Pure. Throws a CliError, as bootstrapDesign does. */
export function planBootstrap(input: BootstrapInput, observed: Observed): BootstrapPlan {
  const { role } = observed;
  const wanted = bootstrapDesign(input);
  const isOurs = role !== undefined && isOwnedBy(role.tags, wanted.roleOwner);
  // IAM cannot move a role: one that was made under another path stays there.
  const design = isOurs ? bootstrapDesign({ ...input, options: { ...input.options, rolePath: role.path } }) : wanted;
  const provider = planProvider(design.provider, observed.provider, design.providerOwner);
  return { design, provider, role: rolePlan(design, role) };
}

function rolePlan(design: BootstrapDesign, observed: Role | undefined): BootstrapPlan['role'] {
  const desired = observed === undefined ? design.role : beside(design.role, observed);
  const context = { owner: design.roleOwner, recordedRoleId: undefined, adoption: undefined, formerTagKeys: [] };
  const plan = planRole(desired, observed, context);
  if (plan.kind === 'apply') return { kind: 'planned', actions: plan.actions, drift: plan.drift, observed };
  return {
    kind: 'refused',
    reason: 'RoleNotOwned',
    message: `IAM role ${desired.name} exists and is left untouched: ${describeOwner(observed?.tags ?? new Map())}. Choose another --role-name, or remove that role.`,
  };
}

/** What others gave the role stays: policies for other AwsOidcProviders, a boundary, a longer session. */
const beside = (desired: DesiredRole, observed: Role): DesiredRole => ({
  ...desired,
  description: observed.description,
  maxSessionDurationSeconds: observed.maxSessionDurationSeconds,
  permissionsBoundaryArn: desired.permissionsBoundaryArn ?? observed.permissionsBoundaryArn,
  managedPolicyArns: observed.managedPolicyArns,
  inlinePolicies: new Map([...observed.inlinePolicies, ...desired.inlinePolicies]),
});

/** How many calls would be made. */
export const countChanges = ({ provider, role }: BootstrapPlan): number =>
  (provider.kind === 'apply' ? provider.actions.length : 0) + (role.kind === 'planned' ? role.actions.length : 0);

/** Nothing is done as long as a part is refused. */
export const isRefused = ({ provider, role }: BootstrapPlan): boolean =>
  provider.kind === 'refuse' || role.kind === 'refused';
