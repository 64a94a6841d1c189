import { waiting } from '../../errors.ts';
import { requireAccount } from '../../iam/account.ts';
import type { IssuerUrl, RoleName } from '../../iam/arn.ts';
import { isOwnedBy, lacksOtherOwner } from '../../iam/tags.ts';
import { undefinedIfNotFound } from '../../kube/errors.ts';
import { CONFIG_MAPS, TABLE_NAME } from '../../kube/injection-table.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  IDENTITIES,
  MANAGED_LABEL,
  SERVICE_ACCOUNTS,
} from '../../kube/kinds.ts';
import { applyOwnedMetadata, ownedMetadataOf } from '../../kube/owned-metadata.ts';
import { type KubernetesResource, nameOf } from '../../kube/resource.ts';
import { requireSettled } from '../settled-reads.ts';
import { claimant } from './accept.ts';
import { type ApplyContext, applyAction } from './apply.ts';
import type { Dependencies } from './dependencies.ts';
import { roleNameOf } from './desired.ts';
import { planRoleDeletion } from './plan.ts';
import { isMadeFor } from './plan-binding.ts';
import { requireSameAccount } from './same-account.ts';

interface CleanupContext extends ApplyContext {
  /** As `CleanupStarts` has it. */
  readonly startedAt: number;
}

/**
 * Undoes everything in the opposite order: no new pods, no table entry, no ServiceAccount of ours, no role; the finalizer
 * last. Each part may be gone already, so that a crash anywhere is only a second start.
 */
export async function cleanUp(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  context: CleanupContext,
): Promise<void> {
  const { kubernetes, identities } = dependencies;
  const { namespace, uid } = identity.metadata;
  const sameServiceAccount = identities.byIndex('serviceAccount', `${namespace}/${identity.spec.serviceAccount.name}`);
  const isClaimant = claimant(sameServiceAccount)?.metadata.uid === uid;
  if (isClaimant) {
    // Pods of those that come next wait, like ours, until their own table entry is there.
    // The index can be older than our own writes to them.
    for (const one of sameServiceAccount) await closeGate(dependencies, identities.get(nameOf(one)) ?? one, context);
    await removeTableEntry(dependencies, identity, context);
    await releaseServiceAccount(dependencies, identity, context);
  }
  if (staysInAws(identity)) tellOfStay(dependencies, identity, context.log);
  else await deleteRole(dependencies, identity, context);
  if (isClaimant) {
    // One that came at the moment of the deletion may have opened its gate since, as it did not know of it.
    const others = identities.byIndex('serviceAccount', `${namespace}/${identity.spec.serviceAccount.name}`);
    for (const one of others.filter(({ metadata }) => metadata.uid !== uid))
      await closeGate(dependencies, identities.get(nameOf(one)) ?? one, context);
  }
  await applyOwnedMetadata(
    kubernetes,
    { ...identity, type: IDENTITIES },
    { finalizer: false, bound: false },
    context.signal,
  );
}

/** Without the label, the pending gate denies new pods of the ServiceAccount. */
async function closeGate(
  { kubernetes }: Dependencies,
  identity: AwsFederatedIdentity,
  { signal }: ApplyContext,
): Promise<void> {
  const owned = ownedMetadataOf(identity);
  if (owned.bound)
    await applyOwnedMetadata(kubernetes, { ...identity, type: IDENTITIES }, { ...owned, bound: false }, signal);
}

async function removeTableEntry(
  { kubernetes, tables }: Dependencies,
  { metadata: { namespace }, spec: { serviceAccount } }: AwsFederatedIdentity,
  { signal, log }: ApplyContext,
): Promise<void> {
  const name = { namespace, name: TABLE_NAME };
  const table = tables.get(name);
  const entries = Object.keys(table?.data ?? {});
  if (table === undefined || !entries.includes(serviceAccount.name)) return;
  if (entries.length === 1) {
    const { uid, resourceVersion } = table.metadata;
    await kubernetes.delete(CONFIG_MAPS, name, { uid, resourceVersion }, signal).catch(undefinedIfNotFound);
  } else {
    const patch = { data: { [serviceAccount.name]: null } };
    await kubernetes.mergePatch(CONFIG_MAPS, name, patch, signal).catch(undefinedIfNotFound);
  }
  log.info({ action: 'RemoveTableEntry' }, 'changed the cluster');
}

/** Deletes the ServiceAccount if the operator made it; else takes back its own annotations and label. */
async function releaseServiceAccount(
  { kubernetes }: Dependencies,
  { metadata, spec }: AwsFederatedIdentity,
  { signal, log }: ApplyContext,
): Promise<void> {
  const { namespace = '' } = metadata;
  const { name } = spec.serviceAccount;
  const observed = await kubernetes
    .get<KubernetesResource>(SERVICE_ACCOUNTS, { namespace, name }, signal)
    .catch(undefinedIfNotFound);
  if (observed?.metadata.labels?.[MANAGED_LABEL] === undefined) return;
  const { uid = '' } = observed.metadata;
  if (isMadeFor({ uid: metadata.uid ?? '' }, observed)) {
    await kubernetes.delete(SERVICE_ACCOUNTS, { namespace, name }, { uid }, signal).catch(undefinedIfNotFound);
    log.info({ action: 'DeleteServiceAccount' }, 'changed the cluster');
  } else {
    await kubernetes.apply<KubernetesResource>(SERVICE_ACCOUNTS, { metadata: { namespace, name, uid } }, signal);
    log.info({ action: 'ReleaseServiceAccount' }, 'changed the cluster');
  }
}

