/** What a proof is of: the generation of the identity and the id of its role. */
export interface Proven {
  readonly generation: number | undefined;
  readonly roleId: string;
}

interface Memory {
  readonly at: number;
  /** Undefined: nothing that counts any more. */
  readonly proven: Proven | undefined;
  /** When the operator wrote to the role, while no proof has followed. */
  readonly wroteAt?: Date;
}

/**
 * Remembers of what and when each identity was last proven, so that unchanged ones are looked at again rarely and not all at
 * once. It counts for more than the status, which may not have been written, or was written by somebody else.
 */
export class VerificationSchedule {
  readonly #intervalMs: () => number;
  readonly #random: () => number;
  readonly #last = new Map<string, Memory>();

  constructor(intervalMs: () => number, random: () => number) {
    this.#intervalMs = intervalMs;
    this.#random = random;
  }

  /**
   * Whether an identity whose status says that it is proven is to be proven again. At the first look after a start the status is
   * believed, and each identity is given a random age, which spreads the work over the interval.
   */
  isDue(uid: string, proven: Proven, now: Date): boolean {
    const last = this.#last.get(uid) ?? { at: now.getTime() - this.#random() * this.#intervalMs(), proven };
    this.#last.set(uid, last);
    const isSame = last.proven?.generation === proven.generation && last.proven?.roleId === proven.roleId;
    return !isSame || now.getTime() - last.at >= this.#intervalMs();
  }

  /** Milliseconds until an identity is to be proven again; Infinity while it was not looked at. */
  dueInMs(uid: string, now: Date): number {
    const last = this.#last.get(uid);
    return last === undefined ? Infinity : Math.max(0, last.at + this.#intervalMs() - now.getTime());
  }

  verified(uid: string, proven: Proven, now: Date): void {
    this.#last.set(uid, { at: now.getTime(), proven });
  }

  /** The role is about to change: what was proven is no longer, and STS may learn of it late. */
  wrote(uid: string, now: Date): void {
    this.#last.set(uid, { at: now.getTime(), proven: undefined, wroteAt: now });
  }

  /** When the operator last wrote to a role that was not proven since. */
  lastWrite(uid: string): Date | undefined {
    return this.#last.get(uid)?.wroteAt;
  }

  /** Due at the next look, whenever it was last verified. */
  expire(uid: string): void {
    const last = this.#last.get(uid);
    this.#last.set(uid, { ...last, at: last?.at ?? 0, proven: undefined });
  }

  forget(uid: string): void {
    this.#last.delete(uid);
  }
}
