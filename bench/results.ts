/** One figure, what it should be, and what physics allows. */
export interface Result {
  readonly measure: string;
  /** Identities that exist. */
  readonly population: number;
  readonly value: number;
  readonly unit: string;
  /** The most that it should be. */
  readonly most?: number;
  /** The least that it can be here, and why. */
  readonly limit?: { readonly value: number; readonly why: string };
  readonly note?: string;
  /** RFC 3339. */
  readonly measuredAt?: string;
}

export const isMissed = ({ value, most }: Result): boolean => most !== undefined && !(value <= most);

/** Earlier results with those that were measured anew in their place. */
export function updated(earlier: readonly Result[], anew: readonly Result[]): readonly Result[] {
  const keyOf = ({ measure, population }: Result): string => `${measure}/${population}`;
  return [...new Map([...earlier, ...anew].map((result) => [keyOf(result), result])).values()];
}

const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

/** The results as a table for a terminal, a line each. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.measure,
    String(result.population),
    `${shown(result.value)} ${result.unit}`.trim(),
    result.most === undefined ? '' : `${isMissed(result) ? 'MISSED' : 'ok'}, <= ${shown(result.most)}`,
    result.limit === undefined ? '' : `${shown(result.limit.value)}: ${result.limit.why}`,
  ]);
  const all = [['measure', 'identities', 'value', 'target', 'limit'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
