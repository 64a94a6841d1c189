import type { AwsOidcProviderSpec } from '../../crds/aws-oidc-provider.ts';
import { terminal } from '../../errors.ts';
import { type AwsAccount, requireAccount } from '../../iam/account.ts';
import type { Role, RoleReference, Roles } from '../../iam/roles.ts';
import { type AwsFederatedIdentity, IDENTITIES } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import { settlesInMs } from '../settled-reads.ts';
import { announceAdoption, requireRoleToAdopt } from './adoption.ts';
import { applyRole } from './apply.ts';
import type { ConvergeContext, Dependencies } from './dependencies.ts';
import type { Desired } from './desired.ts';
import { observeRole } from './observe.ts';
import { planContextOf, planRole, type RolePlan } from './plan.ts';
import { requireSameAccount } from './same-account.ts';

/** A role that is as the spec says, and when the operator last wrote to it if it was in this pass. */
export interface EnsuredRole extends RoleReference {
  readonly syncedAt?: Date;
}

/** observe → plan → apply for the role. Asks AWS only when something may have changed since the last look. */
export async function ensureRole(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  desired: Desired,
  context: ConvergeContext,
): Promise<EnsuredRole> {
  const { firstSweeps, knownRoles, now } = dependencies;
  const { uid = '' } = identity.metadata;
  const { status } = identity;
  const asKnown = (): RoleReference | undefined => knownRoles.get(uid, desired.role, now());
  let known = asKnown();
  if (status?.roleId !== undefined && known === undefined) {
    await firstSweeps.wait(desired.provider.name, context.signal);
    known = asKnown();
  }
  if (known !== undefined) {
    // Drift that was shown before is gone; and a status that could not be written may still tell of an earlier role and write.
    const syncedAt = knownRoles.recentWriteAt(uid, now());
    context.learn({ role: known, drift: [], tagKeys: desired.tagKeys, ...(syncedAt && { syncedAt }) });
    return known;
  }
  const { spec } = desired.provider;
  requireSameAccount(identity, spec.accountId);
  const { roles } = await accountOf(dependencies, spec, context.signal);
  await holdFinalizer(dependencies, identity, context.signal);
  const observed = await observeRole(roles, dependencies, { identity, desired }, context.signal);
  try {
    return await repair(dependencies, identity, { desired, observed, roles }, context);
  } catch (error) {
    knownRoles.forget(uid); // a plan that broke off leaves the role somewhere between
    throw error;
  }
}

async function accountOf(
  { accounts }: Dependencies,
  spec: AwsOidcProviderSpec,
  signal: AbortSignal,
): Promise<AwsAccount> {
  const account = accounts.of(spec);
  await requireAccount(account, spec.accountId, signal);
  return account;
}

interface Look {
  readonly desired: Desired;
  readonly observed: Role | undefined;
  readonly roles: Roles;
}

async function repair(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { desired, observed, roles }: Look,
  context: ConvergeContext,
): Promise<EnsuredRole> {
  const { learn } = context;
  const { knownRoles, now, onRepair } = dependencies;
  const planContext = planContextOf(identity, desired);
  const plan = planRole(desired.role, observed, planContext);
  if (plan.kind === 'refuse') throw terminal(plan.reason, plan.message);
  requireRoleToAdopt(desired, observed);
  if (identity.spec.managementPolicy === 'Observe')
    return showOnly(dependencies, { identity, desired, observed }, plan, context);
  if (desired.adoption !== undefined) announceAdoption(identity, plan, { ...context, now: now() });
  if (plan.actions.length > 0) {
    // Should it break off, its tags may be there already: a later spec that does not want them must know of them.
    learn({ tagKeys: tagKeysOfEither(identity, desired) });
    context.schedule.wrote(identity.metadata.uid ?? '', now());
  }
  const { reference, changed } = await applyRole(roles, desired.role, observed, {
    ...context,
    plan: planContext,
  });
  const { arn, id } = reference;
  knownRoles.remember(
    identity.metadata.uid ?? '',
    { desired: desired.role, reference: { arn, id }, written: changed },
    now(),
  );
  if (changed && wasInSync(identity) && !isSettling(identity, knownRoles, now())) onRepair(identity, plan.drift);
  const syncedAt = changed ? { syncedAt: now() } : {};
  learn({ role: { arn, id }, drift: [], tagKeys: desired.tagKeys, ...syncedAt });
  return { arn, id, ...syncedAt };
}

/** As many as the status holds. */
const MAX_TAG_KEYS = 50;

const tagKeysOfEither = ({ status }: AwsFederatedIdentity, { tagKeys }: Desired): readonly string[] =>
  [...new Set([...tagKeys, ...(status?.tagKeys ?? [])])].slice(0, MAX_TAG_KEYS).toSorted();

type ApplyPlan = Extract<RolePlan, { kind: 'apply' }>;

/**
 * Shortly after the last write, whichever process made it, IAM's answers can still be from before it: a difference is written
 * again, and is nobody's doing.
 */
function isSettling(
  { status }: AwsFederatedIdentity,
  { consistencyWindowMs }: Dependencies['knownRoles'],
  now: Date,
): boolean {
  if (status?.lastSyncTime === undefined) return false;
  return settlesInMs({ writtenAt: Date.parse(status.lastSyncTime), consistencyWindowMs }, now) > 0;
}

/** A change of AWS that no change of this spec asked for. */
const wasInSync = ({ metadata, status }: AwsFederatedIdentity): boolean =>
  status?.conditions?.some(
    ({ type, status: is, observedGeneration }) =>
      type === 'RoleReady' && is === 'True' && observedGeneration === metadata.generation,
  ) === true;

/** Observe: the same plan, shown instead of carried out. */
function showOnly(
  { knownRoles, now }: Dependencies,
  {
    identity,
    desired,
    observed,
  }: { readonly identity: AwsFederatedIdentity; readonly desired: Desired; readonly observed: Role | undefined },
  { drift }: ApplyPlan,
  { learn }: ConvergeContext,
): EnsuredRole {
  learn({ drift });
  if (observed === undefined) {
    throw terminal(
      'DriftDetected',
      `IAM role ${desired.role.name} does not exist, and managementPolicy is Observe. Set it to Manage to have it created.`,
    );
  }
  const { arn, id } = observed;
  learn({ role: { arn, id } });
  if (drift.length === 0) {
    knownRoles.remember(
      identity.metadata.uid ?? '',
      { desired: desired.role, reference: { arn, id }, written: false },
      now(),
    );
  }
  return { arn, id };
}

/** Before the first write to AWS: from now on the object cannot go without its cleanup. */
async function holdFinalizer(
  { kubernetes }: Dependencies,
  identity: AwsFederatedIdentity,
  signal: AbortSignal,
): Promise<void> {
  const owned = ownedMetadataOf(identity);
  if (owned.finalizer) return;
  await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, finalizer: true }, signal);
}
