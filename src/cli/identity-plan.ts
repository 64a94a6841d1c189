import type { RoleAction } from '../controllers/aws-federated-identity/plan.ts';
import type { Drift } from '../crds/aws-federated-identity.ts';
import type { Reason } from '../crds/condition.ts';
import type { RoleName } from '../iam/arn.ts';
import type { Role } from '../iam/roles.ts';

/** What the operator would do for one identity. */
export interface IdentityPlan {
  readonly namespace: string;
  readonly name: string;
  /** Undefined where the provider must be known first. */
  readonly role: RoleName | undefined;
  /** What keeps the operator from doing it, or does more, in a word or two for the heading. */
  readonly remarks: readonly string[];
  readonly outcome: Outcome;
}

export type Outcome =
  | {
      readonly kind: 'planned';
      /** None: in sync. */
      readonly actions: readonly RoleAction[];
      readonly drift: readonly Drift[];
      readonly observed: Role | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: Reason; readonly message: string };

/** As `terraform plan -detailed-exitcode`: 0 nothing to do, 2 changes, 1 refused. */
export function exitCodeOf(plans: readonly IdentityPlan[]): 0 | 1 | 2 {
  if (plans.some(({ outcome }) => outcome.kind === 'refused')) return 1;
  return plans.some(({ outcome }) => outcome.kind === 'planned' && hasChanges(outcome)) ? 2 : 0;
}

export const hasChanges = ({ actions, drift }: Extract<Outcome, { kind: 'planned' }>): boolean =>
  actions.length > 0 || drift.length > 0;
