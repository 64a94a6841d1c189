import type { Panel } from './panel.ts';
import { ROWS } from './panels.ts';

const DATA_SOURCE = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 24;
const HEIGHT = { stat: 4, timeseries: 8, table: 8 } as const;

/** The dashboard of docs/monitoring.md, as Grafana imports it (dashboard schema 41, Grafana 12). */
export function dashboard(): object {
  return {
    title: 'Federated identities',
    uid: 'federated-identity-operator',
    description: 'AWS identities of pods: is anything broken, for whom, why, and what does it cost at AWS.',
    tags: ['aws', 'iam', 'federated-identity-operator'],
    schemaVersion: 41,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: VARIABLES },
    annotations: { list: [FIRING] },
    panels: placed(),
  };
}

const VARIABLES = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
  {
    name: 'namespace',
    label: 'Namespace of the operator',
    type: 'query',
    datasource: DATA_SOURCE,
    query: { query: 'label_values(federated_identity_info, namespace)', refId: 'namespace' },
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.*', // also where scraping adds no namespace
    current: { text: 'All', value: '$__all' },
  },
];

const FIRING = {
  name: 'Alerts',
  enable: true,
  datasource: DATA_SOURCE,
  expr: 'ALERTS{alertname=~"FederatedIdentity.*", alertstate="firing"}',
  titleFormat: '{{alertname}}',
  iconColor: 'red',
};

/** Rows under each other; within a row, panels from left to right, and on a new line where they do not fit. */
function placed(): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) [x, y, lineHeight] = [0, y + lineHeight, 0];
      const h = HEIGHT[panel.type];
      panels.push({ id: panels.length + 1, ...grafanaPanel(panel), gridPos: { x, y, w: panel.width, h } });
      x += panel.width;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
  return panels;
}

function grafanaPanel({ title, description, type, unit = 'short', limits, queries }: Panel): object {
  return {
    title,
    description,
    type,
    datasource: DATA_SOURCE,
    targets: queries.map(({ expression, legend = '' }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATA_SOURCE,
      expr: expression,
      legendFormat: legend,
      ...(type === 'timeseries' ? { range: true } : { instant: true, range: false }),
      ...(type === 'table' && { format: 'table' }),
    })),
    fieldConfig: { defaults: { unit, min: 0, ...colours(limits, type) }, overrides: [] },
    ...lookOf(type),
  };
}

function colours(limits: Panel['limits'], type: Panel['type']): object {
  if (limits === undefined) return type === 'stat' ? { color: { mode: 'fixed', fixedColor: 'text' } } : {};
  const steps = [
    { color: 'green', value: null },
    ...(limits.warning === undefined ? [] : [{ color: 'orange', value: limits.warning }]),
    ...(limits.critical === undefined ? [] : [{ color: 'red', value: limits.critical }]),
  ];
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps } };
}

function lookOf(type: Panel['type']): object {
  switch (type) {
    case 'stat':
      return { options: { reduceOptions: { calcs: ['lastNotNull'] }, graphMode: 'area', colorMode: 'value' } };
    case 'timeseries':
      return {
        options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } },
      };
    case 'table': {
      const hidden = { Time: true, __name__: true };
      return {
        transformations: [
          { id: 'merge', options: {} },
          { id: 'organize', options: { excludeByName: hidden } },
        ],
      };
    }
    default:
      return type satisfies never;
  }
}
