import type { Reason } from '../../crds/condition.ts';
import type { RolePath } from '../../iam/arn.ts';
import { samePolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole, Role } from '../../iam/roles.ts';
import {
  describeOwner,
  isOwnedBy,
  isUnowned,
  lacksOtherOwner,
  type Owner,
  wasOwnedByNamesake,
} from '../../iam/tags.ts';

/** The wish to take over a role that exists, and what the provider's guardrails say to it. */
export interface Adoption {
  readonly roleId: string;
  readonly allowed: boolean;
  readonly rolePath: RolePath | undefined;
  /** `AwsOidcProvider "default"`, for the message. */
  readonly provider: string;
}

export interface OwnershipContext {
  readonly owner: Owner;
  /** Id of the role that the operator made for this identity, as its status remembers it. */
  readonly recordedRoleId: string | undefined;
  readonly adoption: Adoption | undefined;
}

/** Whose role it is. Only `ours` and `adopted` may be written to, and `adopted` only after its plan was shown. */
export type Ownership =
  | { readonly kind: 'ours' }
  | { readonly kind: 'adopted' }
  | { readonly kind: 'foreign'; readonly reason: Reason; readonly message: string };

/**
 * Ownership rests on the tags in AWS. A role that lost them is still ours if it is the very role that we made (same id) and
 * still trusts what we wrote: the status alone proves nothing, since it is not AWS.
 */
export function ownershipOf(
  desired: DesiredRole,
  observed: Role,
  { owner, recordedRoleId, adoption }: OwnershipContext,
): Ownership {
  if (isOwnedBy(observed.tags, owner)) return { kind: 'ours' };
  const isOurMake = observed.id === recordedRoleId && samePolicyDocument(observed.trustPolicy, desired.trustPolicy);
  if (lacksOtherOwner(observed.tags, owner) && isOurMake) return { kind: 'ours' };
  if (adoption !== undefined) return adoptionOf(observed, owner, adoption);
  const replaced =
    recordedRoleId !== undefined && observed.id !== recordedRoleId
      ? ` It is not the role that was made here: that had the id ${recordedRoleId}, this one has ${observed.id}.`
      : '';
  return {
    kind: 'foreign',
    reason: 'RoleNotOwned',
    message: `IAM role ${observed.name} exists and is left untouched: ${describeOwner(observed.tags)}.${replaced} Create another AwsFederatedIdentity with another spec.role.name, or remove that role.`,
  };
}

/** Adoption takes a role of nobody, or one that an earlier identity of the same name left behind; any other is refused. */
function adoptionOf(observed: Role, owner: Owner, { roleId, allowed, rolePath, provider }: Adoption): Ownership {
  const refuse = (why: string): Ownership => ({
    kind: 'foreign',
    reason: 'AdoptionRefused',
    message: `IAM role ${observed.name} is not adopted, and left untouched: ${why}`,
  });
  if (!allowed)
    return refuse(`${provider} does not allow it. Ask the platform team to set spec.guardrails.adoption: Allow there.`);
  if (observed.id !== roleId)
    return refuse(
      `its id is ${observed.id}, but spec.adopt.roleId is ${roleId}. Make sure which role is meant, and correct the id.`,
    );
  if (rolePath !== undefined && !observed.path.startsWith(rolePath)) {
    return refuse(
      `it lies under ${observed.path}, but ${provider} demands ${rolePath}. IAM cannot move roles: use a new role.`,
    );
  }
  if (isUnowned(observed.tags) || wasOwnedByNamesake(observed.tags, owner)) return { kind: 'adopted' };
  return refuse(`${describeOwner(observed.tags)}. Delete that one with deletionPolicy: Retain first.`);
}
