import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { defaultAdmissionOptions, operatorUsername } from '../../src/admission/options.ts';

export const ROLE_BY_HAND = 'arn:aws:iam::111122223333:role/by-hand';
export const INJECTION_LABEL = 'federatedidentity.dev/injection';
const OPERATOR = `--as=${operatorUsername(defaultAdmissionOptions)}`;
const LABEL = INJECTION_LABEL;
const namespace = 'workload';

export const withRole = (role = ROLE_BY_HAND): Readonly<Record<string, string>> => ({
  'eks.amazonaws.com/role-arn': role,
});

export const serviceAccount = (
  name: string,
  annotations: object = {},
  labels: object = {},
  inNamespace = namespace,
): object => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: inNamespace, annotations, labels },
});

type Kubectl = (args: readonly string[], input?: object) => Promise<string>;

/** What users and the operator do to ServiceAccounts of namespace `workload`. */
export interface Writes {
  readonly kubectl: Kubectl;
  apply(items: readonly object[], ...args: readonly string[]): Promise<string>;
  annotate(name: string, annotation: string): Promise<string>;
  /** As the operator does it. */
  mark(name: string, value: string): Promise<string>;
  labelOf(name: string, inNamespace?: string): Promise<string | undefined>;
}

export function writesBy(kubectl: Kubectl): Writes {
  return {
    kubectl,
    apply: (items, ...args) => kubectl(['apply', ...args, '-f', '-'], { apiVersion: 'v1', kind: 'List', items }),
    annotate: (name, annotation) => kubectl(['annotate', 'sa', name, '-n', namespace, '--overwrite', annotation]),
    mark: (name, value) =>
      kubectl(['label', 'sa', name, '-n', namespace, '--overwrite', `${LABEL}=${value}`, OPERATOR]),
    labelOf: async (name, inNamespace = namespace) => {
      const text = await kubectl(['get', 'sa', name, '-n', inNamespace, '-o', 'json']);
      const { metadata } = JSON.parse(text) as { metadata: { labels?: Readonly<Record<string, string>> } };
      return metadata.labels?.[LABEL];
    },
  };
}

export interface MarkCase {
  readonly name: string;
  /** Annotations of a ServiceAccount that is bound; without them it does not exist. */
  readonly before?: object;
  readonly write: (writes: Writes, name: string) => Promise<unknown>;
  readonly expected: string | undefined;
}

/** What each write of a ServiceAccount makes of its mark, whoever sets it: the policy, or the webhook before Kubernetes 1.36. */
export const markCases: readonly MarkCase[] = [
  {
    name: 'a new ServiceAccount with a role',
    write: ({ apply }, name) => apply([serviceAccount(name, withRole())]),
    expected: 'pending',
  },
  {
    name: 'a new ServiceAccount with a role that says it is bound',
    write: ({ apply }, name) => apply([serviceAccount(name, withRole(), { [LABEL]: 'bound' })]),
    expected: 'pending',
  },
  {
    name: 'a new ServiceAccount without a role',
    write: ({ apply }, name) => apply([serviceAccount(name)]),
    expected: undefined,
  },
  {
    name: 'a new ServiceAccount without a role that says it is bound',
    write: ({ apply }, name) => apply([serviceAccount(name, {}, { [LABEL]: 'bound' })]),
    expected: undefined,
  },
  {
    name: 'a new ServiceAccount with an empty role',
    write: ({ apply }, name) => apply([serviceAccount(name, withRole(''))]),
    expected: undefined,
  },
  {
    name: 'a bound ServiceAccount whose role changes',
    before: withRole(),
    write: ({ annotate }, name) => annotate(name, `eks.amazonaws.com/role-arn=${ROLE_BY_HAND}-2`),
    expected: 'pending',
  },
  {
    name: 'a bound ServiceAccount whose audience is new',
    before: withRole(),
    write: ({ annotate }, name) => annotate(name, 'eks.amazonaws.com/audience=own'),
    expected: 'pending',
  },
  {
    name: 'a bound ServiceAccount whose region is new',
    before: withRole(),
    write: ({ annotate }, name) => annotate(name, 'federatedidentity.dev/region=eu-west-1'),
    expected: 'pending',
  },
  {
    name: 'a bound ServiceAccount whose lifetime goes',
    before: { ...withRole(), 'eks.amazonaws.com/token-expiration': '3600' },
    write: ({ annotate }, name) => annotate(name, 'eks.amazonaws.com/token-expiration-'),
    expected: 'pending',
  },
  {
    name: 'a bound ServiceAccount whose role goes',
    before: withRole(),
    write: ({ annotate }, name) => annotate(name, 'eks.amazonaws.com/role-arn-'),
    expected: undefined,
  },
  {
    name: 'a bound ServiceAccount with another annotation',
    before: withRole(),
    write: ({ annotate }, name) => annotate(name, 'team=analytics'),
    expected: 'bound',
  },
  {
    name: 'a bound ServiceAccount whose label is removed',
    before: withRole(),
    write: ({ kubectl }, name) => kubectl(['label', 'sa', name, '-n', namespace, `${LABEL}-`]),
    expected: 'bound',
  },
  {
    name: 'a bound ServiceAccount that is applied again',
    before: withRole(),
    write: ({ apply }, name) => apply([serviceAccount(name, withRole())]),
    expected: 'bound',
  },
  {
    name: 'a bound ServiceAccount that is applied again by the server',
    before: withRole(),
    write: ({ apply }, name) => apply([serviceAccount(name, withRole())], '--server-side'),
    expected: 'bound',
  },
  {
    name: 'a bound ServiceAccount that is replaced by one without labels',
    before: withRole(),
    write: ({ kubectl }, name) => kubectl(['replace', '-f', '-'], serviceAccount(name, withRole())),
    expected: 'bound',
  },
];

export async function expectMark({ before, write, expected }: MarkCase, writes: Writes): Promise<void> {
  const name = `sa-${randomUUID().slice(0, 8)}`;
  if (before !== undefined) {
    await writes.apply([serviceAccount(name, before)], '--server-side');
    await writes.mark(name, 'bound');
    expect(await writes.labelOf(name)).toBe('bound');
  }
  await write(writes, name);
  expect(await writes.labelOf(name)).toBe(expected);
}
