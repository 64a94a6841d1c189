import type { Drift } from '../../crds/aws-federated-identity.ts';
import type { Reason } from '../../crds/condition.ts';
import type { PolicyArn, RoleName } from '../../iam/arn.ts';
import { type PolicyDocument, samePolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole, Role } from '../../iam/roles.ts';
import { isOwnedBy, tagOf, type Tags } from '../../iam/tags.ts';
import { closedTrustPolicy } from '../../iam/trust-policy.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import type { Desired } from './desired.ts';
import { driftRow } from './drift-row.ts';
import { type OwnershipContext, ownershipOf } from './ownership.ts';
import {
  additions,
  areEntangled,
  changesDenial,
  changesOfUnknown,
  NO_POLICIES,
  removals,
  replacesDocument,
} from './policy-changes.ts';

/** One write to IAM, named as the operation of AWS, so that CloudTrail, logs and this list use the same words. */
export type RoleAction =
  | { readonly type: 'CreateRole'; readonly role: DesiredRole }
  | { readonly type: 'DetachRolePolicy'; readonly policyArn: PolicyArn }
  | { readonly type: 'DeleteRolePolicy'; readonly policyName: string }
  | { readonly type: 'UpdateAssumeRolePolicy'; readonly document: PolicyDocument }
  | { readonly type: 'PutRolePermissionsBoundary'; readonly boundaryArn: PolicyArn }
  | { readonly type: 'DeleteRolePermissionsBoundary' }
  | { readonly type: 'UpdateRole'; readonly description: string; readonly maxSessionDurationSeconds: number }
  | { readonly type: 'TagRole'; readonly tags: Tags }
  | { readonly type: 'UntagRole'; readonly keys: readonly string[] }
  | { readonly type: 'PutRolePolicy'; readonly policyName: string; readonly document: PolicyDocument }
  | { readonly type: 'AttachRolePolicy'; readonly policyArn: PolicyArn }
  | { readonly type: 'DeleteRole' };

export type RolePlan =
  /** No actions: in sync. */
  | {
      readonly kind: 'apply';
      readonly name: RoleName;
      readonly actions: readonly RoleAction[];
      readonly drift: readonly Drift[];
      /** The role is not ours yet: the plan must be shown before it is carried out. */
      readonly adopts: boolean;
    }
  | { readonly kind: 'refuse'; readonly reason: Reason; readonly message: string };

export interface PlanContext extends OwnershipContext {
  /** Tag keys that an earlier spec set; those no longer wanted are removed, all other foreign tags stay. */
  readonly formerTagKeys: readonly string[];
}

/** What the plan for an identity's role rests on, beside the role. */
export const planContextOf = ({ status }: AwsFederatedIdentity, { owner, adoption }: Desired): PlanContext => ({
  owner,
  adoption,
  recordedRoleId: status?.roleId,
  formerTagKeys: status?.tagKeys ?? [],
});

/** An action and what it puts right. */
export interface Step {
  readonly action: RoleAction;
  readonly drift: readonly Drift[];
}

/**
 * What to do in IAM so that `observed` becomes `desired`. Pure: same input, same list. Narrowing comes before widening, so
 * that between two calls nothing is allowed that neither the old nor the new state allows. The path is fixed at creation.
 */
export function planRole(desired: DesiredRole, observed: Role | undefined, context: PlanContext): RolePlan {
  const { name } = desired;
  if (observed === undefined) return applyPlan(name, creation(desired), false);
  const ownership = ownershipOf(desired, observed, context);
  if (ownership.kind === 'foreign') return { ...ownership, kind: 'refuse' };
  const adopts = ownership.kind === 'adopted';
  const tags = tagChanges(desired, observed, context.formerTagKeys);
  // An adopted role is tagged first: a crash must not leave it half taken over. So is one that lost its tags, since the
  // operator's AWS policy may allow all further changes only of roles that carry them.
  const claims = !isOwnedBy(observed.tags, context.owner);
  const changes = [...(claims ? tags : []), ...changesOf(desired, observed, claims ? [] : tags)];
  return applyPlan(name, changes, adopts);
}

/** In an order in which every state between is within the old or the new one. */
function changesOf(desired: DesiredRole, observed: Role, tags: readonly Step[]): readonly Step[] {
  const changes = {
    removed: removals(desired, observed),
    trust: trustUpdate(desired, observed),
    boundary: boundaryChange(desired, observed),
    added: additions(desired, observed),
  };
  const { removed, boundary, added } = changes;
  const isBoundaryAdded = observed.permissionsBoundaryArn === undefined;
  const isBoundaryRemoved = desired.permissionsBoundaryArn === undefined;
  const closes = mustClose(desired, observed, changes);
  const trust = closes ? [reopening(desired, changes.trust)] : changes.trust;
  const settings = settingsUpdate(desired, observed);
  const isSessionShorter = desired.maxSessionDurationSeconds < observed.maxSessionDurationSeconds;
  return [
    ...(isSessionShorter ? settings : []),
    ...(isBoundaryAdded && closes ? boundary : []), // where one is forced, AWS may refuse other changes without it
    ...(closes ? closing(desired, observed) : []),
    ...removed,
    ...(isBoundaryAdded && !closes ? boundary : []),
    ...(closes ? [] : trust),
    ...(isBoundaryAdded || isBoundaryRemoved ? [] : boundary),
    ...tags,
    ...added,
    ...(isBoundaryRemoved ? boundary : []),
    ...(isSessionShorter ? [] : settings),
    ...(closes ? trust : []),
  ];
}

