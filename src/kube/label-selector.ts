import type { LabelSelector } from '../crds/aws-oidc-provider.ts';

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

type Expression = NonNullable<LabelSelector['matchExpressions']>[number];

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
