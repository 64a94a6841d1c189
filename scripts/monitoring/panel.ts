/** One query of a panel. */
export interface Query {
  readonly expression: string;
  /** Name of the series; `{{label}}` is filled in. */
  readonly legend?: string;
}

export interface Panel {
  readonly title: string;
  /** What it answers, and what to do with the answer. */
  readonly description: string;
  readonly type: 'stat' | 'timeseries' | 'table';
  readonly unit?: 'short' | 's' | 'ops' | 'reqps' | 'bytes' | 'percentunit' | 'cps';
  readonly width: number;
  /** From which value on a number is orange or red; without, it has no colour. */
  readonly limits?: { readonly warning?: number; readonly critical?: number };
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Only replicas of the chosen namespace. */
export const OURS = 'namespace=~"$namespace"';
export const stat = (title: string, description: string, expression: string, more: Partial<Panel> = {}): Panel => ({
  title,
  description,
  type: 'stat',
  width: 4,
  queries: [{ expression }],
  ...more,
});

export const graph = (
  title: string,
  description: string,
  queries: readonly Query[],
  more: Partial<Panel> = {},
): Panel => ({
  title,
  description,
  type: 'timeseries',
  width: 8,
  queries,
  ...more,
});

export const table = (title: string, description: string, expressions: readonly string[]): Panel => ({
  title,
  description,
  type: 'table',
  width: 8,
  queries: expressions.map((expression) => ({ expression })),
});