/** What decides over who may do what, by the part of the role that it changes. */
type Changes = Readonly<Record<'removed' | 'trust' | 'boundary' | 'added', readonly Step[]>>;

/**
 * Whether any order of the single calls would, for a moment, allow more than before or after, so that nobody may be let in
 * meanwhile. That is so where two of trust policy, boundary and an inline document are replaced by something else at once,
 * where a document that denies changes beside anything else, and where managed policies that may deny change beside one of these.
 */
function mustClose(desired: DesiredRole, observed: Role, { removed, trust, boundary, added }: Changes): boolean {
  const count = removed.length + trust.length + boundary.length + added.length;
  if (count < 2) return false;
  const replaced = [
    trust.length > 0,
    boundary.length > 0 && ![desired, observed].some((one) => one.permissionsBoundaryArn === undefined),
    replacesDocument(desired, observed),
  ];
  const unknown = changesOfUnknown(desired, observed);
  return (
    replaced.filter(Boolean).length > 1 ||
    changesDenial(desired, observed) ||
    unknown > 1 ||
    (unknown === 1 && (boundary.length > 0 || replaced.some(Boolean)))
  );
}

function closing({ trustPolicy }: Pick<DesiredRole, 'trustPolicy'>, observed: Role): readonly Step[] {
  const document = closedTrustPolicy(trustPolicy);
  if (samePolicyDocument(document, observed.trustPolicy)) return [];
  return [{ action: { type: 'UpdateAssumeRolePolicy', document }, drift: [] }];
}

const reopening = ({ trustPolicy: document }: DesiredRole, trust: readonly Step[]): Step => ({
  action: { type: 'UpdateAssumeRolePolicy', document },
  drift: trust.flatMap((step) => step.drift),
});

/** Everything that IAM demands to be gone before DeleteRole, and DeleteRole itself. */
export function planRoleDeletion(observed: Role): readonly RoleAction[] {
  const steps = [...(areEntangled(observed) ? closing(observed, observed) : []), ...removals(NO_POLICIES, observed)];
  return [...steps.map(({ action }) => action), { type: 'DeleteRole' }];
}

const applyPlan = (name: RoleName, steps: readonly Step[], adopts: boolean): RolePlan => ({
  kind: 'apply',
  name,
  actions: steps.map(({ action }) => action),
  drift: steps.flatMap((step) => step.drift),
  adopts,
});

/** CreateRole carries trust policy, boundary, path, description, session and tags. */
function creation(role: DesiredRole): readonly Step[] {
  const { name, trustPolicy } = role;
  const closes = areEntangled(role);
  const created = closes ? { ...role, trustPolicy: closedTrustPolicy(trustPolicy) } : role;
  return [
    { action: { type: 'CreateRole', role: created }, drift: [driftRow('role', name, 'absent')] },
    ...additions(role, NO_POLICIES),
    ...(closes ? [{ action: { type: 'UpdateAssumeRolePolicy', document: trustPolicy }, drift: [] } as const] : []),
  ];
}

function trustUpdate({ trustPolicy: document }: DesiredRole, { trustPolicy: have }: Role): readonly Step[] {
  if (samePolicyDocument(document, have)) return [];
  return [
    { action: { type: 'UpdateAssumeRolePolicy', document }, drift: [driftRow('role.trustPolicy', document, have)] },
  ];
}

function boundaryChange(
  { permissionsBoundaryArn: want }: DesiredRole,
  { permissionsBoundaryArn: have }: Role,
): readonly Step[] {
  if (want === have) return [];
  const row = [driftRow('role.permissionsBoundaryArn', want ?? 'absent', have ?? 'absent')];
  return want === undefined
    ? [{ action: { type: 'DeleteRolePermissionsBoundary' }, drift: row }]
    : [{ action: { type: 'PutRolePermissionsBoundary', boundaryArn: want }, drift: row }];
}

function settingsUpdate(desired: DesiredRole, observed: Role): readonly Step[] {
  const { description, maxSessionDurationSeconds } = desired;
  const rows = [
    ...(description === observed.description ? [] : [driftRow('role.description', description, observed.description)]),
    ...(maxSessionDurationSeconds === observed.maxSessionDurationSeconds
      ? []
      : [
          driftRow(
            'role.maxSessionDurationSeconds',
            String(maxSessionDurationSeconds),
            String(observed.maxSessionDurationSeconds),
          ),
        ]),
  ];
  if (rows.length === 0) return [];
  return [{ action: { type: 'UpdateRole', description, maxSessionDurationSeconds }, drift: rows }];
}

function tagChanges(desired: DesiredRole, observed: Role, formerTagKeys: readonly string[]): readonly Step[] {
  const tags = new Map([...desired.tags].filter(([key, value]) => tagOf(observed.tags, key) !== value));
  const keys = formerTagKeys.filter(
    (key) => tagOf(desired.tags, key) === undefined && tagOf(observed.tags, key) !== undefined,
  );
  const steps: Step[] = [];
  if (keys.length > 0) {
    steps.push({ action: { type: 'UntagRole', keys }, drift: [driftRow('role.tags', 'absent', keys.join(', '))] });
  }
  if (tags.size > 0) {
    const text = (pairs: Tags): string => [...tags.keys()].map((key) => `${key}=${tagOf(pairs, key) ?? ''}`).join(', ');
    steps.push({
      action: { type: 'TagRole', tags },
      drift: [driftRow('role.tags', text(desired.tags), text(observed.tags))],
    });
  }
  return steps;
}
