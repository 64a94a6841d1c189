import type { Logger } from 'pino';
import { requireAccount } from '../../iam/account.ts';
import type { Reason } from '../../crds/condition.ts';
import type { RoleName } from '../../iam/arn.ts';
import type { Role } from '../../iam/roles.ts';
import { describeOwner, type Tags } from '../../iam/tags.ts';
import { isReady } from '../../kube/conditions.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, PROVIDERS } from '../../kube/kinds.ts';
import { nameOf, type ObjectName } from '../../kube/resource.ts';
import { nameList } from '../../name-list.ts';
import type { Reconcile, Result } from '../../runtime/reconciler.ts';
import { resyncInMs } from '../resync.ts';
import { identityInput, usableProvider } from './accept.ts';
import type { Dependencies } from './dependencies.ts';
import { type Desired, desiredState, pathPrefixOf, type ProviderInput } from './desired.ts';
import { isOrphaned, type OrphanedRoles } from './orphaned-roles.ts';
import { planContextOf, planRole } from './plan.ts';

export type SweepDependencies = Pick<
  Dependencies,
  | 'providers'
  | 'identities'
  | 'accounts'
  | 'knownRoles'
  | 'firstSweeps'
  | 'leftInOrder'
  | 'events'
  | 'cluster'
  | 'settings'
  | 'now'
  | 'random'
> & {
  readonly orphanedRoles: OrphanedRoles;
  /** Wakes the reconcile of an identity whose role differs. */
  readonly enqueue: (identity: ObjectName) => void;
};

interface Candidate {
  readonly identity: AwsFederatedIdentity;
  readonly desired: Desired;
}

/**
 * Looks at all roles of a provider's account at once and compares them in memory: the request names the provider. Roles
 * that differ are handed to the reconcile of their identity; it decides, looks again, and writes. So are identities that
 * somebody wrote to since their last pass. Roles whose identity is gone are nobody's to write to: they are told.
 */
export function sweepDrift(dependencies: SweepDependencies): Reconcile {
  const { enqueue, firstSweeps, identities, leftInOrder, orphanedRoles, providers } = dependencies;
  return async ({ name }, { signal, log }): Promise<Result> => {
    const stored = providers.get({ name });
    if (stored === undefined) orphanedRoles.forget(name);
    if (stored === undefined || !isUsable(stored)) return {}; // a change wakes it
    for (const one of identities.byIndex('provider', name)) if (leftInOrder.hasChanged(one)) enqueue(nameOf(one));
    try {
      const orphans = await sweep(dependencies, usableProvider(name, stored), log, signal);
      tellOfOrphans(dependencies, stored, orphans, log);
    } finally {
      firstSweeps.ended(name);
    }
    return { requeueAfterMs: resyncInMs(dependencies) };
  };
}

const isUsable = (provider: AwsOidcProvider): boolean =>
  provider.metadata.deletionTimestamp === undefined && isReady(provider);

async function sweep(
  dependencies: SweepDependencies,
  provider: ProviderInput,
  log: Logger,
  signal: AbortSignal,
): Promise<ReadonlyMap<RoleName, Tags>> {
  const { accounts, cluster, identities, knownRoles, orphanedRoles, now, enqueue } = dependencies;
  const { spec } = provider;
  const candidates = candidatesOf(dependencies, provider);
  // The first identities wait for the end of the first sweep, and a role counts as orphaned after two of them only.
  if (candidates.length === 0 && !orphanedRoles.hasSwept(provider.name)) return NONE;
  const account = accounts.of(spec);
  await requireAccount(account, spec.accountId, signal);
  const names = new Set(candidates.map(({ desired }) => desired.role.name));
  const isMarked = (tags: Tags): boolean => isOrphaned(tags, cluster, identities);
  const query = { pathPrefix: pathPrefixOf(spec), names, isMarked };
  const { roles, marked } = await account.background.inventory.roles(query, signal);
  let differing = 0;
  for (const candidate of candidates) {
    if (knownRoles.recentlyWritten(candidate.identity.metadata.uid ?? '', now()) !== undefined) continue;
    if (compare(dependencies, candidate, roles) && !showsDrift(candidate)) continue;
    differing += 1;
    enqueue(nameOf(candidate.identity));
  }
  log.debug({ provider: provider.name, roles: roles.size, differing, orphaned: marked.size }, 'swept for drift');
  return marked;
}

const NONE: ReadonlyMap<RoleName, Tags> = new Map();
/** As many names as an Event has room for; the log has all. */
const NAMES_IN_EVENT = 5;

/** A role whose identity is gone is told once: each in the log, and those of a sweep together as an Event. */
function tellOfOrphans(
  { orphanedRoles, events, now }: SweepDependencies,
  { metadata }: AwsOidcProvider,
  orphans: ReadonlyMap<RoleName, Tags>,
  log: Logger,
): void {
  const { name: provider = '' } = metadata;
  const news = orphanedRoles.swept(provider, orphans, now());
  if (news.size === 0) return;
  const reason = 'RoleOrphaned' satisfies Reason;
  for (const [role, tags] of news)
    log.warn({ reason, provider, role, owner: describeOwner(tags) }, 'IAM role is orphaned');
  const names = nameList([...news.keys()], NAMES_IN_EVENT);
  const note = `IAM roles of this cluster have no AwsFederatedIdentity any more: ${names}. They are left as they are, and go on trusting their ServiceAccounts. Make each identity again with spec.adopt, delete the role, or take its tags off.`;
  events.record({ ...PROVIDERS, metadata }, { type: 'Warning', reason, action: 'Sweep', note });
}

/** Identities that should have a role, and whose spec can be understood. The others speak for themselves. */
function candidatesOf({ identities, cluster }: SweepDependencies, provider: ProviderInput): readonly Candidate[] {
  return identities.byIndex('provider', provider.name).flatMap((identity): readonly Candidate[] => {
    const { metadata, spec, status } = identity;
    if (status?.roleId === undefined || metadata.deletionTimestamp !== undefined || spec.suspend) return [];
    try {
      return [{ identity, desired: desiredState(identityInput(identity), provider, cluster) }];
    } catch {
      return []; // refused by its own reconcile, which says why
    }
  });
}

const showsDrift = ({ identity: { status } }: Candidate): boolean => (status?.driftCount ?? 0) > 0;

/** Whether the role is as desired; remembers what was found either way. */
function compare(
  { knownRoles, now }: SweepDependencies,
  { identity, desired }: Candidate,
  roles: ReadonlyMap<RoleName, Role>,
): boolean {
  const { uid = '' } = identity.metadata;
  const observed = roles.get(desired.role.name);
  const plan = planRole(desired.role, observed, planContextOf(identity, desired));
  if (observed === undefined || plan.kind === 'refuse' || plan.actions.length > 0) {
    knownRoles.suspect(uid, observed);
    return false;
  }
  const { arn, id } = observed;
  knownRoles.remember(uid, { desired: desired.role, reference: { arn, id }, written: false }, now());
  return true;
}
