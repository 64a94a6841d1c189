/** Most periodic proofs of all providers, and of all identities, within one resync interval: 24 and 6 an hour by default. */
export const PROOFS_PER_RESYNC = { providers: 4, identities: 1 } as const;

export interface ProofPace {
  /** What the setting says, in milliseconds. */
  readonly intervalMs: number;
  readonly resyncIntervalMs: number;
  /** Objects that are proven. */
  readonly count: number;
  readonly perResync: number;
}

/**
 * Milliseconds between two proofs of an object that did not change. Many objects share a fixed number of proofs, so that a
 * large cluster asks STS no more often than a small one: the sweep looks at all roles anyway, and the proof of a provider
 * speaks for issuer and keys of all its identities.
 */
export const proofIntervalMs = ({ intervalMs, resyncIntervalMs, count, perResync }: ProofPace): number =>
  Math.max(intervalMs, (count * resyncIntervalMs) / perResync);
