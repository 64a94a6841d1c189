import { isDeepStrictEqual } from 'node:util';
import type { DesiredRole, Role, RoleReference } from '../../iam/roles.ts';

/** A role that was found, or made, as desired. */
export interface KnownRole {
  readonly desired: DesiredRole;
  readonly reference: RoleReference;
  /** Whether this pass wrote to it. */
  readonly written: boolean;
}

interface Memory extends KnownRole {
  readonly at: number;
  /** When the operator last wrote to it; 0: not in this life of the process. */
  readonly writtenAt: number;
}

export interface KnownRolesOptions {
  /** After this time a role must be looked at again. */
  readonly maxAgeMs: number;
  /** IAM's reads can be this old after a write: within it, what we wrote counts for more than what we read. */
  readonly consistencyWindowMs: number;
}

/**
 * Remembers which roles are as desired, and which the drift sweep found to differ, by the UID of their identity. A
 * reconcile that something in the cluster woke need not ask AWS again.
 */
export class KnownRoles {
  readonly #options: KnownRolesOptions;
  readonly #roles = new Map<string, Memory>();
  readonly #suspects = new Map<string, Role | undefined>();

  constructor(options: KnownRolesOptions) {
    this.#options = options;
  }

  /** How old IAM's reads can be after a write. */
  get consistencyWindowMs(): number {
    return this.#options.consistencyWindowMs;
  }

  /** The role, if it was as desired when last looked at, and nothing is desired otherwise since. */
  get(uid: string, desired: DesiredRole, now: Date): RoleReference | undefined {
    const known = this.#roles.get(uid);
    if (known === undefined || now.getTime() - known.at >= this.#options.maxAgeMs) return undefined;
    return isDeepStrictEqual(known.desired, desired) ? known.reference : undefined;
  }

  remember(uid: string, known: KnownRole, now: Date): void {
    const writtenAt = known.written ? now.getTime() : (this.#roles.get(uid)?.writtenAt ?? 0);
    this.#roles.set(uid, { ...known, at: now.getTime(), writtenAt });
    this.#suspects.delete(uid);
  }

  /** The role as we left it, while IAM's own answer can still be older than our last write. */
  recentlyWritten(uid: string, now: Date): Role | undefined {
    const known = this.#roles.get(uid);
    if (known === undefined || now.getTime() - known.writtenAt >= this.#options.consistencyWindowMs) return undefined;
    return { ...known.desired, ...known.reference };
  }

  /** The sweep found the role to differ (undefined: to be gone): the next reconcile looks closer. */
  suspect(uid: string, observed: Role | undefined): void {
    this.#roles.delete(uid);
    this.#suspects.set(uid, observed);
  }

  /** What the sweep saw of a role that differs; asked once. */
  takeSuspect(uid: string): { readonly observed: Role | undefined } | undefined {
    if (!this.#suspects.has(uid)) return undefined;
    const observed = this.#suspects.get(uid);
    this.#suspects.delete(uid);
    return { observed };
  }

  /** After a failed write nothing is known for sure. */
  forget(uid: string): void {
    this.#roles.delete(uid);
    this.#suspects.delete(uid);
  }
}
