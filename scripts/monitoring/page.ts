import { parse } from 'yaml';
import { isOfTheProcess, type MetricFamily } from './registry.ts';

/** An alert as Prometheus reads it. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary?: string; readonly description?: string; readonly runbook_url?: string };
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Alert[] }[];
}

/** The alerts of a rule file. */
export function alertsOf(ruleFile: string): readonly Alert[] {
  const { groups }: RuleFile = parse(ruleFile);
  return groups.flatMap(({ rules }) => rules);
}

/** docs/monitoring.md with its two tables made anew. Throws when a mark is missing. */
export function monitoringPage(page: string, families: readonly MetricFamily[], alerts: readonly Alert[]): string {
  const withMetrics = between(page, 'metrics', metricsTable(families));
  return between(withMetrics, 'alerts', alertsTable(alerts));
}

function between(page: string, what: string, content: string): string {
  const [begin, end] = [`<!-- ${what}: made by \`npm run generate\` -->\n`, `<!-- end of ${what} -->`];
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`docs/monitoring.md lacks the marks ${begin}${end}`);
  return `${before}${begin}${content}${end}${after}`;
}

function metricsTable(families: readonly MetricFamily[]): string {
  const rows = families
    .filter((family) => !isOfTheProcess(family))
    .map(({ name, type, help, labels }) => {
      const shown = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${shown} | ${help.replaceAll('|', '\\|')} |`;
    });
  return ['| metric | type | labels | what |', '|---|---|---|---|', ...rows, ''].join('\n');
}

function alertsTable(alerts: readonly Alert[]): string {
  const rows = alerts.map(({ alert, labels, annotations, for: since = 'at once' }) => {
    const summary = (annotations.summary ?? '')
      .replaceAll(/\{\{ \$value[^}]*\}\}/g, '…')
      .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '`$1`');
    return `| [${alert}](runbooks.md#${alert.toLowerCase()}) | ${labels['severity']} | ${since} | ${summary} |`;
  });
  return ['| alert | severity | after | says |', '|---|---|---|---|', ...rows, ''].join('\n');
}
