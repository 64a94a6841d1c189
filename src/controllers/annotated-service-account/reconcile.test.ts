import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { identity as anIdentity, provider } from '../../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../../test/support/in-memory-kubernetes.ts';
import type { ObjectEvent } from '../../kube/events.ts';
import { ApiError } from '../../kube/errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../kube/injection-table.ts';
import { type AwsFederatedIdentity, INJECTION_LABEL, MANAGED_LABEL, SERVICE_ACCOUNTS } from '../../kube/kinds.ts';
import type { KubernetesResource } from '../../kube/resource.ts';
import { reconcileAnnotatedServiceAccounts } from './reconcile.ts';
import { annotatedIndex } from './watches.ts';

const ROLE = 'arn:aws:iam::111122223333:role/by-hand';
const namespace = 'analytics';
const tableName = { namespace, name: TABLE_NAME };
const context = { signal: new AbortController().signal, log: pino({ enabled: false }) };

const DELETING = anIdentity({ metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } });

interface Scene {
  readonly identities?: readonly AwsFederatedIdentity[];
  readonly region?: string;
  readonly excludedNamespaces?: readonly string[];
}

/** A namespace with the ServiceAccounts that a test puts there; the stores are always up to date. */
function scene({ identities = [], region, excludedNamespaces = [] }: Scene = {}) {
  const kubernetes = inMemoryKubernetes();
  const told: ObjectEvent[] = [];
  let version = 0;
  const { annotated } = annotatedIndex('eks.amazonaws.com');
  const reconcile = reconcileAnnotatedServiceAccounts({
    kubernetes: kubernetes.client,
    annotatedServiceAccounts: {
      byIndex: (_, value) =>
        kubernetes.all<KubernetesResource>(SERVICE_ACCOUNTS).filter((one) => annotated(one).includes(value)),
    },
    identities: {
      byIndex: (_, value) =>
        identities.filter(({ metadata, spec }) => `${metadata.namespace}/${spec.serviceAccount.name}` === value),
    },
    providers: { get: ({ name }) => (name === 'default' ? provider() : undefined) },
    tables: { get: (name) => kubernetes.read<InjectionTable>(CONFIG_MAPS, name) },
    events: { record: (_, event) => void told.push(event) },
    settings: {
      annotations: {
        annotationPrefix: 'eks.amazonaws.com',
        audience: 'sts.amazonaws.com',
        tokenExpirationSeconds: 86_400,
        region,
      },
      excludedNamespaces,
    },
  });
  return {
    kubernetes,
    told,
    put: (name: string, roleArn: string, mark?: string, labels: Readonly<Record<string, string>> = {}) =>
      kubernetes.put<KubernetesResource>(SERVICE_ACCOUNTS, {
        metadata: {
          namespace,
          name,
          uid: name,
          resourceVersion: String((version += 1)),
          annotations: { 'eks.amazonaws.com/role-arn': roleArn },
          labels: mark === undefined ? labels : { ...labels, [INJECTION_LABEL]: mark },
        },
      }),
    run: () => reconcile({ name: namespace }, context),
    table: () => kubernetes.read<InjectionTable>(CONFIG_MAPS, tableName)?.data,
    markOf: (name: string) =>
      kubernetes.read<KubernetesResource>(SERVICE_ACCOUNTS, { namespace, name })?.metadata.labels?.[INJECTION_LABEL],
  };
}

