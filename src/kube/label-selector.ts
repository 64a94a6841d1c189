import type { LabelSelector } from '../crds/aws-oidc-provider.ts';

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

const LABEL_KEY = String.raw`(?<key>(?:[a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)`;
const LABEL_VALUE = String.raw`(?:[A-Za-z0-9](?:[-._A-Za-z0-9]*[A-Za-z0-9])?)?`;

/** Each form of a requirement as kubectl reads it, and what it means. */
const FORMS: ReadonlyArray<readonly [RegExp, Expression['operator']]> = [
  [new RegExp(`^${LABEL_KEY}\\s*==?\\s*(?<values>${LABEL_VALUE})$`), 'In'],
  [new RegExp(`^${LABEL_KEY}\\s*!=\\s*(?<values>${LABEL_VALUE})$`), 'NotIn'],
  [new RegExp(`^${LABEL_KEY}\\s+in\\s*\\((?<values>[^()]*)\\)$`), 'In'],
  [new RegExp(`^${LABEL_KEY}\\s+notin\\s*\\((?<values>[^()]*)\\)$`), 'NotIn'],
  [new RegExp(`^${LABEL_KEY}$`), 'Exists'],
  [new RegExp(`^!\\s*${LABEL_KEY}$`), 'DoesNotExist'],
];

/** Reads a selector as `kubectl get -l` takes it: `a=b,c!=d,e in (x,y),f notin (z),g,!h`. Throws an Error that names the bad part. */
export function parseLabelSelector(text: string): LabelSelector {
  if (text.trim() === '') return {};
  const parts = text.split(/,(?![^()]*\))/); // commas in parentheses part values
  return { matchExpressions: parts.map((part) => requirementOf(part.trim())) };
}

function requirementOf(part: string): Expression {
  for (const [form, operator] of FORMS) {
    const { key, values } = form.exec(part)?.groups ?? {};
    if (key === undefined) continue;
    if (values === undefined) return { key, operator };
    const list = values.split(',').map((value) => value.trim());
    if (list.every((value) => new RegExp(`^${LABEL_VALUE}$`).test(value))) return { key, operator, values: list };
  }
  throw new Error(
    `${JSON.stringify(part)} is no requirement of a label selector; write key=value, key!=value, key in (a,b), key notin (a,b), key or !key`,
  );
}

/** Whether labels satisfy a selector, by the rules of metav1.LabelSelector: all parts must hold, an empty one always does. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const byLabel = Object.entries(matchLabels).every(([key, value]) => valueOf(labels, key) === value);
  return byLabel && matchExpressions.every((expression) => holds(expression, valueOf(labels, expression.key)));
}

/** Own keys only: a label may be called `constructor`. */
const valueOf = (labels: Readonly<Record<string, string>>, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;

function holds({ operator, values = [] }: Expression, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return operator satisfies never;
  }
}
