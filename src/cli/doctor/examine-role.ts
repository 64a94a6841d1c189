import type { Desired } from '../../controllers/aws-federated-identity/desired.ts';
import { planContextOf, planRole } from '../../controllers/aws-federated-identity/plan.ts';
import { terminal } from '../../errors.ts';
import type { Role } from '../../iam/roles.ts';
import type { AccountView } from './account-view.ts';
import { Unseen } from './chain.ts';
import type { Subject } from './diagnose.ts';
import { trustDifferences } from './trust-difference.ts';

interface RoleQuestion {
  readonly subject: Subject;
  readonly desired: Desired;
  readonly warn: (warning: string) => void;
}

/** That the role is there and the identity's own. Policies that differ from the spec only warn: they do not keep a token out. */
export async function examineRole(
  view: AccountView,
  { subject: { identity }, desired, warn }: RoleQuestion,
  signal: AbortSignal,
): Promise<{ readonly role: Role; readonly says: string }> {
  const { name } = desired.role;
  const role = await view.look('the role was', (account) => account.roles.get(name, signal));
  if (role === undefined) {
    const isObserved = identity.spec.managementPolicy === 'Observe';
    throw terminal(
      'RoleMissing',
      `IAM has no role ${name}. ${isObserved ? 'managementPolicy is Observe, so nobody makes it: create it, or set Manage.' : "The operator makes it while it runs: see the identity's conditions."}`,
    );
  }
  const plan = planRole(desired.role, role, planContextOf(identity, desired));
  if (plan.kind === 'refuse') throw terminal(plan.reason, plan.message);
  for (const { path, want, have } of plan.drift.filter((row) => row.path !== 'role.trustPolicy')) {
    warn(`${path} is ${have}, and the spec says ${want}: calls may be refused, or more be allowed than asked.`);
  }
  return { role, says: `${role.arn} is there, and this identity's own` };
}

/** Who may assume the role. */
export function examineTrust(desired: Desired, role: Role | undefined, warn: (warning: string) => void): string {
  if (role === undefined) throw new Unseen('the trust policy was not looked at, as the role was not.');
  const differences = trustDifferences(desired.role.trustPolicy, role.trustPolicy);
  if (differences.length > 0) {
    throw terminal(
      'TrustPolicyMismatch',
      `The trust policy of ${role.arn} is not the one of this ServiceAccount: ${differences.join('; ')}. The operator repairs it while managementPolicy is Manage: kubectl aws-identity reconcile.`,
    );
  }
  const { permissionsBoundaryArn } = role;
  if (permissionsBoundaryArn !== undefined)
    warn(`The boundary ${permissionsBoundaryArn} limits what the role may do, whatever its policies say.`);
  return 'lets in tokens of exactly this issuer, audience and ServiceAccount';
}
