/** What an expression of PromQL takes from the outside. */
export interface Names {
  /** Metric to the labels that its matchers name; both as written, so that a histogram's series end in `_bucket`. */
  readonly metrics: ReadonlyMap<string, ReadonlySet<string>>;
  /** Labels that results are grouped or joined by. */
  readonly grouping: ReadonlySet<string>;
}

const TOKEN = /"(?:\\.|[^"\\])*"|\[[^\]]*\]|[a-zA-Z_:][\w:]*|[\d.][\w.]*|\S/g;
const WORD = /^[a-zA-Z_:]/;
const LABEL_LISTS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset']);

/** The names in an expression that Prometheus accepts; whether it does is promtool's question. */
export function namesIn(expression: string): Names {
  const tokens: readonly string[] = expression.match(TOKEN) ?? [];
  const metrics = new Map<string, Set<string>>();
  const grouping = new Set<string>();
  const wordsUntil = (end: string, from: number): readonly string[] =>
    tokens.slice(from, tokens.indexOf(end, from)).filter((token) => WORD.test(token));
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index] ?? '';
    const next = tokens[index + 1] ?? '';
    if (LABEL_LISTS.has(token)) {
      if (next !== '(') continue;
      for (const label of wordsUntil(')', index + 2)) grouping.add(label);
      index = tokens.indexOf(')', index);
    } else if (WORD.test(token) && !OPERATORS.has(token) && next !== '(' && !LABEL_LISTS.has(next)) {
      const labels = metrics.get(token) ?? new Set();
      metrics.set(token, labels);
      if (next !== '{') continue;
      for (const label of wordsUntil('}', index + 2)) labels.add(label);
      index = tokens.indexOf('}', index);
    }
  }
  return { metrics, grouping };
}
