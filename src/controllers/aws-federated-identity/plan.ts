import type { Drift } from '../../crds/aws-federated-identity.ts';
import type { Reason } from '../../crds/condition.ts';
import type { PolicyArn, RoleName } from '../../iam/arn.ts';
import { type PolicyDocument, samePolicyDocument } from '../../iam/policy-document.ts';
import type { DesiredRole, Role } from '../../iam/roles.ts';
import { isOwnedBy, type Tags } from '../../iam/tags.ts';
import { closedTrustPolicy } from '../../iam/trust-policy.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import { cutTo } from '../../printable.ts';
import type { Desired } from './desired.ts';
import { type OwnershipContext, ownershipOf } from './ownership.ts';

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

interface Step {
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
  const boundary = boundaryChange(desired, observed);
  const isBoundaryAdded = observed.permissionsBoundaryArn === undefined;
  const isBoundaryRemoved = desired.permissionsBoundaryArn === undefined;
  const closes = mustClose(desired, observed);
  const trust = closes ? [reopening(desired, observed)] : trustUpdate(desired, observed);
  return [
    ...(isBoundaryAdded && closes ? boundary : []), // where one is forced, AWS may refuse other changes without it
    ...(closes ? closing(desired, observed) : []),
    ...detachments(desired, observed),
    ...inlineDeletions(desired, observed),
    ...(isBoundaryAdded && !closes ? boundary : []),
    ...(closes ? [] : trust),
    ...(isBoundaryAdded || isBoundaryRemoved ? [] : boundary),
    ...settingsUpdate(desired, observed),
    ...tags,
    ...inlineWrites(desired, observed),
    ...attachments(desired, observed),
    ...(isBoundaryRemoved ? boundary : []),
    ...(closes ? trust : []),
  ];
}

/**
 * Whether two of trust policy, boundary and an inline document are replaced by something else at once. No order of single
 * calls does that without a moment in which more is allowed than before or after, unless nobody is let in meanwhile.
 */
function mustClose(desired: DesiredRole, observed: Role): boolean {
  const [want, have] = [desired.permissionsBoundaryArn, observed.permissionsBoundaryArn];
  const isInlineReplaced = inlineWrites(desired, observed).some(
    ({ action }) => action.type === 'PutRolePolicy' && observed.inlinePolicies.has(action.policyName),
  );
  const replaced = [
    trustUpdate(desired, observed).length > 0,
    want !== undefined && have !== undefined && want !== have,
    isInlineReplaced,
  ];
  return replaced.filter(Boolean).length > 1;
}

function closing({ trustPolicy }: DesiredRole, observed: Role): readonly Step[] {
  const document = closedTrustPolicy(trustPolicy);
  if (samePolicyDocument(document, observed.trustPolicy)) return [];
  return [{ action: { type: 'UpdateAssumeRolePolicy', document }, drift: [] }];
}

const reopening = (desired: DesiredRole, observed: Role): Step => ({
  action: { type: 'UpdateAssumeRolePolicy', document: desired.trustPolicy },
  drift: trustUpdate(desired, observed).flatMap((step) => step.drift),
});

/** Everything that IAM demands to be gone before DeleteRole, and DeleteRole itself. */
export function planRoleDeletion(observed: Role): readonly RoleAction[] {
  return [
    ...[...observed.managedPolicyArns].map((policyArn) => ({ type: 'DetachRolePolicy', policyArn }) as const),
    ...[...observed.inlinePolicies.keys()].map((policyName) => ({ type: 'DeleteRolePolicy', policyName }) as const),
    { type: 'DeleteRole' },
  ];
}

const applyPlan = (name: RoleName, steps: readonly Step[], adopts: boolean): RolePlan => ({
  kind: 'apply',
  name,
  actions: steps.map(({ action }) => action),
  drift: steps.flatMap((step) => step.drift),
  adopts,
});

const NOTHING: Pick<DesiredRole, 'managedPolicyArns' | 'inlinePolicies'> = {
  managedPolicyArns: new Set(),
  inlinePolicies: new Map(),
};

/** CreateRole carries trust policy, boundary, path, description, session and tags. */
function creation(role: DesiredRole): readonly Step[] {
  return [
    { action: { type: 'CreateRole', role }, drift: [drift('role', role.name, 'absent')] },
    ...inlineWrites(role, NOTHING),
    ...attachments(role, NOTHING),
  ];
}

