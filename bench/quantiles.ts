/** The value below which a share of the samples lies, nearest rank. Throws for no samples. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  if (value === undefined) throw new Error('no samples');
  return value;
}

const SHARES = { p10: 0.1, p50: 0.5, p99: 0.99 } as const;
export type Quantiles = Readonly<Record<keyof typeof SHARES, number>>;

const quantilesOf = (samples: readonly number[]): Quantiles => ({
  p10: rounded(quantile(samples, SHARES.p10)),
  p50: rounded(quantile(samples, SHARES.p50)),
  p99: rounded(quantile(samples, SHARES.p99)),
});

const rounded = (milliseconds: number): number => Math.round(milliseconds * 100) / 100;

/** Quantiles of what each sample has more than the baseline of the same round. */
export const addedInPairs = (samples: readonly number[], baseline: readonly number[]): Quantiles =>
  quantilesOf(samples.map((sample, round) => sample - (baseline[round] ?? Number.NaN)));

/** What the quickest tenth takes more than the quickest tenth of the baseline: noise hardly touches either. */
export const addedAtTheFloor = (samples: readonly number[], baseline: readonly number[]): number =>
  rounded(quantile(samples, SHARES.p10) - quantile(baseline, SHARES.p10));