/** Break-glass, when AWS cannot be reached any more: the annotation with the ARN of the role leaves it behind. */
const ABANDON = 'federatedidentity.dev/abandon';

/** Whether somebody asked, by its ARN, for the role to be left behind. */
export const isAbandoned = ({ metadata, status }: AwsFederatedIdentity): boolean =>
  status?.roleArn !== undefined && metadata.annotations?.[ABANDON] === status.roleArn;

/** Whether the role outlives its identity. */
export const staysInAws = (identity: AwsFederatedIdentity): boolean =>
  identity.spec.deletionPolicy === 'Retain' || identity.spec.managementPolicy === 'Observe' || isAbandoned(identity);

/** A role that the operator made, and that stays, is a door that stays open: its trust policy knows no UID. */
function tellOfStay(
  { events }: Pick<Dependencies, 'events'>,
  { spec, metadata, status }: AwsFederatedIdentity,
  log: ApplyContext['log'],
): void {
  if (status?.roleArn === undefined || spec.managementPolicy === 'Observe') return;
  const note = `IAM role ${status.roleArn} stays in AWS, and goes on trusting ServiceAccount ${metadata.namespace}/${spec.serviceAccount.name}: whoever makes that anew has the role. Delete the role, or its trust policy, before the namespace is somebody else's.`;
  log.warn({ role: status.roleArn }, 'IAM role stays in AWS');
  events.record({ ...IDENTITIES, metadata }, { type: 'Warning', reason: 'Deleting', action: 'Retain', note });
}

/** Where the role of a deleted identity is looked for. */
export interface RolePlace {
  readonly name: RoleName;
  /** Of the provider, which says the account. */
  readonly spec: AwsOidcProvider['spec'];
}

/** Undefined for an identity that never got a role. Throws while the account is unknown, or not the role's. */
export function placeOfRole(
  identity: AwsFederatedIdentity,
  provider: AwsOidcProvider | undefined,
): RolePlace | undefined {
  const { spec, status } = identity;
  if (provider?.status?.issuer === undefined) {
    if (status?.roleId === undefined) return undefined;
    throw waiting(
      'ProviderNotFound',
      `AwsOidcProvider "${spec.providerRef.name}" is not there, so the account of the role is unknown. Restore it, or leave the role in AWS: set deletionPolicy: Retain, or the annotation ${ABANDON} to ${status?.roleArn ?? 'its ARN'}.`,
      30_000,
    );
  }
  requireSameAccount(identity, provider.spec.accountId);
  return { name: lastRoleName(identity, provider.status.issuer), spec: provider.spec };
}

/** The name of the role that an identity has or had; its spec need not be valid any more. */
export const lastRoleName = (
  { metadata: { namespace = '', name = '' }, spec, status }: AwsFederatedIdentity,
  issuer: IssuerUrl,
): RoleName => roleNameOf({ namespace, name, spec, roleArn: status?.roleArn }, issuer);

async function deleteRole(
  dependencies: Dependencies,
  identity: AwsFederatedIdentity,
  { signal, log, startedAt }: CleanupContext,
): Promise<void> {
  const place = placeOfRole(identity, dependencies.providers.get(identity.spec.providerRef));
  if (place === undefined) return;
  const { namespace = '', name = '', uid = '' } = identity.metadata;
  const { name: roleName, spec } = place;
  const account = dependencies.accounts.of(spec);
  await requireAccount(account, spec.accountId, signal);
  const observed = await account.roles.get(roleName, signal);
  const owner = { cluster: dependencies.cluster, namespace, name, uid };
  if (observed === undefined || !isOwnedBy(observed.tags, owner)) {
    const { consistencyWindowMs } = dependencies.knownRoles;
    requireSettled(
      { writtenAt: startedAt, consistencyWindowMs },
      dependencies.now(),
      `IAM shows no role ${roleName} of this identity. Its answers can be late after a write, so it is asked again until they cannot be.`,
    );
    // Ours, but its tags were taken off, and without them it is not written to.
    if (observed !== undefined && observed.id === identity.status?.roleId && lacksOtherOwner(observed.tags, owner))
      tellOfStay(dependencies, identity, log);
    log.warn({ role: roleName, isThere: observed !== undefined }, 'there is no IAM role of ours to delete');
    return;
  }
  for (const action of planRoleDeletion(observed)) {
    await applyAction(account.roles, roleName, action, signal);
    log.info({ action: action.type, role: roleName }, 'changed IAM role');
  }
}
