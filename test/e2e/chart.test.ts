import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LocalAws } from '../../dev/aws/local-aws.ts';
import { createAuthority } from '../../dev/cluster/certificates.ts';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import { type OperatorProcess, startOperator } from '../../dev/stack/operator-process.ts';
import { ACCOUNT, issuerEnvironment, REGION, startAws } from '../../dev/stack/stack.ts';
import { CHART, helm, RELEASE } from '../support/helm.ts';
import { type Outcome, runAsUser } from '../support/plugin.ts';
import { identity, pod, provider, S3_READ, type StatusObject } from '../support/stories.ts';

// From `helm install` to credentials and back. The operator runs as the Deployment of the release says, with its arguments,
// its environment, its ServiceAccount and its token for AWS; nothing else of it is known here.
const NAMESPACE = 'aws-federation';
const OPERATOR = 'federated-identity-operator';
const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/federated-operator/${OPERATOR}`;
const ADMIN = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
const TEAM = 'team';

const resources = new AsyncDisposableStack();
let cluster: Cluster;
let aws: LocalAws;
/** What a process on this machine needs to find the issuer and AWS; a pod needs none of it. */
let world: Readonly<Record<string, string>>;
let folder = '';
beforeAll(async () => {
  // kube-controller-manager, as `helm --wait` waits for the Deployment's status.
  cluster = resources.use(await startCluster({ controllerManager: true }));
  const authority = await createAuthority(new Date());
  aws = resources.use(await startAws(cluster, authority, []));
  const issuer = await issuerEnvironment(cluster, aws, { authority, publicBuckets: [] });
  world = { ...issuer, AWS_ENDPOINT_URL: aws.endpoint, CONSISTENCY_WINDOW: '1' };
  folder = await mkdtemp(join(tmpdir(), 'chart-'));
  resources.defer(() => rm(folder, { recursive: true }));
  await helm(['version']);
}, 900_000); // the first time on a machine, its programs are built
afterAll(() => resources.disposeAsync());

const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run(cluster.kubectl, args, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    timeoutMs: 180_000,
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });

const read = async <T = StatusObject>(...what: readonly string[]): Promise<T> =>
  JSON.parse(await kubectl(['get', ...what, '-o', 'json']));

const release = (args: readonly string[], values: object = {}): Promise<string> =>
  helm([...args, '--namespace', NAMESPACE], { values, kubeconfig: cluster.kubeconfig });

/** The release's values: no replicas, as there are no nodes. */
const values = (more: object = {}): object => ({
  replicas: 0,
  settings: { resyncInterval: 4, logLevel: 'debug' },
  extraEnv: Object.entries(world).map(([name, value]) => ({ name, value })),
  defaultProvider: { create: true, spec: (provider() as { readonly spec: object }).spec },
  ...more,
});

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly [
          {
            readonly args: readonly string[];
            readonly env: readonly {
              readonly name: string;
              readonly value?: string;
              readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
            }[];
            readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
          },
        ];
        readonly volumes: readonly {
          readonly name: string;
          readonly projected: {
            readonly sources: readonly [
              { readonly serviceAccountToken: { readonly audience: string; readonly path: string } },
            ];
          };
        }[];
      };
    };
  };
}

/** Does for a pod of the Deployment what a kubelet would: its fields, its token, its arguments. */
async function startPod(name: string): Promise<OperatorProcess> {
  const { spec } = (await read<Deployment>('deployment', OPERATOR, '-n', NAMESPACE)).spec.template;
  const [container] = spec.containers;
  const [volume] = spec.volumes;
  const [mount] = container.volumeMounts;
  const token = volume?.projected.sources[0].serviceAccountToken;
  if (token === undefined || mount?.name !== volume?.name) throw new Error('the Deployment mounts no token for AWS');
  const root = join(folder, name);
  await mkdir(root);
  const user = spec.serviceAccountName;
  const text = await kubectl(['create', 'token', user, '-n', NAMESPACE, `--audience=${token.audience}`]);
  await writeFile(join(root, token.path), text.trim());
  const fields: Readonly<Record<string, string>> = { 'metadata.name': name, 'metadata.namespace': NAMESPACE };
  const environment = container.env.map(({ name: variable, value, valueFrom }) => {
    const given = value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''] ?? '';
    return [variable, given.replace(mount?.mountPath ?? '', root)] as const;
  });
  return startOperator({
    kubeconfig: await cluster.kubeconfigFor({ serviceAccount: `${NAMESPACE}/${user}` }),
    folder: root,
    args: container.args,
    environment: { AWS_EC2_METADATA_DISABLED: 'true', ...Object.fromEntries(environment) },
  });
}

/** Runs the plugin as an administrator of AWS and of the cluster. */
function asAdmin(...args: readonly string[]): Promise<Outcome> {
  const key = aws.account(ACCOUNT).createUser('admin', ADMIN);
  return runAsUser({ cluster }, [cluster.kubectl, 'aws-identity', ...args], {
    HOME: folder,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    AWS_REGION: REGION,
  });
}

const untilReady = (): Promise<string> =>
  kubectl(['wait', 'afi/app', '--for=condition=Ready', '--timeout=120s', '-n', TEAM]);

test('a release is installed, gives a pod its role, is upgraded, uninstalled without a loss, and installed again', async () => {
  const installed = await release(
    ['install', RELEASE, CHART, '--create-namespace', '--wait', '--values', '-'],
    values(),
  );
  expect(installed).toContain('The API server itself injects pods');
  expect(installed).toContain(`kubectl aws-identity bootstrap --namespace ${NAMESPACE}`);
  const { uid } = (await read<{ readonly metadata: { readonly uid: string } }>('aop', 'default')).metadata;

  const bootstrap = await asAdmin('bootstrap', '--namespace', NAMESPACE, '--apply');
  expect(bootstrap).toMatchObject({ code: 0 });
  await release(['upgrade', RELEASE, CHART, '--values', '-'], values({ aws: { roleArn: ROLE_ARN, region: REGION } }));
  const provided = await read<{ readonly metadata: object }>('aop', 'default');
  expect(provided.metadata).toMatchObject({ uid, labels: { 'app.kubernetes.io/managed-by': 'Helm' } });

  await kubectl(['create', 'namespace', TEAM]);
  await kubectl(['apply', '-f', '-'], identity(TEAM, { role: { managedPolicyArns: [S3_READ] } }));
  const first = await startPod('first');
  resources.defer(() => first.stop(0));
  await untilReady();
  const created = await kubectl(['create', '-f', '-', '-o', 'json'], pod(TEAM, 'app'));
  expect(created).toContain(`arn:aws:iam::${ACCOUNT}:role/federated/`);

  await release(['upgrade', RELEASE, CHART, '--reuse-values', '--set', 'settings.concurrency=4']);
  await first.stop();
  const mark = aws.calls.mark();
  const second = await startPod('second');
  resources.defer(() => second.stop(0));
  expect(await asAdmin('reconcile', 'app', '--namespace', TEAM, '--no-wait')).toMatchObject({ code: 0 });
  const handled = async () => (await read('afi', 'app', '-n', TEAM)).status?.lastHandledReconcileAt;
  await expect.poll(handled, { timeout: 120_000 }).toBeDefined();
  await untilReady();
  expect([...aws.calls.since(mark)].filter(({ write, service }) => write && service === 'iam')).toEqual([]);

  await second.stop();
  await release(['uninstall', RELEASE]);
  await expect(kubectl(['get', 'deployment', OPERATOR, '-n', NAMESPACE])).rejects.toThrow('NotFound');
  expect(await kubectl(['get', 'validatingadmissionpolicies,clusterrole', '-o', 'name'])).not.toContain(
    'federated-identity',
  );
  expect(await kubectl(['get', 'aop,afi', '-A', '-o', 'name'])).toBe(
    'awsoidcprovider.federatedidentity.dev/default\nawsfederatedidentity.federatedidentity.dev/app\n',
  );
  const deletions = ['get', 'crd,aop,afi', '-A', '-o', 'jsonpath={.items[*].metadata.deletionTimestamp}'];
  expect(await kubectl(deletions)).toBe('');
  const roles = () =>
    aws
      .account(ACCOUNT)
      .roles()
      .map(({ path }) => path);
  expect(roles()).toContain('/federated/');

  await release(['install', RELEASE, CHART, '--values', '-'], values({ aws: { roleArn: ROLE_ARN, region: REGION } }));
  const third = await startPod('third');
  resources.defer(() => third.stop(0));
  await kubectl(['delete', 'afi', 'app', '-n', TEAM, '--timeout=120s']);
  expect(roles()).toEqual(['/federated-operator/']);
}, 400_000);
