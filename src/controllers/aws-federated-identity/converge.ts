import { terminal } from '../../errors.ts';
import { type AwsAccount, requireAccount } from '../../iam/account.ts';
import type { RoleReference } from '../../iam/roles.ts';
import { type AwsFederatedIdentity, IDENTITIES } from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import type { Progress } from '../../kube/progress.ts';
import { API_VERSION } from '../../crds/manifest.ts';
import { claimant, identityInput, usableProvider } from './accept.ts';
import { type ApplyContext, applyBinding, applyRole } from './apply.ts';
import type { Dependencies } from './dependencies.ts';
import { type Desired, desiredState } from './desired.ts';
import type { KnownRoles } from './known-roles.ts';
import { observeBinding, observeRole } from './observe.ts';
import { planRole } from './plan.ts';
import { planBinding } from './plan-binding.ts';
import type { Findings, Step } from './status.ts';
import { type VerificationSchedule, verifyFederation } from './verify.ts';

export interface ConvergeContext extends ApplyContext {
  readonly progress: Progress<Step>;
  readonly schedule: VerificationSchedule;
  readonly knownRoles: KnownRoles;
  readonly learn: (findings: Findings) => void;
}

/** Brings AWS and the cluster to what the spec says, step by step: each step is a condition, and the first failure ends it. */
export async function converge(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: ConvergeContext,
): Promise<void> {
  const { progress } = context;
  const { providerRef, serviceAccount } = identity.spec;
  const provider = await progress.run(
    'ResolvedRefs',
    () => usableProvider(providerRef.name, dependencies.providers.get(providerRef)),
    ({ name }) => `AwsOidcProvider "${name}" is ready.`,
  );
  const desired = await progress.run(
    'Accepted',
    async () => {
      const accepted = desiredState(identityInput(identity), provider, dependencies.cluster);
      await claimServiceAccount(dependencies, identity, context);
      return accepted;
    },
    () => 'The spec is valid and within the guardrails of the provider.',
  );
  const role = await progress.run(
    'RoleReady',
    () => ensureRole(dependencies, identity, desired, context),
    ({ arn }) => `IAM role ${arn} is as the spec says.`,
  );
  await progress.run(
    'ServiceAccountReady',
    () => bind(dependencies, identity, { role, desired }, context),
    () => `ServiceAccount ${serviceAccount.name} is bound to the role, and its pods are injected.`,
  );
  if (dependencies.settings.verification === 'off') return;
  await progress.run(
    'FederationVerified',
    () => verify(dependencies, identity, { role, desired }, context),
    () => 'STS exchanged a token of the ServiceAccount for credentials of the role.',
  );
}

/** Only the oldest identity of a ServiceAccount has it. The others are marked bound too, so that they cannot hold up its pods. */
async function claimServiceAccount(
  { identities, kubernetes }: Dependencies,
  identity: AwsFederatedIdentity,
  { signal }: ApplyContext,
): Promise<void> {
  const { namespace, uid } = identity.metadata;
  const { name } = identity.spec.serviceAccount;
  const owner = claimant(identities.byIndex('serviceAccount', `${namespace}/${name}`));
  if (owner === undefined || owner.metadata.uid === uid) return;
  const owned = ownedMetadataOf(identity);
  if (!owned.bound)
    await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, bound: true }, signal);
  throw terminal(
    'ServiceAccountConflict',
    `ServiceAccount ${namespace}/${name} already belongs to the older AwsFederatedIdentity "${owner.metadata.name}". A ServiceAccount has one role: delete one of the two, or use another ServiceAccount.`,
  );
}

/** A role that is as the spec says, and when the operator last wrote to it if it was in this pass. */
interface EnsuredRole extends RoleReference {
  readonly syncedAt?: Date;
}

