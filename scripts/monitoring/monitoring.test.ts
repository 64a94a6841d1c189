import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboard } from './dashboard.ts';
import { ROWS } from './panels.ts';
import { alertsOf } from './page.ts';
import type { Recording } from './picture.ts';
import { namesIn } from './promql.ts';
import { isOfTheProcess, metricFamilies } from './registry.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const families = await metricFamilies();
const alerts = alertsOf(read('charts/federated-identity-operator/files/alerts.yaml'));
const panels = ROWS.flatMap((row) => row.panels);

/** What Prometheus itself adds to a target. */
const TARGET = ['job', 'instance', 'namespace', 'pod'];
const RENAMED = [...TARGET, 'service', 'endpoint', 'container'];

/** Metric as in a query, with the labels that it has. */
const SERIES = new Map(
  families.flatMap(({ name, type, labels }) =>
    type === 'histogram'
      ? [
          [`${name}_bucket`, new Set([...labels, 'le', ...TARGET])] as const,
          [`${name}_sum`, new Set([...labels, ...TARGET])] as const,
          [`${name}_count`, new Set([...labels, ...TARGET])] as const,
        ]
      : [[name, new Set([...labels, ...TARGET])] as const],
  ),
);

/** Names in an expression, or legend, that nothing of the operator has. */
function unknownIn(expression: string, legend = ''): readonly string[] {
  const { metrics, grouping } = namesIn(expression);
  const labels = new Set([...metrics.keys()].flatMap((metric) => [...(SERIES.get(metric) ?? [])]));
  const used = [...grouping, ...[...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)];
  return [
    ...[...metrics.keys()].filter((metric) => !SERIES.has(metric)),
    ...[...metrics].flatMap(([metric, matched]) =>
      [...matched].filter((label) => SERIES.get(metric)?.has(label) === false).map((label) => `${metric}{${label}}`),
    ),
    ...used.filter((label) => !labels.has(label)),
  ];
}

describe('metrics', () => {
  test('follow the rules for names: units are base units, counters end in _total', () => {
    const ours = families.filter((family) => !isOfTheProcess(family));
    expect(ours.filter(({ type, name }) => (type === 'counter') !== name.endsWith('_total'))).toEqual([]);
    expect(ours.filter(({ name }) => /_(milliseconds|ms|minutes|megabytes|mb)\b/.test(name))).toEqual([]);
    expect(ours.filter(({ help }) => !/^[A-Z0-9].*\.$/s.test(help)).map(({ name }) => name)).toEqual([]);
  });

  test('have no label that Prometheus gives to a target, and so would rename', () => {
    expect(
      families.flatMap(({ name, labels }) =>
        labels.filter((label) => RENAMED.includes(label)).map((label) => `${name}{${label}}`),
      ),
    ).toEqual([]);
  });
});

test('a replica that was recorded at work shows the labels that are declared', () => {
  const { series }: Pick<Recording, 'series'> = JSON.parse(read('scripts/monitoring/recording.json'));
  const shown = Object.keys(series).map((text) => namesIn(text).metrics);
  const odd = shown.flatMap((metrics) =>
    [...metrics].filter(([name, labels]) => !labels.isSubsetOf(SERIES.get(name) ?? new Set())).map(([name]) => name),
  );
  expect(odd).toEqual([]);
  expect(shown.length).toBeGreaterThan(20);
});

describe('dashboard', () => {
  test.each(panels)('$title', ({ description, queries }) => {
    expect(description).toMatch(/^.{20,}[.]$/s);
    expect(queries.flatMap(({ expression, legend }) => unknownIn(expression, legend))).toEqual([]);
  });

  test('shows each of our metrics that an alert is about', () => {
    const shown = new Set(
      panels.flatMap(({ queries }) => queries.flatMap(({ expression }) => [...namesIn(expression).metrics.keys()])),
    );
    const needed = new Set(alerts.flatMap(({ expr }) => [...namesIn(expr).metrics.keys()]));
    expect([...needed.difference(shown)]).toEqual([]);
  });

  test('places its panels without overlap, each with an id of its own', () => {
    const { panels: placed } = dashboard() as { readonly panels: readonly Placed[] }; // as Grafana reads it
    const cells = placed.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(cells.filter((cell) => Number(cell.split(',')[0]) >= 24)).toEqual([]);
    expect(new Set(placed.map(({ id }) => id)).size).toBe(placed.length);
  });

  test('has titles that differ', () => {
    const titles = panels.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });
});

describe('alerts', () => {
  test.each(alerts)('$alert uses what the operator exports', ({ expr }) => {
    expect(unknownIn(expr)).toEqual([]);
  });

  test.each(alerts)(
    '$alert says how bad it is, what it means and where its runbook is',
    ({ alert, labels, annotations }) => {
      expect(alert).toMatch(/^FederatedIdentity[A-Z]/);
      expect(['critical', 'warning']).toContain(labels['severity']);
      expect(annotations.summary).toMatch(/\.$/);
      expect(annotations.description).toMatch(/\.$/);
      expect(annotations.runbook_url).toBe(
        `https://docs.example/federated-identity-operator/runbooks.md#${alert.toLowerCase()}`,
      );
    },
  );

  test.each(alerts)('$alert names in its texts only labels that it has', ({ expr, annotations }) => {
    const texts = `${annotations.summary} ${annotations.description}`;
    const named = [...texts.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    expect([...new Set(named)].filter((label) => !namesIn(expr).grouping.has(label))).toEqual([]);
  });

  test('each has a runbook section that says what it means, where to look and what to do, and no section is about anything else', () => {
    const sections = read('docs/runbooks.md').split(/^## /m).slice(1);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(alerts.map(({ alert }) => alert));
    for (const section of sections) expect(section).toMatch(/\*\*Means\*\*: [^]*\*\*Look\*\*: [^]*\*\*Do\*\*: /);
  });

  test('each has a case that fires and one that is silent', () => {
    const { tests }: { readonly tests: readonly UnitTest[] } = parse(read('scripts/monitoring/alerts.test.yaml'));
    const cases = tests.flatMap(({ promql_expr_test = [] }) => promql_expr_test);
    for (const { alert } of alerts) {
      const own = tests.filter(({ promql_expr_test: [first] = [] }) => first?.expr.includes(`"${alert}"`) === true);
      const lasts = own.map(({ promql_expr_test: queries = [] }) => queries.at(-1)?.exp_samples.length);
      expect(lasts, alert).toContain(1);
      expect(lasts, alert).toContain(0);
    }
    expect(cases.filter(({ expr }) => !/^ALERTS\{alertname="\w+", alertstate="firing"\}$/.test(expr))).toEqual([]);
  });
});

interface Placed {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

interface UnitTest {
  readonly name: string;
  readonly promql_expr_test?: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[];
}
