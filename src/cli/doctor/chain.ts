import type { Reason } from '../../crds/condition.ts';
import { ReconcileError } from '../../errors.ts';

/** What must hold for a pod to use AWS, in the order in which one rests on the other. */
export const LINKS = [
  'objects',
  'issuer',
  'provider',
  'guardrails',
  'role',
  'trust policy',
  'ServiceAccount',
  'pods',
  'token',
  'STS',
  'call',
] as const;
export type LinkName = (typeof LINKS)[number];

/** One link as it was found. Messages say what is, why, and what to do next. */
export type Link = { readonly name: LinkName } & (
  | { readonly kind: 'holds'; readonly message: string; readonly warnings: readonly string[] }
  | { readonly kind: 'broken'; readonly reason: Reason; readonly message: string; readonly warnings: readonly string[] }
  /** Nobody may tell: it could not be looked at. What follows is looked at all the same. */
  | { readonly kind: 'unseen'; readonly message: string; readonly warnings: readonly string[] }
  /** Not looked at, since a link before it is broken. */
  | { readonly kind: 'unreached' }
);

/** Thrown by an examination that could not look, for example for want of a right. The message says what it needs. */
export class Unseen extends Error {
  override readonly name = 'Unseen';
}

/** Ends the walk; its link tells why. */
class BrokenLink extends Error {
  override readonly name = 'BrokenLink';
}

/** The chain while it is walked. The first broken link ends the walk, since whatever comes after follows from it. */
export class Chain {
  readonly #links: Link[] = [];

  /**
   * Looks at one link. `work` throws a ReconcileError where it is broken, and Unseen where it can't be looked at; what it
   * tells `warn` works today. Resolves with what was found, or undefined for an unseen link.
   */
  async examine<T>(
    name: LinkName,
    work: (warn: (warning: string) => void) => T | Promise<T>,
    says: (found: T) => string,
  ): Promise<T | undefined> {
    const warnings: string[] = [];
    try {
      const found = await work((warning) => void warnings.push(warning));
      this.#links.push({ name, kind: 'holds', message: says(found), warnings });
      return found;
    } catch (error) {
      if (error instanceof Unseen) {
        this.#links.push({ name, kind: 'unseen', message: error.message, warnings });
        return undefined;
      }
      if (!(error instanceof ReconcileError)) throw error;
      this.#links.push({ name, kind: 'broken', reason: error.reason, message: error.message, warnings });
      throw new BrokenLink(name, { cause: error });
    }
  }

  /** Walks to the end or to the first broken link; resolves with every link of the chain. */
  async walk(steps: () => Promise<void>): Promise<readonly Link[]> {
    try {
      await steps();
    } catch (error) {
      if (!(error instanceof BrokenLink)) throw error;
    }
    const seen = new Map(this.#links.map((link) => [link.name, link]));
    return LINKS.map((name): Link => seen.get(name) ?? { name, kind: 'unreached' });
  }
}

/** What was found out about one identity. */
export interface Diagnosis {
  readonly namespace: string;
  readonly name: string;
  readonly links: readonly Link[];
}

export const brokenLink = ({ links }: Diagnosis): Extract<Link, { kind: 'broken' }> | undefined =>
  links.find((link) => link.kind === 'broken');

/** 0: no link is broken, 3: one is, as of `status`. A link that nobody could look at does not count as broken. */
export const exitCodeOfDoctor = (diagnoses: readonly Diagnosis[]): 0 | 3 =>
  diagnoses.some((diagnosis) => brokenLink(diagnosis) !== undefined) ? 3 : 0;
