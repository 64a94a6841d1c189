import type { RoleName } from '../../iam/arn.ts';
import { ownerOf, type Tags } from '../../iam/tags.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import type { Cache } from './dependencies.ts';

/**
 * Whether the tags of a role name an identity of this cluster that is not there: etcd was restored from an older backup, a
 * finalizer was taken away by hand, or the role was left on purpose. Retained roles keep their tags, so these look alike.
 * An identity of another provider counts like any, and one in deletion is there until its role is gone.
 */
export function isOrphaned(tags: Tags, cluster: string, identities: Cache<AwsFederatedIdentity>): boolean {
  const owner = ownerOf(tags);
  if (owner?.namespace === undefined || owner.cluster !== cluster) return false;
  if (owner.uid === cluster) return false; // the operator's own role, which `bootstrap` made: no object has it
  const { namespace, name, uid } = owner;
  return identities.get({ namespace, name })?.metadata.uid !== uid;
}

export interface OrphanedRolesOptions {
  /** IAM's reads can be this old: two sweeps that are closer together may both have seen the same past. */
  readonly consistencyWindowMs: number;
  /** What was seen before that is not shown any more. */
  readonly maxAgeMs: number;
}

interface Sweep {
  readonly at: number;
  /** When each was first seen, in sweeps without a gap, and whether it was told since. */
  readonly roles: ReadonlyMap<RoleName, { readonly since: number; readonly isTold: boolean }>;
}

/**
 * Remembers by provider which roles had no identity in the last sweep: a role counts once two sweeps in a row have seen it,
 * and is told once. Of each no more than its name is kept; after a restart all are told anew.
 */
export class OrphanedRoles {
  readonly #options: OrphanedRolesOptions;
  readonly #sweeps = new Map<string, Sweep>();

  constructor(options: OrphanedRolesOptions) {
    this.#options = options;
  }

  /** Whether a sweep of the provider came to its end. */
  hasSwept(provider: string): boolean {
    return this.#sweeps.has(provider);
  }

  /** Takes what a sweep found, and answers which of it is to be told now. */
  swept(provider: string, found: ReadonlyMap<RoleName, Tags>, now: Date): ReadonlyMap<RoleName, Tags> {
    const at = now.getTime();
    const before = this.#sweeps.get(provider)?.roles;
    const roles = new Map<RoleName, { readonly since: number; readonly isTold: boolean }>();
    const news = new Map<RoleName, Tags>();
    for (const [name, tags] of found) {
      const known = before?.get(name);
      const isSure = known !== undefined && at - known.since >= this.#options.consistencyWindowMs;
      if (isSure && !known.isTold) news.set(name, tags);
      roles.set(name, { since: known?.since ?? at, isTold: isSure });
    }
    this.#sweeps.set(provider, { at, roles });
    return news;
  }

  /**
   * How many each provider has. A provider that was not swept for long is left out: it is another shard's by now, another
   * replica leads, or nothing is known.
   */
  counts(now: Date): ReadonlyMap<string, number> {
    const current = [...this.#sweeps].filter(([, { at }]) => now.getTime() - at < this.#options.maxAgeMs);
    return new Map(
      current.map(([provider, { roles }]) => [
        provider,
        roles
          .values()
          .filter(({ isTold }) => isTold)
          .toArray().length,
      ]),
    );
  }

  /** The provider is gone. */
  forget(provider: string): void {
    this.#sweeps.delete(provider);
  }
}
