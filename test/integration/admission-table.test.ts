import { beforeAll, describe, expect, test } from 'vitest';
import { TABLE_NAME } from '../../src/kube/injection-table.ts';
import { tableData, untouchedContainer } from './admission-cases.ts';
import { app, equipped, factsOf, type Pod, pod, tokenVolume } from './admission-pods.ts';
import {
  configMap,
  created,
  installPolicies,
  kubectl,
  namespaces,
  operator,
  operatorName,
  refusal,
  WORKLOAD,
} from './admission-scene.ts';

beforeAll(installPolicies, 120_000);

const sidecar = { name: 'sidecar', image: 'example.org/sidecar' };
const without = (field: 'env' | 'volumeMounts'): Pod =>
  pod({ volumes: [tokenVolume], containers: [equipped, { ...equipped, name: 'sidecar', [field]: [] }] });

describe('table gate', () => {
  const bare = namespaces.withoutInjection;
  test('denies a pod whose ServiceAccount has a role and that was not injected', async () => {
    expect(await refusal(created(pod(), bare))).toContain(
      'ServiceAccount reports has the AWS role arn:aws:iam::111122223333:role/federated/reports, but container app was not given it',
    );
  });

  test.each([
    { name: 'a container without the variables', candidate: without('env') },
    { name: 'a container without the mount', candidate: without('volumeMounts') },
    {
      name: 'a bare init container',
      candidate: pod({ volumes: [tokenVolume], containers: [equipped], initContainers: [sidecar] }),
    },
    {
      name: 'a bare container beside a skipped one',
      candidate: pod({ annotations: { 'eks.amazonaws.com/skip-containers': 'app' }, containers: [app, sidecar] }),
    },
  ])('names $name', async ({ candidate }) => {
    expect(await refusal(created(candidate, bare))).toContain('but container sidecar was not given it');
  });

  test.each([
    { name: 'has all it needs from elsewhere', candidate: pod({ volumes: [tokenVolume], containers: [equipped] }) },
    { name: 'opted out', candidate: pod({ annotations: { 'federatedidentity.dev/inject': 'false' } }) },
    { name: 'has a ServiceAccount without a role', candidate: pod({ serviceAccountName: 'other' }) },
    {
      name: 'has only skipped containers',
      candidate: pod({ annotations: { 'eks.amazonaws.com/skip-containers': 'app' } }),
    },
  ])('allows a pod that $name', async ({ candidate }) => {
    await expect(created(candidate, bare)).resolves.toBeDefined();
  });

  test('denies a pod of an identity that is not ready, says which and why, and what to do', async () => {
    const message = await refusal(created(pod({ serviceAccountName: 'unready' })));
    expect(message).toContain('AwsFederatedIdentity nightly is not ready (ProviderNotFound)');
    expect(message).toContain(`kubectl describe awsfederatedidentity nightly -n ${namespaces.workload}`);
    expect(message).toContain('federatedidentity.dev/inject: "false"');
  });

  test('denies a pod of an identity that is not ready even when the pod has all it needs', async () => {
    const candidate = pod({ serviceAccountName: 'unready', volumes: [tokenVolume], containers: [equipped] });
    expect(await refusal(created(candidate))).toContain('nightly is not ready');
  });

  test('allows a pod of an identity that is not ready when it opted out', async () => {
    const annotations = { 'federatedidentity.dev/inject': 'false' };
    const stored = await created(pod({ serviceAccountName: 'unready', annotations }));
    expect(factsOf(stored).containers).toEqual({ app: untouchedContainer });
  });

  test('denies a pod of a pending entry that names nobody', async () => {
    const message = await refusal(created(pod({ serviceAccountName: 'pending-alone' })));
    expect(message).toContain("AwsFederatedIdentity of the pod's ServiceAccount is not ready");
  });

  test.each(['no-words', 'three-words', 'five-words', 'two-spaces', 'a-duration', 'no-role'])(
    'denies a pod whose entry can not be read: %s',
    async (serviceAccountName) => {
      const message = await refusal(created(pod({ serviceAccountName })));
      expect(message).toContain(`the entry ${serviceAccountName} in ConfigMap aws-pod-injection is not of the form`);
    },
  );
});

describe('table guard', () => {
  const reason = `only ${operatorName} may create, change or delete a ConfigMap ${TABLE_NAME}`;
  const dryRun = '--dry-run=server';
  const merge = ['--type=merge', '--patch={"data":{"reports":"mine"}}'];
  const configMaps = `/api/v1/namespaces/${namespaces.workload}/configmaps`;

  test.each([
    { name: 'create', attempt: () => kubectl(['create', dryRun, '-f', '-'], configMap(TABLE_NAME, {})) },
    { name: 'apply', attempt: () => kubectl(['apply', '--server-side', '-f', '-'], configMap(TABLE_NAME, {})) },
    { name: 'patch', attempt: () => kubectl(['patch', 'cm', TABLE_NAME, ...WORKLOAD, ...merge]) },
    { name: 'label', attempt: () => kubectl(['label', 'cm', TABLE_NAME, ...WORKLOAD, 'team=platform']) },
    { name: 'delete', attempt: () => kubectl(['delete', 'cm', TABLE_NAME, ...WORKLOAD]) },
    { name: 'delete, with all others,', attempt: () => kubectl(['delete', '--raw', `${configMaps}?dryRun=All`]) },
  ])('an administrator may not $name a table', async ({ attempt }) => {
    expect(await refusal(attempt())).toContain(reason);
  });

  test('the operator may create, change and delete a table', async () => {
    const namespace = namespaces.withoutInjection;
    await kubectl(['delete', operator, 'cm', TABLE_NAME, '-n', namespace]);
    await kubectl(['create', operator, '-f', '-'], configMap(TABLE_NAME, {}, namespace));
    await kubectl(
      ['apply', operator, '--server-side', '--force-conflicts', '-f', '-'],
      configMap(TABLE_NAME, tableData, namespace),
    );
  });

  test.each([
    'system:serviceaccount:kube-system:namespace-controller',
    'system:serviceaccount:kube-system:generic-garbage-collector',
    'system:kube-controller-manager',
  ])('%s may delete a table but not change it', async (user) => {
    const as = [`--as=${user}`, '--as-group=system:masters', ...WORKLOAD, dryRun];
    await expect(kubectl(['delete', 'cm', TABLE_NAME, ...as])).resolves.toContain('deleted');
    expect(await refusal(kubectl(['patch', 'cm', TABLE_NAME, ...as, ...merge]))).toContain(reason);
  });

  test('everybody may write other ConfigMaps, also of a generated name that begins like it', async () => {
    await kubectl(['create', '-f', '-'], configMap('settings', {}));
    await kubectl(['patch', 'cm', 'settings', ...WORKLOAD, ...merge]);
    await kubectl(['delete', 'cm', 'settings', ...WORKLOAD]);
    const metadata = { generateName: TABLE_NAME, namespace: namespaces.workload };
    await kubectl(['create', dryRun, '-f', '-'], { ...configMap('', {}), metadata });
  });

  test.each(['kube-system', namespaces.excluded])(
    "the table of the excluded namespace %s is nobody's concern",
    async (namespace) => {
      await expect(
        kubectl(['label', 'cm', TABLE_NAME, '-n', namespace, 'a=b', '--overwrite', dryRun]),
      ).resolves.toContain('labeled');
    },
  );
});
