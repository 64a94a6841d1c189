import { waiting } from '../../errors.ts';
import type { Role, Roles } from '../../iam/roles.ts';
import { undefinedIfNotFound } from '../../kube/errors.ts';
import { entryOf, TABLE_NAME } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import { ownedMetadataOf } from '../../kube/owned-metadata.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import type { Dependencies } from './dependencies.ts';
import type { Desired } from './desired.ts';

/** The cluster's side of an identity as it is. */
export interface ObservedBinding {
  readonly serviceAccount: KubernetesResource | undefined;
  /** The ServiceAccount's entry in the injection table. */
  readonly entry: string | undefined;
  readonly bound: boolean;
}

/**
 * The role as IAM has it, for as few calls as it takes to be sure:
 * - shortly after our own write, what we wrote, since IAM's answers can still be older, with one call for whether it is the
 *   same role;
 * - after the drift sweep, what it saw, with one call for what decides over ownership;
 * - for an identity that never had a role, nothing: CreateRole itself says whether the name is taken;
 * - else all of it.
 */
export async function observeRole(
  roles: Roles,
  { knownRoles, now }: Pick<Dependencies, 'knownRoles' | 'now'>,
  { identity, desired }: { readonly identity: AwsFederatedIdentity; readonly desired: Desired },
  signal: AbortSignal,
): Promise<Role | undefined> {
  const { uid = '' } = identity.metadata;
  const { name } = desired.role;
  const written = knownRoles.recentlyWritten(uid, now());
  if (written !== undefined) {
    requireSameRole(written, await roles.getSettings(name, signal));
    return written;
  }
  const swept = knownRoles.takeSuspect(uid)?.observed;
  if (swept !== undefined) {
    const settings = await roles.getSettings(name, signal);
    return settings === undefined ? undefined : { ...swept, ...settings };
  }
  const isNew = identity.status?.roleId === undefined && desired.adoption === undefined;
  const isReadOnly = identity.spec.managementPolicy === 'Observe';
  return isNew && !isReadOnly ? undefined : roles.get(name, signal);
}

const OTHER_ROLE_RETRY_MS = 10_000;

/** A role with another id is somebody else's, or an answer that is too old: the next look tells which. A role that is not found is only late. */
function requireSameRole({ id, name }: Role, found: Pick<Role, 'id'> | undefined): void {
  if (found === undefined || found.id === id) return;
  throw waiting(
    'Propagating',
    `IAM shows a role ${name} with the id ${found.id}, and the one that was written to moments ago has ${id}: its answers can be late, or somebody has made another one. It is looked at again.`,
    OTHER_ROLE_RETRY_MS,
  );
}

export async function observeBinding(
  { kubernetes, serviceAccounts, tables }: Dependencies,
  identity: AwsFederatedIdentity,
  signal: AbortSignal,
): Promise<ObservedBinding> {
  const { namespace } = identity.metadata;
  const { name } = identity.spec.serviceAccount;
  return {
    serviceAccount:
      serviceAccounts.get({ namespace, name }) ??
      (await kubernetes
        .get<KubernetesResource>(SERVICE_ACCOUNTS, { namespace, name }, signal)
        .catch(undefinedIfNotFound)),
    entry: entryOf(tables.get({ namespace, name: TABLE_NAME }), name),
    bound: ownedMetadataOf(identity).bound,
  };
}
