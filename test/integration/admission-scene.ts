import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { inject, vi } from 'vitest';
import { admissionManifests } from '../../src/admission/manifests.ts';
import { type AdmissionOptions, defaultAdmissionOptions, operatorUsername } from '../../src/admission/options.ts';
import type { AdmissionObject } from '../../src/admission/policy/policy-object.ts';
import { TABLE_NAME } from '../../src/kube/injection-table.ts';
import { tableData } from './admission-expectations.ts';
import { type Pod, pod } from './admission-pods.ts';

// Other suites share the API server, so this one's policies have names and an operator of their own and look only at
// its own namespaces.
const suite = `admission-${randomUUID().slice(0, 8)}`;
export const namespaces = {
  workload: `${suite}-workload`,
  /** Here the policies are in force, all but the injection. */
  withoutInjection: `${suite}-bare`,
  excluded: `${suite}-excluded`,
};
const options: AdmissionOptions = {
  ...defaultAdmissionOptions,
  operator: { namespace: `${suite}-operator`, serviceAccount: 'operator' },
  excludedNamespaces: [namespaces.excluded],
  tokenAudiences: ['sts.amazonaws.com', 'my-audience'],
};
/** The operator's user name, and the option that makes kubectl act as the operator. */
export const operatorName = operatorUsername(options);
export const operator = `--as=${operatorName}`;
export const WORKLOAD = ['-n', namespaces.workload];
export const soon = { timeout: 60_000, interval: 250 };

const run = promisify(execFile);

/** Runs the real kubectl with an object on its input; gives its output or throws its message. */
export async function kubectl(args: readonly string[], input?: object): Promise<string> {
  const running = run(inject('kubectl'), [...args], {
    env: { ...process.env, KUBECONFIG: inject('kubeconfig') },
    maxBuffer: 32 * 1024 * 1024,
  });
  running.child.stdin?.end(input === undefined ? '' : JSON.stringify(input));
  const { stdout } = await running;
  return stdout;
}

const api = (): CoreV1Api => {
  const config = new KubeConfig();
  config.loadFromFile(inject('kubeconfig'));
  return config.makeApiClient(CoreV1Api);
};

/** What the API server would make of a new pod. Not by kubectl: it takes longer to start than all that it does here. */
export async function created(candidate: Pod, namespace = namespaces.workload): Promise<Pod> {
  // The client's own type of a pod has the same fields, but not for reading only.
  const { metadata, spec } = await api().createNamespacedPod({ namespace, body: candidate as never, dryRun: 'All' });
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec } as Pod;
}

function inForceOnlyHere(object: AdmissionObject): object {
  const metadata = { ...object.metadata, name: `${suite}-${object.metadata.name}` };
  if (!('policyName' in object.spec)) return { ...object, metadata };
  const inNamespaces = [namespaces.workload, namespaces.excluded, 'kube-system'];
  const values =
    object.kind === 'MutatingAdmissionPolicyBinding' ? inNamespaces : [...inNamespaces, namespaces.withoutInjection];
  const matchResources = {
    namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }] },
  };
  return { ...object, metadata, spec: { ...object.spec, policyName: metadata.name, matchResources } };
}

const namespaceObject = { apiVersion: 'v1', kind: 'Namespace' };

/** No controller makes `default` here. */
const serviceAccountsOf = (namespace: string): readonly object[] =>
  [...Object.keys(tableData), 'other', 'waiting', 'broken', 'wordy', 'leaving'].map((name) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace },
  }));

export const configMap = (name: string, data: object, namespace = namespaces.workload): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});

/** So that what the operator is refused is refused by policy. */
const operatorRights = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: suite },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name: options.operator.serviceAccount, namespace: options.operator.namespace }],
};

export const list = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items });
export const identity = (
  name: string,
  serviceAccount: string,
  labels: object = {},
  namespace = namespaces.workload,
): object => ({
  apiVersion: 'federatedidentity.dev/v1alpha1',
  kind: 'AwsFederatedIdentity',
  metadata: { name, namespace, labels },
  spec: { serviceAccount: { name: serviceAccount } },
});
export const bound = { 'federatedidentity.dev/bound': 'true' };

/** A policy that adds a container after ours has run (policies run in the order of their names), as a webhook might. */
function lateSidecar(): readonly object[] {
  const name = `${suite}-zz-late-sidecar`;
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const expression = `[JSONPatch{op: 'add', path: '/spec/containers/-', value: Object.spec.containers{name: 'late', image: 'late'}}]`;
  const wanted = `object.metadata.?labels['late-sidecar'].hasValue() && !object.spec.containers.exists(c, c.name == 'late')`;
  const spec = {
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
    matchConstraints: {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
    },
    matchConditions: [{ name: 'wanted', expression: wanted }],
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
  };
  return [
    { apiVersion, kind: 'MutatingAdmissionPolicy', metadata: { name }, spec },
    { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata: { name }, spec: { policyName: name } },
  ];
}

/** The message with which the API server or kubectl refused, or the empty string. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return '';
  } catch (error) {
    if (error instanceof ApiException) return statusText(error.body);
    return String(error instanceof Error && 'stderr' in error ? error.stderr : error);
  }
}

/** The Status of a failed request, as kubectl prints it. */
function statusText(body: unknown): string {
  const { reason, message } = (typeof body === 'string' ? JSON.parse(body) : body) as Record<string, unknown>;
  return `(${String(reason)}): ${String(message)}`;
}

export const token = (args: readonly string[]): Promise<string> => kubectl(['create', 'token', ...WORKLOAD, ...args]);

/** Puts the policies in force and returns once each of them is. */
export async function installPolicies(): Promise<void> {
  await kubectl(['apply', '-f', '-'], list([...admissionManifests(options).map(inForceOnlyHere), ...lateSidecar()]));
  const everywhere = [...Object.values(namespaces), 'kube-system'];
  await kubectl(['apply', '-f', '-'], list(everywhere.map((name) => ({ ...namespaceObject, metadata: { name } }))));
  await kubectl(['apply', '-f', '-'], list([...everywhere.flatMap(serviceAccountsOf), operatorRights]));
  const tables = everywhere.map((namespace) => configMap(TABLE_NAME, tableData, namespace));
  await kubectl(['apply', operator, '-f', '-'], list(tables));
  // An API server learns of a new kind of parameters within 30 s and of new policies within a few seconds.
  await vi.waitFor(async () => {
    const attempts = [
      created(pod(), namespaces.withoutInjection),
      kubectl(['create', '--dry-run=server', '-f', '-'], identity('any', 'any', bound)),
      kubectl(['create', '--dry-run=server', '-f', '-'], configMap(TABLE_NAME, {})),
      token(['reports', operator]),
    ];
    const refusals = await Promise.all(attempts.map(refusal));
    if (refusals.some((message) => !message.includes('denied'))) throw new Error('a policy is not in force yet');
    const { spec } = await created(pod());
    if (!spec.volumes?.some(({ name }) => name === 'aws-iam-token')) throw new Error('injection is not in force yet');
  }, soon);
}
