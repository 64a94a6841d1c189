import { expect, test } from 'vitest';
import { namesIn } from './promql.ts';

test.each([
  { expression: 'max(a) > 1e3', metrics: { a: [] }, grouping: [] },
  {
    expression: 'sum by (x, y) (rate(a_total{code=~"by (z)|b", op!="c"}[5m])) / 0.5',
    metrics: { a_total: ['code', 'op'] },
    grouping: ['x', 'y'],
  },
  {
    expression: 'a and on (job, instance) b{} unless ignoring (p) c offset 5m',
    metrics: { a: [], b: [], c: [] },
    grouping: ['job', 'instance', 'p'],
  },
  { expression: 'label_replace(a, "name", "$1", "controller", "(.*)")', metrics: { a: [] }, grouping: [] },
  {
    expression: 'a * on (x) group_left (y) b + on (x) group_left c',
    metrics: { a: [], b: [], c: [] },
    grouping: ['x', 'y'],
  },
  {
    expression: 'histogram_quantile(0.99, sum by (le) (rate(h_bucket{p="q"}[5m]))) or vector(0)',
    metrics: { h_bucket: ['p'] },
    grouping: ['le'],
  },
  { expression: 'x_timestamp_seconds - time()', metrics: { x_timestamp_seconds: [] }, grouping: [] },
])('$expression', ({ expression, metrics, grouping }) => {
  const names = namesIn(expression);
  expect(Object.fromEntries([...names.metrics].map(([name, labels]) => [name, [...labels]]))).toEqual(metrics);
  expect([...names.grouping]).toEqual(grouping);
});
