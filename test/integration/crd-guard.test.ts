import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import { ALLOW_DELETION } from '../../src/admission/policy/crd-guard.ts';
import { CHART, helm, objectsOf, RELEASE } from '../support/helm.ts';

// CRDs are of the whole cluster, so this one has a cluster of its own. The tests go on with what the one before left.
const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
const IDENTITIES = 'awsfederatedidentities.federatedidentity.dev';
const PROVIDERS = 'awsoidcproviders.federatedidentity.dev';
const GUARD = 'federated-identity-crd-guard';
const NAMESPACE = 'team';
const soon = { timeout: 60_000, interval: 250 };
const DRY_RUN = '--dry-run=server';
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  await helm(['version']);
}, 900_000); // the first time on a machine, its programs are built
afterAll(() => cluster?.stop());

const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run(cluster.kubectl, args, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    timeoutMs: 60_000,
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });

const deleted = (...args: readonly string[]): Promise<string> => kubectl(['delete', 'crd', ...args]);
const refusal = (attempt: Promise<unknown>): Promise<string> => attempt.then(() => 'accepted', String);
const annotated = (name: string, value: string): Promise<string> =>
  kubectl(['annotate', '--overwrite', 'crd', name, `${ALLOW_DELETION}=${value}`]);

/** A policy is in force a moment after it was applied. */
const untilGuarded = (): Promise<void> =>
  vi.waitFor(async () => expect(await refusal(deleted(IDENTITIES, DRY_RUN))).toContain(GUARD), soon);

/** CRDs and objects of ours, and which of them are being deleted. */
const ours = (): Promise<string> =>
  kubectl([
    'get',
    'crd,afi',
    '-A',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name} {.metadata.deletionTimestamp};{end}',
  ]);

const identity = {
  apiVersion: 'federatedidentity.dev/v1alpha1',
  kind: 'AwsFederatedIdentity',
  metadata: { name: 'reports', namespace: NAMESPACE, finalizers: ['federatedidentity.dev/aws'] },
  spec: { serviceAccount: { name: 'reports' } },
};

describe('a release of the chart', () => {
  const release = (args: readonly string[], values: object = {}): Promise<string> =>
    helm([...args, '--namespace', 'aws-federation'], { values, kubeconfig: cluster.kubeconfig });

  test('whose CRDs are not kept is uninstalled with them, and without another command', async () => {
    const values = { replicas: 0, crds: { keep: false } };
    await release(['install', RELEASE, CHART, '--create-namespace', '--values', '-'], values);
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    await annotated(PROVIDERS, 'false'); // to see that the guard is in force
    await vi.waitFor(async () => expect(await refusal(deleted(PROVIDERS, DRY_RUN))).toContain(GUARD), soon);
    await annotated(PROVIDERS, 'true');
    await release(['uninstall', RELEASE]);
    await expect.poll(() => kubectl(['get', 'crd', '-o', 'name'])).toBe('');
  });
});

