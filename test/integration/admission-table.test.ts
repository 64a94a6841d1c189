import { beforeAll, describe, expect, test } from 'vitest';
import { TABLE_NAME } from '../../src/kube/injection-table.ts';
import { tableData } from './admission-expectations.ts';
import { app, type Container, equipped, MOUNT_PATH, type Pod, pod, tokenVolume } from './admission-pods.ts';
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
const second = (container: Partial<Container>): Pod =>
  pod({ volumes: [tokenVolume], containers: [equipped, { ...equipped, name: 'sidecar', ...container }] });
const ROLE = { name: 'AWS_ROLE_ARN', value: 'own' };
const TOKEN_FILE = { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: 'own' };
const MOUNT = `a mount at ${MOUNT_PATH}`;

describe('table gate', () => {
  const bare = namespaces.withoutInjection;
  test('denies a pod whose ServiceAccount has a role and that was not injected, and says what to look at [S10]', async () => {
    const message = await refusal(created(pod(), bare));
    expect(message).toContain('(Forbidden)');
    expect(message).toContain(
      `ServiceAccount reports has the AWS role arn:aws:iam::111122223333:role/federated/reports, but container app was not given it: it lacks AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, ${MOUNT}. Check that`,
    );
    expect(message).toContain('MutatingAdmissionPolicy with its binding, or MutatingWebhookConfiguration');
    expect(message).toContain('federatedidentity.dev/inject: "false"');
  });

  test.each<{ name: string; candidate: Pod; lacks: string }>([
    { name: 'the variables', candidate: second({ env: [] }), lacks: 'AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE.' },
    { name: 'the role', candidate: second({ env: [TOKEN_FILE] }), lacks: 'AWS_ROLE_ARN.' },
    { name: 'the token file', candidate: second({ env: [ROLE] }), lacks: 'AWS_WEB_IDENTITY_TOKEN_FILE.' },
    { name: 'the mount', candidate: second({ volumeMounts: [] }), lacks: `${MOUNT}.` },
    {
      name: 'all, being an init container',
      candidate: pod({ volumes: [tokenVolume], containers: [equipped], initContainers: [sidecar] }),
      lacks: 'AWS_ROLE_ARN, ',
    },
    {
      name: 'all, beside a skipped one',
      candidate: pod({ annotations: { 'eks.amazonaws.com/skip-containers': 'app' }, containers: [app, sidecar] }),
      lacks: 'AWS_ROLE_ARN, ',
    },
  ])('names the container that lacks $name', async ({ candidate, lacks }) => {
    const message = await refusal(created(candidate, bare));
    expect(message).toContain(`but container sidecar was not given it: it lacks ${lacks}`);
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
    expect(message).toContain(
      'AwsFederatedIdentity nightly is not ready (ProviderNotFound). Pods of ServiceAccount unready wait',
    );
    expect(message).toContain(`kubectl describe awsfederatedidentity nightly -n ${namespaces.workload}`);
    expect(message).toContain('federatedidentity.dev/inject: "false"');
  });
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
  ])('an administrator may not $name a table [S10]', async ({ attempt }) => {
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