describe('a namespace', () => {
  test('gets its table in one write, then its marks, and after that nothing', async () => {
    const { kubernetes, put, run, table, markOf } = scene();
    put('a', ROLE, 'pending');
    put('b', `${ROLE}-b`);
    await run();
    expect(table()).toEqual({
      a: `${ROLE} sts.amazonaws.com 86400 eu-west-1`,
      b: `${ROLE}-b sts.amazonaws.com 86400 eu-west-1`,
    });
    expect(kubernetes.writes).toEqual(['create ConfigMap aws-pod-injection', 'mergePatch ServiceAccount a']);
    expect([markOf('a'), markOf('b')]).toEqual(['bound', undefined]);
    await run();
    expect(kubernetes.writes).toHaveLength(2);
  });

  test('has the region of the installation before that of the default provider', async () => {
    const { put, run, table } = scene({ region: 'us-east-1' });
    put('a', ROLE);
    await run();
    expect(table()).toEqual({ a: `${ROLE} sts.amazonaws.com 86400 us-east-1` });
  });

  test('that is excluded is left alone', async () => {
    const { kubernetes, put, run } = scene({ excludedNamespaces: [namespace] });
    put('a', ROLE, 'pending');
    await run();
    expect(kubernetes.writes).toEqual([]);
  });

  test('leaves a ServiceAccount to the identity that names it', async () => {
    const { kubernetes, put, run } = scene({ identities: [anIdentity()] });
    put('reports', ROLE, 'pending');
    await run();
    expect(kubernetes.writes).toEqual([]);
  });

  test('takes a ServiceAccount back as soon as the identity that names it is being deleted', async () => {
    const { put, run, table } = scene({ identities: [DELETING] });
    put('reports', ROLE);
    await run();
    expect(table()).toEqual({ reports: `${ROLE} sts.amazonaws.com 86400 eu-west-1` });
  });

  test('leaves annotations that such an identity wrote itself to its cleanup', async () => {
    const { kubernetes, put, run } = scene({ identities: [DELETING] });
    put('reports', ROLE, undefined, { [MANAGED_LABEL]: 'true' });
    await run();
    expect(kubernetes.writes).toEqual([]);
  });

  test('loses its table with the last annotation', async () => {
    const { kubernetes, run, table } = scene();
    kubernetes.put(CONFIG_MAPS, { metadata: { ...tableName, uid: 't', resourceVersion: '1' }, data: { gone: ROLE } });
    await run();
    expect(table()).toBeUndefined();
  });
});

describe('a mark', () => {
  test('stays pending when the ServiceAccount changes meanwhile, which wakes the namespace again [F4]', async () => {
    const { kubernetes, put, run, table, markOf } = scene();
    put('a', ROLE, 'pending');
    const running = run();
    await sleep(50); // after the entry, and before the mark
    expect(table()).toBeDefined();
    put('a', `${ROLE}-2`, 'pending');
    await running;
    expect(markOf('a')).toBe('pending');
    expect(kubernetes.writes).toEqual(['create ConfigMap aws-pod-injection']);
  });

  test('that cannot be written for another cause is tried again', async () => {
    const { kubernetes, put, run } = scene();
    put('a', ROLE, 'pending');
    kubernetes.refusals.set('mergePatch ServiceAccount a', new ApiError(403, 'Forbidden', 'no right'));
    await expect(run()).rejects.toThrow('ServiceAccount analytics/a: no right');
  });
});

describe('an annotation that is no role', () => {
  test('is told once, and again when it is another one', async () => {
    const { told, put, run, table } = scene();
    put('a', 'reports', 'pending');
    await run();
    await run();
    put('a', 'report', 'pending');
    await run();
    expect(told.map(({ type, reason, note }) => [type, reason, note.slice(0, 51)])).toEqual([
      ['Warning', 'InvalidAnnotation', 'Annotation eks.amazonaws.com/role-arn is "reports",'],
      ['Warning', 'InvalidAnnotation', 'Annotation eks.amazonaws.com/role-arn is "report", '],
    ]);
    expect(table()).toBeUndefined();
  });

  test('is told again after it was right', async () => {
    const { told, put, run } = scene();
    for (const role of ['reports', ROLE, 'reports']) {
      put('a', role);
      await run();
    }
    expect(told).toHaveLength(2);
  });

  test('is not told where an identity decides', async () => {
    const { told, put, run } = scene({ identities: [anIdentity()] });
    put('reports', 'reports');
    await run();
    expect(told).toEqual([]);
  });
});
