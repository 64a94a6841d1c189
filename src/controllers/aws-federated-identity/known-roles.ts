import { hash } from 'node:crypto';
import type { DesiredRole, Role, RoleReference } from '../../iam/roles.ts';

/** A role that was found, or made, as desired. */
export interface KnownRole {
  readonly desired: DesiredRole;
  readonly reference: RoleReference;
  /** Whether this pass wrote to it. */
  readonly written: boolean;
}

interface Memory {
  /** Of what was desired: there are thousands of roles, and all of each is a kilobyte and a half. */
  readonly fingerprint: string;
  readonly reference: RoleReference;
  readonly at: number;
  /** As the operator left it with its last write; kept while IAM's answers can be older. */
  readonly lastWrite: { readonly role: Role; readonly at: number } | undefined;
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
    return known.fingerprint === fingerprintOf(desired) ? known.reference : undefined;
  }

  /** Milliseconds until the role must be looked at again; 0 for one that is not known. */
  staleInMs(uid: string, now: Date): number {
    const known = this.#roles.get(uid);
    return known === undefined ? 0 : Math.max(0, known.at + this.#options.maxAgeMs - now.getTime());
  }

  remember(uid: string, { desired, reference, written }: KnownRole, now: Date): void {
    const at = now.getTime();
    const lastWrite = written ? { role: { ...desired, ...reference }, at } : this.#lastWrite(uid, now);
    this.#roles.set(uid, { fingerprint: fingerprintOf(desired), reference, at, lastWrite });
    this.#suspects.delete(uid);
  }

  /** The role as we left it, while IAM's own answer can still be older than our last write. */
  recentlyWritten(uid: string, now: Date): Role | undefined {
    return this.#lastWrite(uid, now)?.role;
  }

  /** When that write was. */
  recentWriteAt(uid: string, now: Date): Date | undefined {
    const lastWrite = this.#lastWrite(uid, now);
    return lastWrite === undefined ? undefined : new Date(lastWrite.at);
  }

  #lastWrite(uid: string, now: Date): Memory['lastWrite'] {
    const lastWrite = this.#roles.get(uid)?.lastWrite;
    if (lastWrite === undefined || now.getTime() - lastWrite.at >= this.#options.consistencyWindowMs) return undefined;
    return lastWrite;
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

/** Equal for what the same specs ask for. Specs that name the same in another order cost no more than one look. */
function fingerprintOf({ managedPolicyArns, inlinePolicies, tags, ...settings }: DesiredRole): string {
  const text = JSON.stringify([settings, [...managedPolicyArns], [...inlinePolicies], [...tags]]);
  return hash('sha256', text, 'base64');
}