type Policies = Pick<DesiredRole, 'managedPolicyArns' | 'inlinePolicies'>;

const attachments = (desired: Policies, observed: Policies): readonly Step[] =>
  [...desired.managedPolicyArns.difference(observed.managedPolicyArns)].toSorted().map((policyArn) => ({
    action: { type: 'AttachRolePolicy', policyArn },
    drift: [drift('role.managedPolicyArns', policyArn, 'not attached')],
  }));

const detachments = (desired: Policies, observed: Policies): readonly Step[] =>
  [...observed.managedPolicyArns.difference(desired.managedPolicyArns)].toSorted().map((policyArn) => ({
    action: { type: 'DetachRolePolicy', policyArn },
    drift: [drift('role.managedPolicyArns', 'not attached', policyArn)],
  }));

const inlineDeletions = (desired: Policies, observed: Policies): readonly Step[] =>
  [...observed.inlinePolicies]
    .filter(([policyName]) => !desired.inlinePolicies.has(policyName))
    .map(([policyName, document]) => ({
      action: { type: 'DeleteRolePolicy', policyName },
      drift: [drift(`role.inlinePolicies[${policyName}]`, 'absent', document)],
    }));

const inlineWrites = (desired: Policies, observed: Policies): readonly Step[] =>
  [...desired.inlinePolicies].flatMap(([policyName, document]): readonly Step[] => {
    const have = observed.inlinePolicies.get(policyName);
    if (have !== undefined && samePolicyDocument(document, have)) return [];
    return [
      {
        action: { type: 'PutRolePolicy', policyName, document },
        drift: [drift(`role.inlinePolicies[${policyName}]`, document, have ?? 'absent')],
      },
    ];
  });

function trustUpdate({ trustPolicy: document }: DesiredRole, { trustPolicy: have }: Role): readonly Step[] {
  if (samePolicyDocument(document, have)) return [];
  return [{ action: { type: 'UpdateAssumeRolePolicy', document }, drift: [drift('role.trustPolicy', document, have)] }];
}

function boundaryChange(
  { permissionsBoundaryArn: want }: DesiredRole,
  { permissionsBoundaryArn: have }: Role,
): readonly Step[] {
  if (want === have) return [];
  const row = [drift('role.permissionsBoundaryArn', want ?? 'absent', have ?? 'absent')];
  return want === undefined
    ? [{ action: { type: 'DeleteRolePermissionsBoundary' }, drift: row }]
    : [{ action: { type: 'PutRolePermissionsBoundary', boundaryArn: want }, drift: row }];
}

function settingsUpdate(desired: DesiredRole, observed: Role): readonly Step[] {
  const { description, maxSessionDurationSeconds } = desired;
  const rows = [
    ...(description === observed.description ? [] : [drift('role.description', description, observed.description)]),
    ...(maxSessionDurationSeconds === observed.maxSessionDurationSeconds
      ? []
      : [
          drift(
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
  const tags = new Map([...desired.tags].filter(([key, value]) => observed.tags.get(key) !== value));
  const keys = formerTagKeys.filter((key) => !desired.tags.has(key) && observed.tags.has(key));
  const steps: Step[] = [];
  if (keys.length > 0) {
    steps.push({ action: { type: 'UntagRole', keys }, drift: [drift('role.tags', 'absent', keys.join(', '))] });
  }
  if (tags.size > 0) {
    const text = (pairs: Tags): string => [...tags.keys()].map((key) => `${key}=${pairs.get(key) ?? ''}`).join(', ');
    steps.push({
      action: { type: 'TagRole', tags },
      drift: [drift('role.tags', text(desired.tags), text(observed.tags))],
    });
  }
  return steps;
}

const MAX_VALUE = 256;

/** How much is shown before the first difference of long texts. */
const MARGIN = 64;

/** Trust policies begin alike for longer than what is shown, so that a row would read the same on both sides. */
function drift(path: string, want: string, have: string): Drift {
  const from = firstDifference(want, have) - MARGIN;
  const isCut = from > 0 && Math.max(want.length, have.length) > MAX_VALUE;
  const shown = (text: string): string => cutTo(isCut ? `…${text.slice(from)}` : text, MAX_VALUE);
  return { path: cutTo(path, MAX_VALUE), want: shown(want), have: shown(have) };
}

function firstDifference(a: string, b: string): number {
  let index = 0;
  while (index < a.length && a[index] === b[index]) index += 1;
  return index;
}
