import type { Steady } from './measures.ts';
import type { Result } from './results.ts';
import { ACCOUNTS } from './scene.ts';

export const CPU_AT_REST = 'CPU at rest';

/** The figures of a rest whose intervals were shortened `lapse` times; the idle share of the full interval is put back. */
export function steadyResults(
  steady: Steady,
  {
    population,
    lapse,
    idlePercent,
  }: { readonly population: number; readonly lapse: number; readonly idlePercent: number },
): readonly Result[] {
  const cpuPercent = steady.cpuPercent + (1 - 1 / lapse) * idlePercent;
  const note = lapse === 1 ? 'intervals of 10 min' : `intervals shortened ${lapse} times`;
  return [
    {
      measure: 'AWS calls at rest',
      population,
      value: steady.awsCallsPerHour,
      unit: 'per hour',
      most: 300,
      limit: { value: 12 * ACCOUNTS.length, why: 'two pages for each account and sweep' },
      note,
    },
    { measure: 'AWS writes at rest', population, value: steady.awsWrites, unit: '', most: 0, note },
    {
      measure: 'API writes at rest, but Leases',
      population,
      value: steady.apiWritesPerHour,
      unit: 'per hour',
      most: 0,
      note,
    },
    { measure: 'tokens minted at rest', population, value: steady.tokensPerHour, unit: 'per hour', note },
    {
      measure: 'Lease writes at rest',
      population,
      value: steady.leaseWritesPerHour,
      unit: 'per hour',
      most: 1800,
      note,
    },
    { measure: 'RSS at rest', population, value: steady.rssMiB, unit: 'MiB', most: 256 },
    { measure: CPU_AT_REST, population, value: cpuPercent, unit: '% of a core', most: 2, note },
  ];
}
