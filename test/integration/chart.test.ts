import { randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { admissionManifests, webhookManifests } from '../../src/admission/manifests.ts';
import { defaultAdmissionOptions } from '../../src/admission/options.ts';
import { FLAGS, parseSettings } from '../../src/settings.ts';
import { CHART, helm, objectsOf, type Rendered, render } from '../support/helm.ts';
import { EVERY_SETTING, ROWS } from './chart-cases.ts';
import { REFUSED } from './chart-refusals.ts';

const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
const NAMESPACE = `chart-${randomUUID().slice(0, 8)}`;
const WEBHOOK_MODE = { injection: { mode: 'webhook' } };
const exec = promisify(execFile);

/** The real kubectl as cluster admin; rejects with its error text. */
function kubectl(args: readonly string[], input = ''): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const running = exec(inject('kubectl'), [...args], { env: { ...process.env, KUBECONFIG: inject('kubeconfig') } });
  running.child.stdin?.end(input);
  return running;
}

/** The kinds of the Prometheus operator, as far as an API server must know them to take an object. */
const prometheusKinds = ['ServiceMonitor', 'PrometheusRule'].map((kind) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `${kind.toLowerCase()}s.monitoring.coreos.com`,
    annotations: { 'api-approved.kubernetes.io': 'https://github.com/prometheus-operator/prometheus-operator' },
  },
  spec: {
    group: 'monitoring.coreos.com',
    scope: 'Namespaced',
    names: { kind, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}));

beforeAll(async () => {
  await helm(['version']); // the first time on a machine it is built
  const restricted = {
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: restricted } };
  const list = { apiVersion: 'v1', kind: 'List', items: [namespace, ...prometheusKinds] };
  await kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
  await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
}, 900_000);
afterAll(() => kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']));

test('helm lint finds nothing, not even to warn of', async () => {
  expect(await helm(['lint', '--strict', '--quiet', CHART])).toBe('');
});

describe('a rendering is accepted by the API server', () => {
  test.each(ROWS)('with $name', async ({ values, capabilities, has = [], hasNot = [] }) => {
    const manifests = await render(values, capabilities, NAMESPACE);
    for (const text of has) expect(manifests).toContain(text);
    for (const text of hasNot) expect(manifests).not.toContain(text);
    const apply = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'];
    const { stdout, stderr } = await kubectl(apply, manifests);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toHaveLength(objectsOf(manifests).length);
  });
});

test.concurrent.each(REFUSED)('refused: $name', async ({ values, capabilities, reason }) => {
  await expect(render(values, capabilities)).rejects.toThrow(reason);
});

/** Labels and annotations that only Helm needs. */
const OF_HELM = new Set([
  'helm.sh/chart',
  'helm.sh/resource-policy',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/version',
]);

/** Objects by kind and name, without what only Helm needs. The Namespace is `helm install --create-namespace`'s. */
function plain(manifests: readonly object[]): Readonly<Record<string, unknown>> {
  const withoutMarks: unknown = JSON.parse(JSON.stringify(manifests), (key, value: unknown) => {
    if (OF_HELM.has(key)) return undefined;
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    return key === 'annotations' && isEmpty ? undefined : value;
  });
  const objects = (withoutMarks as readonly Rendered[]).filter(({ kind }) => kind !== 'Namespace');
  return Object.fromEntries(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object]));
}

describe('one installation, whatever the tool', () => {
  const kustomized = async (base: string) =>
    plain(objectsOf((await kubectl(['kustomize', join(CONFIG, base)])).stdout));

  test('the default rendering is what config/default is', async () => {
    expect(plain(objectsOf(await render({})))).toEqual(await kustomized('default'));
  });

  test('and so is config/install.yaml, which also has the namespace', async () => {
    const objects = objectsOf(await readFile(join(CONFIG, 'install.yaml'), 'utf8'));
    expect(plain(objects)).toEqual(await kustomized('default'));
    expect(objects[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'federated-identity-system' } });
  });

  test('the rendering in webhook mode is what config/default-webhook is', async () => {
    expect(plain(objectsOf(await render(WEBHOOK_MODE)))).toEqual(await kustomized('default-webhook'));
  });

  test.each([
    { mode: 'policy', manifests: admissionManifests },
    { mode: 'webhook', manifests: webhookManifests },
  ] as const)(
    'admission objects with other choices are those of the program, in $mode mode',
    async ({ mode, manifests }) => {
      const choices = {
        excludedNamespaces: ['monitoring', 'istio-system'],
        mountPath: '/var/run/other/place',
        annotationPrefix: 'irsa.example.com',
        tokenAudiences: ['sts.amazonaws.com', 'sts.amazonaws.com.cn'] as const,
      };
      const rendered = plain(objectsOf(await render({ injection: { mode, ...choices } }, undefined, 'aws-federation')));
      const operator = { ...defaultAdmissionOptions.operator, namespace: 'aws-federation' };
      const expected = plain(
        manifests({ ...defaultAdmissionOptions, ...choices, tokenAudiences: [...choices.tokenAudiences], operator }),
      );
      expect(Object.keys(expected).length).toBeGreaterThan(10);
      expect(rendered).toMatchObject(expected);
    },
  );
});

describe('the flags in the Deployment', () => {
  /** `--log-level=debug` as commander would hand it over. */
  const given = (args: readonly string[]): Readonly<Record<string, string>> =>
    Object.fromEntries(
      args.slice(1).map((argument) => {
        const [name = '', ...value] = argument.split('=');
        expect(FLAGS.map((flag) => flag.name)).toContain(name);
        const camel = name.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
        return [camel, value.join('=')];
      }),
    );

  const argsOf = (manifests: string): readonly string[] => {
    const deployment = objectsOf(manifests).find(({ kind }) => kind === 'Deployment') as unknown as {
      readonly spec: {
        readonly template: { readonly spec: { readonly containers: readonly [{ readonly args: readonly string[] }] } };
      };
    };
    return deployment.spec.template.spec.containers[0].args;
  };

  test('say every setting as the operator reads it', async () => {
    const schema: { readonly properties: { readonly settings: { readonly properties: object } } } = JSON.parse(
      await readFile(join(CHART, 'values.schema.json'), 'utf8'),
    );
    expect(Object.keys(EVERY_SETTING)).toEqual(Object.keys(schema.properties.settings.properties));
    const args = argsOf(await render({ settings: EVERY_SETTING }));
    expect(parseSettings(given(args))).toMatchObject(EVERY_SETTING);
  });

  test('agree with the admission objects', async () => {
    const choices = { excludedNamespaces: ['a', 'b'], mountPath: '/elsewhere', annotationPrefix: 'irsa.example.com' };
    const values = { injection: { mode: 'webhook', ...choices }, metrics: { port: 9100 }, webhook: { port: 10_250 } };
    expect(parseSettings(given(argsOf(await render(values))))).toMatchObject({
      ...choices,
      injection: 'webhook',
      metricsBindAddress: ':9100',
      webhookBindAddress: ':10250',
    });
  });

  test('are only those that differ', async () => {
    expect(argsOf(await render({}))).toEqual(['run']);
  });
});
