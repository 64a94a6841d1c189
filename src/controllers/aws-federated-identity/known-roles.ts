import { isDeepStrictEqual } from 'node:util';
import type { DesiredRole, RoleReference } from '../../iam/roles.ts';

interface Known {
  readonly desired: DesiredRole;
  readonly reference: RoleReference;
  readonly at: number;
}

/**
 * Remembers for a while which roles were found to be as desired, by the UID of their identity. A reconcile that something
 * in the cluster woke need not ask AWS again; a change of the spec or the provider, or time, makes the memory void.
 */
export class KnownRoles {
  readonly #maxAgeMs: number;
  readonly #roles = new Map<string, Known>();

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  get(uid: string, desired: DesiredRole, now: Date): RoleReference | undefined {
    const known = this.#roles.get(uid);
    if (known === undefined || now.getTime() - known.at >= this.#maxAgeMs) return undefined;
    return isDeepStrictEqual(known.desired, desired) ? known.reference : undefined;
  }

  remember(uid: string, desired: DesiredRole, reference: RoleReference, now: Date): void {
    this.#roles.set(uid, { desired, reference, at: now.getTime() });
  }

  forget(uid: string): void {
    this.#roles.delete(uid);
  }
}