describe('an installation', () => {
  beforeAll(async () => {
    const apply = ['apply', '--server-side', '-f', join(CONFIG, 'install.yaml')];
    await kubectl(apply);
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
    await kubectl(['create', 'namespace', NAMESPACE]);
    await kubectl(['create', '-f', '-'], identity);
    await untilGuarded();
  });

  const all = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All';
  const systemMasters = ['--as=anybody', '--as-group=system:masters'];
  test.each<{ name: string; attempt: () => Promise<string> }>([
    { name: 'by name', attempt: () => deleted(IDENTITIES, DRY_RUN) },
    { name: 'by file', attempt: () => kubectl(['delete', '-k', join(CONFIG, 'crd'), DRY_RUN]) },
    {
      name: 'by label',
      attempt: () => deleted('-l', 'app.kubernetes.io/part-of=federated-identity-operator', DRY_RUN),
    },
    { name: 'with all others', attempt: () => kubectl(['delete', '--raw', all]) },
    { name: 'in the background', attempt: () => deleted(IDENTITIES, '--cascade=background', DRY_RUN) },
    { name: 'by force', attempt: () => deleted(IDENTITIES, '--force', '--grace-period=0', DRY_RUN) },
    { name: 'by another administrator', attempt: () => deleted(IDENTITIES, ...systemMasters, DRY_RUN) },
  ])('keeps its CRDs from being deleted $name [F50 S13]', async ({ attempt }) => {
    expect(await refusal(attempt())).toContain(GUARD);
  });

  test.each([
    { name: IDENTITIES, kind: 'AwsFederatedIdentity', lost: 'their IAM roles, under running pods' },
    { name: PROVIDERS, kind: 'AwsOidcProvider', lost: 'the OIDC providers in IAM' },
  ])('says of $name what would be lost, and how to go on', async ({ name, kind, lost }) => {
    const message = await refusal(deleted(name, DRY_RUN));
    expect(message).toContain(`with this CRD goes every ${kind} of the cluster, and with them go ${lost}`);
    const commands = `kubectl annotate crd ${name} ${ALLOW_DELETION}=true, and then kubectl delete crd ${name}`;
    expect(message).toContain(`If that is meant: ${commands}`);
  });

  test('takes no other value of the annotation for a yes', async () => {
    for (const value of ['', 'false', 'True']) {
      await annotated(PROVIDERS, value);
      expect(await refusal(deleted(PROVIDERS, DRY_RUN))).toContain(GUARD);
    }
  });

  test('lets each CRD go that says so, and that one alone', async () => {
    await annotated(PROVIDERS, 'true');
    expect(await deleted(PROVIDERS, DRY_RUN)).toContain('deleted');
    expect(await refusal(deleted(IDENTITIES, DRY_RUN))).toContain(GUARD);
    await kubectl(['annotate', 'crd', PROVIDERS, `${ALLOW_DELETION}-`]);
    expect(await refusal(deleted(PROVIDERS, DRY_RUN))).toContain(GUARD);
  });

  test('leaves the CRDs of others alone', async () => {
    const schema = { openAPIV3Schema: { type: 'object' } };
    await kubectl(['create', '-f', '-'], {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'awsfederatedidentities.example.org' },
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { kind: 'AwsFederatedIdentity', plural: 'awsfederatedidentities' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    expect(await deleted('awsfederatedidentities.example.org')).toContain('deleted');
  });

  test('is applied again, and changed, as if there were no guard', async () => {
    const apply = ['apply', '--server-side', '--dry-run=server', '-k', join(CONFIG, 'crd')];
    expect(await kubectl(apply)).toContain(`${IDENTITIES} serverside-applied`);
    expect(await kubectl(['label', 'crd', IDENTITIES, 'team=platform'])).toContain('labeled');
  });

  test.each(['default', 'default-webhook', 'dev', 'install.yaml'])(
    'by config/%s has the CRDs before their guard, and a deletion comes to them first',
    async (source) => {
      const path = join(CONFIG, source);
      const manifests = source.endsWith('.yaml') ? await readFile(path, 'utf8') : await kubectl(['kustomize', path]);
      const kinds = objectsOf(manifests).map(({ kind }) => kind);
      expect(kinds).toContain('ValidatingAdmissionPolicyBinding');
      const firstOfGuard = kinds.findIndex((kind) => kind.startsWith('ValidatingAdmissionPolicy'));
      expect(kinds.lastIndexOf('CustomResourceDefinition')).toBeLessThan(firstOfGuard);
    },
  );

  test('that is deleted as a whole leaves CRDs and identities, and begins to delete none', async () => {
    const everything = ['delete', '-f', join(CONFIG, 'install.yaml'), '--wait=false'];
    const message = await refusal(kubectl(everything));
    for (const name of [IDENTITIES, PROVIDERS]) expect(message).toContain(`annotate crd ${name}`);
    expect(await ours()).toBe(`${IDENTITIES} ;${PROVIDERS} ;reports ;`);
    expect(await kubectl(['get', 'validatingadmissionpolicies', '-o', 'name'])).toBe('');
  });

  test('does not stop a deletion that has begun', async () => {
    await kubectl(['apply', '--server-side', '-k', join(CONFIG, 'admission', 'policy')]);
    await untilGuarded();
    await annotated(IDENTITIES, 'true');
    await deleted(IDENTITIES, '--wait=false');
    await kubectl(['annotate', 'crd', IDENTITIES, `${ALLOW_DELETION}-`]);
    expect(await deleted(IDENTITIES, '--wait=false')).toContain('deleted');
    const letGo = '--patch={"metadata":{"finalizers":null}}';
    await kubectl(['patch', 'afi', 'reports', '-n', NAMESPACE, '--type=merge', letGo]);
    await kubectl(['wait', '--for=delete', 'crd', IDENTITIES, '--timeout=30s']);
  });
});
