import type { ChaosResult } from './chaos-run.ts';

const ROWS = [
  'injected',
  'denied by federated-identity-pending-gate',
  'denied by federated-identity-table-gate',
  'denied by federated-identity-service-account-gate',
  'untouched',
  'changed',
  'failed',
  'gap: watch lag',
  'gap: young API server',
  'gap: lost table',
  'violation',
] as const;

const EXPLAINED: Readonly<Partial<Record<(typeof ROWS)[number], string>>> = {
  untouched: 'untouched, as wanted',
  changed: 'its ServiceAccount changed meanwhile',
  failed: 'failed otherwise, not created',
};

/** The results side by side, as Markdown. */
export function chaosTable(results: readonly ChaosResult[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const longest = ({ gaps }: ChaosResult, row: string): string => {
    const ms = gaps.get(row.replace('gap: ', ''));
    return ms === undefined ? '' : ` (latest after ${ms.toFixed(0)} ms)`;
  };
  return [
    line(['', ...results.map(({ mode }) => mode)]),
    line(['---', ...results.map(() => '---:')]),
    line(['pods', ...results.map(({ pods }) => pods)]),
    ...ROWS.map((row) =>
      line([
        EXPLAINED[row] ?? row,
        ...results.map((result) => `${result.verdicts.get(row) ?? 0}${longest(result, row)}`),
      ]),
    ),
    line(['after the storm: not served', ...results.map(late)]),
    line(['seconds', ...results.map(({ seconds }) => seconds.toFixed(0))]),
    line(['writes about identities and annotations', ...results.map(({ writes }) => writes)]),
    line([
      'disturbances',
      ...results.map(({ disturbances }) => [...disturbances].map(([name, count]) => `${count} ${name}`).join(', ')),
    ]),
    line(['seed', ...results.map(({ seed }) => seed)]),
  ].join('\n');
}

const late = ({ violations, verdicts }: ChaosResult): number => violations.length - (verdicts.get('violation') ?? 0);
