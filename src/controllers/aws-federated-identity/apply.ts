import pRetry from 'p-retry';
import type { Logger } from 'pino';
import { ReconcileError, retryable, terminal, waiting } from '../../errors.ts';
import type { RoleName } from '../../iam/arn.ts';
import type { DesiredRole, Role, RoleReference, Roles } from '../../iam/roles.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import { isConflict, toKubernetesError } from '../../kube/errors.ts';
import { type AwsFederatedIdentity, IDENTITIES, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { applyOwnedMetadata } from '../../kube/owned-metadata.ts';
import { type KubernetesResource, nameOf } from '../../kube/resource.ts';
import { changeEntries } from '../../kube/table-entries.ts';
import { sleep } from '../../runtime/abort.ts';
import { type PlanContext, planRole, type RoleAction } from './plan.ts';
import type { BindingAction } from './plan-binding.ts';

export interface ApplyContext {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A role after its plan was carried out. */
export interface AppliedRole {
  readonly reference: RoleReference;
  /** Whether anything was written. */
  readonly changed: boolean;
}

/**
 * Carries out the plan for a role. When CreateRole finds the name taken, after a crash or a lost response of our own or by
 * somebody else, the role is looked at and planned once more. Throws RoleNotOwned without a write.
 */
export async function applyRole(
  roles: Roles,
  desired: DesiredRole,
  observed: Role | undefined,
  { plan: planContext, ...context }: ApplyContext & { readonly plan: PlanContext },
): Promise<AppliedRole> {
  const plan = planRole(desired, observed, planContext);
  if (plan.kind === 'refuse') throw terminal(plan.reason, plan.message);
  let reference: RoleReference | undefined = observed;
  let isTagNew = false;
  for (const action of plan.actions) {
    const apply = () => applyAction(roles, desired.name, action, context.signal);
    const created = await (isTagNew ? untilTagIsKnown(apply, context.signal) : apply());
    if (created === 'EntityAlreadyExists') {
      const existing = await roles.get(desired.name, context.signal);
      if (existing === undefined)
        throw retryable('AwsRequestFailed', `IAM role ${desired.name} exists, but cannot be read yet.`);
      return applyRole(roles, desired, existing, { plan: planContext, ...context });
    }
    context.log.info({ action: action.type, role: desired.name }, 'changed IAM role');
    reference = created ?? reference;
    isTagNew ||= action.type === 'CreateRole' || action.type === 'TagRole';
  }
  if (reference === undefined) throw retryable('InternalError', `The plan for IAM role ${desired.name} created none.`);
  return { reference, changed: plan.actions.length > 0 };
}

const TAG_PATIENCE = { retries: 3, minTimeout: 1_000, factor: 2 };

/**
 * The operator may change roles that carry its tag, and IAM spreads a new tag as late as it spreads all else: a refusal right
 * after the tag was written is asked again for some seconds.
 */
const untilTagIsKnown = <T>(apply: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  pRetry(apply, {
    ...TAG_PATIENCE,
    signal,
    shouldRetry: ({ error }) => error instanceof ReconcileError && error.reason === 'AccessDenied',
  });

/** One action, one call. Only CreateRole answers something: the new role, or that the name is taken. */
export async function applyAction(
  roles: Roles,
  name: RoleName,
  action: RoleAction,
  signal: AbortSignal,
): Promise<RoleReference | 'EntityAlreadyExists' | undefined | void> {
  switch (action.type) {
    case 'CreateRole':
      return roles.create(action.role, signal);
    case 'DetachRolePolicy':
      return roles.detachPolicy(name, action.policyArn, signal);
    case 'DeleteRolePolicy':
      return roles.deleteInlinePolicy(name, action.policyName, signal);
    case 'UpdateAssumeRolePolicy':
      return roles.updateTrustPolicy(name, action.document, signal);
    case 'PutRolePermissionsBoundary':
      return roles.putPermissionsBoundary(name, action.boundaryArn, signal);
    case 'DeleteRolePermissionsBoundary':
      return roles.deletePermissionsBoundary(name, signal);
    case 'UpdateRole':
      return roles.update(name, action, signal);
    case 'TagRole':
      return roles.tag(name, action.tags, signal);
    case 'UntagRole':
      return roles.untag(name, action.keys, signal);
    case 'PutRolePolicy':
      return roles.putInlinePolicy(name, action.policyName, action.document, signal);
    case 'AttachRolePolicy':
      return roles.attachPolicy(name, action.policyArn, signal);
    case 'DeleteRole':
      return roles.delete(name, signal);
    default:
      return action satisfies never;
  }
}

/** Every API server must have seen the table entry before the gate opens. */
const TABLE_SPREAD_MS = 500;

/** Carries out the plan for the cluster's side, in its order. */
export async function applyBinding(
  kubernetes: KubernetesClient,
  identity: AwsFederatedIdentity,
  actions: readonly BindingAction[],
  { signal, log }: ApplyContext,
): Promise<void> {
  let tableChanged = false;
  for (const action of actions) {
    switch (action.type) {
      case 'PutTableEntry':
        await putTableEntry(kubernetes, identity, action.entry, signal);
        tableChanged = true;
        break;
      case 'ApplyServiceAccount':
        await applyServiceAccount(kubernetes, action.serviceAccount, signal);
        break;
      case 'MarkBound':
        if (tableChanged) await sleep(TABLE_SPREAD_MS, signal);
        signal.throwIfAborted();
        await applyOwnedMetadata(
          kubernetes,
          { ...identity, type: IDENTITIES },
          { finalizer: true, bound: true },
          signal,
        );
        break;
      default:
        action satisfies never;
    }
    log.info({ action: action.type }, 'changed the cluster');
  }
}

/** Writes the entry of the identity's ServiceAccount, and no other. */
async function putTableEntry(
  kubernetes: KubernetesClient,
  { metadata: { namespace = '' }, spec: { serviceAccount } }: AwsFederatedIdentity,
  entry: string,
  signal: AbortSignal,
): Promise<void> {
  await changeEntries(kubernetes, namespace, { [serviceAccount.name]: entry }, signal);
}

async function applyServiceAccount(
  kubernetes: KubernetesClient,
  serviceAccount: KubernetesResource,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = nameOf(serviceAccount);
  try {
    await kubernetes.apply(SERVICE_ACCOUNTS, serviceAccount, signal);
  } catch (error) {
    if (!isConflict(error)) throw toKubernetesError(`ServiceAccount ${namespace}/${name}`, error);
    const text = error instanceof Error ? error.message : String(error);
    throw waiting(
      'ServiceAccountConflict',
      `Somebody else sets annotations of ServiceAccount ${namespace}/${name} that the operator needs, and is not overruled: ${text}. Remove eks.amazonaws.com/* from the other manifest.`,
      60_000,
      { cause: error },
    );
  }
}