async function ensureRole(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  desired: Desired,
  context: ConvergeContext,
): Promise<EnsuredRole> {
  const { signal, learn, knownRoles } = context;
  const { accounts, now } = dependencies;
  const { uid = '' } = identity.metadata;
  const known = knownRoles.get(uid, desired.role, now());
  if (known !== undefined) return known;
  const account = accounts.inRegion(desired.region);
  await requireAccount(account, desired.accountId, signal);
  await holdFinalizer(dependencies, identity, signal);
  if (identity.spec.managementPolicy === 'Observe') return observeOnly(account, identity, desired, context);
  const plan = { owner: desired.owner, formerTagKeys: identity.status?.tagKeys ?? [] };
  const observed = await observeRole(account.roles, identity, desired.role.name, signal);
  const { reference, changed } = await applyRole(account.roles, desired.role, observed, { ...context, plan });
  const { arn, id } = reference;
  knownRoles.remember(uid, desired.role, { arn, id }, now());
  const syncedAt = changed ? { syncedAt: now() } : {};
  learn({ role: { arn, id }, drift: [], tagKeys: desired.tagKeys, ...syncedAt });
  return { arn, id, ...syncedAt };
}

/** The same plan, shown instead of carried out. */
async function observeOnly(
  { roles }: AwsAccount,
  identity: AwsFederatedIdentity,
  desired: Desired,
  { signal, learn }: ConvergeContext,
): Promise<EnsuredRole> {
  const observed = await roles.get(desired.role.name, signal);
  const plan = planRole(desired.role, observed, {
    owner: desired.owner,
    formerTagKeys: identity.status?.tagKeys ?? [],
  });
  if (plan.kind === 'refuse') throw terminal(plan.reason, plan.message);
  learn({ drift: plan.drift });
  if (observed === undefined) {
    throw terminal(
      'DriftDetected',
      `IAM role ${desired.role.name} does not exist, and managementPolicy is Observe. Set it to Manage to have it created.`,
    );
  }
  const { arn, id } = observed;
  learn({ role: { arn, id } });
  return { arn, id };
}

/** Before the first write to AWS: from now on the object cannot go without its cleanup. */
async function holdFinalizer(
  { kubernetes }: Dependencies,
  identity: AwsFederatedIdentity,
  signal: AbortSignal,
): Promise<void> {
  const owned = ownedMetadataOf(identity);
  if (!owned.finalizer)
    await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, finalizer: true }, signal);
}

interface Bound {
  readonly role: EnsuredRole;
  readonly desired: Desired;
}

async function bind(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { role, desired }: Bound,
  context: ApplyContext,
): Promise<void> {
  const { namespace = '', name = '', uid = '' } = identity.metadata;
  const observed = await observeBinding(dependencies, identity, context.signal);
  const owner = { apiVersion: API_VERSION, kind: IDENTITIES.kind, name, uid, controller: true };
  const injection = { roleArn: role.arn, ...desired.injection };
  const plan = planBinding({ namespace, serviceAccount: identity.spec.serviceAccount, injection, owner }, observed);
  await applyBinding(dependencies.kubernetes, identity, plan, context);
}

/** After each change of the role or the spec, and then rarely. */
async function verify(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { role, desired }: Bound,
  context: ConvergeContext,
): Promise<void> {
  const { schedule, signal, learn } = context;
  const now = dependencies.now();
  const { uid = '', generation } = identity.metadata;
  const before = identity.status?.conditions?.find(({ type }) => type === 'FederationVerified');
  const isSameRole = role.syncedAt === undefined && identity.status?.roleId === role.id;
  const isProven = isSameRole && before?.status === 'True' && before.observedGeneration === generation;
  if (isProven && !schedule.isDue(uid, now)) return;
  const { lastSyncTime } = identity.status ?? {};
  const lastWrite = role.syncedAt ?? (lastSyncTime === undefined ? undefined : new Date(lastSyncTime));
  await verifyFederation(dependencies, { identity, roleArn: role.arn, region: desired.region, lastWrite }, signal);
  schedule.verified(uid, now);
  if (!isProven) learn({ verifiedAt: now });
}
