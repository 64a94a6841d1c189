import type { Logger } from 'pino';
import { requireAccount } from '../../iam/account.ts';
import type { RoleName } from '../../iam/arn.ts';
import type { Role } from '../../iam/roles.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { nameOf, type ObjectName } from '../../kube/resource.ts';
import type { Reconcile, Result } from '../../runtime/reconciler.ts';
import { identityInput, usableProvider } from './accept.ts';
import type { Dependencies } from './dependencies.ts';
import { type Desired, desiredState, pathPrefixOf, type ProviderInput } from './desired.ts';
import { planContextOf, planRole } from './plan.ts';

export type SweepDependencies = Pick<
  Dependencies,
  'providers' | 'identities' | 'accounts' | 'knownRoles' | 'firstSweeps' | 'cluster' | 'settings' | 'now' | 'random'
> & {
  /** Wakes the reconcile of an identity whose role differs. */
  readonly enqueue: (identity: ObjectName) => void;
};

interface Candidate {
  readonly identity: AwsFederatedIdentity;
  readonly desired: Desired;
}

/**
 * Looks at all roles of a provider's account at once and compares them in memory: the request names the provider. Roles
 * that differ are handed to the reconcile of their identity; it decides, looks again, and writes.
 */
export function sweepDrift(dependencies: SweepDependencies): Reconcile {
  const { firstSweeps, providers, random, settings } = dependencies;
  return async ({ name }, { signal, log }): Promise<Result> => {
    const stored = providers.get({ name });
    if (stored === undefined || !isReady(stored)) return {}; // a change wakes it
    try {
      await sweep(dependencies, usableProvider(name, stored), log, signal);
    } finally {
      firstSweeps.ended(name);
    }
    return { requeueAfterMs: settings.resyncIntervalMs * (0.9 + 0.2 * random()) };
  };
}

const isReady = ({ status, metadata }: AwsOidcProvider): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some(
    ({ type, status: is, observedGeneration }) =>
      type === 'Ready' && is === 'True' && observedGeneration === metadata.generation,
  ) === true;

async function sweep(
  dependencies: SweepDependencies,
  provider: ProviderInput,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const { accounts, knownRoles, now, enqueue } = dependencies;
  const { spec } = provider;
  const candidates = candidatesOf(dependencies, provider);
  if (candidates.length === 0) return;
  const account = accounts.of(spec);
  await requireAccount(account, spec.accountId, signal);
  const names = new Set(candidates.map(({ desired }) => desired.role.name));
  const roles = await account.background.inventory.roles(names, pathPrefixOf(spec), signal);
  let differing = 0;
  for (const candidate of candidates) {
    if (knownRoles.recentlyWritten(candidate.identity.metadata.uid ?? '', now()) !== undefined) continue;
    if (compare(dependencies, candidate, roles)) continue;
    differing += 1;
    enqueue(nameOf(candidate.identity));
  }
  log.debug({ provider: provider.name, roles: roles.size, differing }, 'swept for drift');
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
