import { beforeAll, expect, test } from 'vitest';
import { type Outcome, runPlugin } from '../support/plugin.ts';
import {
  identity,
  newNamespace,
  operatorApiWrites,
  pod,
  provider,
  read,
  S3_READ,
  untilReady,
  useStack,
} from '../support/stories.ts';
import type { InjectedPod } from '../support/workload.ts';

const stack = useStack({ controllerManager: true });

beforeAll(async () => {
  await stack().kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
});

const cli = (...args: readonly string[]): Promise<Outcome> => runPlugin(stack(), args);

/** A Deployment of the ServiceAccount `app`. There is no kubelet, so that its pods are never ready, but they are. */
const deployment = (namespace: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: {
    replicas: 2,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { serviceAccountName: 'app', containers: [{ name: 'main', image: 'registry.example/workload:1' }] },
    },
  },
});

interface Pods {
  readonly items: readonly InjectedPod[];
}

const podsOf = async (namespace: string): Promise<readonly InjectedPod[]> =>
  (await read<Pods>(stack(), 'pods', '-n', namespace)).items;

const roleOf = ({ spec }: InjectedPod): string | undefined =>
  spec.containers[0]?.env?.find(({ name }) => name === 'AWS_ROLE_ARN')?.value;

async function counts(namespace: string): Promise<unknown> {
  const { status } = await read<{ readonly status?: { readonly pods?: object } }>(stack(), 'afi/app', '-n', namespace);
  return status?.pods;
}

/** Waits until the identity's counts are these: bound, not injected, stale. */
async function untilCounted(namespace: string, ...expected: readonly [number, number, number]): Promise<void> {
  const [bound, notInjected, stale] = expected;
  const poll = { timeout: 60_000, interval: 200 }; // a rollout that is seen half done is counted again
  await expect.poll(() => counts(namespace), poll).toEqual({ bound, notInjected, stale });
}

interface Events {
  readonly items: readonly {
    readonly regarding: { readonly kind: string; readonly name: string };
    readonly reason: string;
    readonly type: string;
    readonly note: string;
  }[];
}

const REASONS: readonly string[] = ['PodsNotInjected', 'PodsStale', 'NotInjected', 'StaticCredentials'];

/** What was told of pods, as `Kind/name reason`, sorted, with the notes. */
async function toldIn(namespace: string): Promise<ReadonlyMap<string, string>> {
  const { items } = await read<Events>(stack(), 'events.events.k8s.io', '-n', namespace);
  const found = items
    .filter(({ reason }) => REASONS.includes(reason))
    .map(({ regarding: { kind, name }, reason, note }): [string, string] => [`${kind}/${name} ${reason}`, note]);
  expect(new Set(found.map(([what]) => what)).size, 'each is told once').toBe(found.length);
  return new Map(found.toSorted());
}

/** Waits until exactly this was told; Events are written a moment after the counts. */
async function untilTold(namespace: string, expected: readonly string[]): Promise<ReadonlyMap<string, string>> {
  await expect.poll(async () => [...(await toldIn(namespace)).keys()], { timeout: 30_000 }).toEqual(expected);
  return toldIn(namespace);
}

async function untilReplicas(namespace: string): Promise<void> {
  await expect.poll(async () => (await podsOf(namespace)).length, { timeout: 30_000 }).toBe(2);
}

test('pods that are older than their identity are counted, told, and restarted by one command', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['create', 'serviceaccount', 'app', '-n', namespace]);
  await kubectl(['create', 'serviceaccount', 'other', '-n', namespace]);
  await kubectl(['apply', '-f', '-'], deployment(namespace));
  await kubectl(['apply', '-f', '-'], pod(namespace, 'app', 'ended'));
  await kubectl(['apply', '-f', '-'], pod(namespace, 'other', 'other'));
  const succeeded = '{"status":{"phase":"Succeeded"}}';
  await kubectl(['patch', 'pod', 'ended', '-n', namespace, '--subresource=status', '-p', succeeded]);
  await expect.poll(async () => (await podsOf(namespace)).length, { timeout: 30_000 }).toBe(4);

  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  await untilCounted(namespace, 2, 2, 0);
  const names = (await podsOf(namespace))
    .map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith('web-'));
  const told = await untilTold(namespace, [
    'AwsFederatedIdentity/app PodsNotInjected',
    ...names.map((name) => `Pod/${name} NotInjected`),
  ]);
  expect(told.get('AwsFederatedIdentity/app PodsNotInjected')).toMatch(
    `: ${names.join(', ')}. Only new pods are injected. Next: kubectl aws-identity restart app -n ${namespace} --stale`,
  );
  expect((await cli('status', '-n', namespace)).stdout).toContain(`${namespace}/app  pods: 2, 2 not injected, 0 stale`);

  const restart = ['restart', 'app', '-n', namespace, '--stale'];
  expect(await cli(...restart)).toEqual({
    code: 2,
    stdout: `# 2 running pods of ServiceAccount ${namespace}/app: 2 to restart (2 not injected, 0 with another role)
kubectl rollout restart deployment/web -n ${namespace} # ${names.join(', ')}
`,
    stderr: '',
  });
  expect(await cli(...restart, '--apply')).toMatchObject({ code: 0, stderr: '' });
  await untilCounted(namespace, 2, 0, 0);
  const { roleArn } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  expect((await podsOf(namespace)).filter(({ metadata }) => metadata.name.startsWith('web-')).map(roleOf)).toEqual([
    roleArn,
    roleArn,
  ]);
  expect(await cli(...restart)).toMatchObject({ code: 0, stdout: expect.stringContaining('none needs a restart') });
});

test('pods with the role of an earlier identity are stale until they are restarted', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['create', 'serviceaccount', 'app', '-n', namespace]);
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  await kubectl(['apply', '-f', '-'], deployment(namespace));
  await untilReplicas(namespace);
  await untilCounted(namespace, 2, 0, 0);

  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { name: `${namespace}-second` } }));
  await untilReady(stack(), 'afi/app', namespace);
  await untilCounted(namespace, 2, 0, 2);
  await untilTold(namespace, ['AwsFederatedIdentity/app PodsStale']);
  const { stdout } = await cli('restart', 'app', '-n', namespace, '--stale', '--apply', '-o', 'json');
  expect(JSON.parse(stdout)).toMatchObject({ total: 2, restarts: [{ owner: 'Deployment web', restarted: true }] });
  await untilCounted(namespace, 2, 0, 0);
});

test('a namespace in which Jobs come and go costs two writes, and no more', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  const since = new Date();
  const job = (index: number): object => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `job-${index}`, namespace },
    spec: {
      template: {
        spec: {
          serviceAccountName: 'app',
          restartPolicy: 'Never',
          containers: [{ name: 'main', image: 'registry.example/workload:1' }],
        },
      },
    },
  });
  for (let index = 0; index < 24; index += 1) {
    await kubectl(['apply', '-f', '-'], job(index));
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (index % 2 === 0) await kubectl(['delete', 'job', `job-${index}`, '-n', namespace]);
  }
  await expect.poll(async () => (await podsOf(namespace)).length, { timeout: 30_000 }).toBe(12);
  await untilCounted(namespace, 12, 0, 0);
  const writes = (await operatorApiWrites(stack(), since)).filter(
    (one) => one === 'patch awsfederatedidentities/status',
  );
  expect(writes).toHaveLength(2);
  const quiet = new Date();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  expect(await operatorApiWrites(stack(), quiet)).toEqual([]);
});

test('a pod whose own credentials win over its role is told', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  const env = [{ name: 'AWS_ACCESS_KEY_ID', value: 'AKIAEXAMPLE' }];
  const containers = [{ name: 'main', image: 'registry.example/workload:1', env }];
  await kubectl(['apply', '-f', '-'], { ...pod(namespace, 'app'), spec: { serviceAccountName: 'app', containers } });
  const told = await untilTold(namespace, [
    'AwsFederatedIdentity/app StaticCredentials',
    'Pod/workload StaticCredentials',
  ]);
  const notes = [...told.values()].join();
  expect(notes).toContain('container main: AWS_ACCESS_KEY_ID');
  expect(notes).not.toContain('AKIAEXAMPLE');
  expect(await counts(namespace)).toEqual({ bound: 1, notInjected: 0, stale: 0 });
});

test('a ServiceAccount that was annotated by hand is told of its older pods', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['create', 'serviceaccount', 'legacy', '-n', namespace]);
  await kubectl(['apply', '-f', '-'], pod(namespace, 'legacy'));
  const role = 'eks.amazonaws.com/role-arn=arn:aws:iam::111122223333:role/legacy';
  await kubectl(['annotate', 'serviceaccount', 'legacy', '-n', namespace, role]);
  await untilTold(namespace, ['Pod/workload NotInjected', 'ServiceAccount/legacy PodsNotInjected']);
  expect(await kubectl(['describe', 'serviceaccount', 'legacy', '-n', namespace])).toContain('PodsNotInjected');
});

test('an identity that is not bound is not restarted for', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], identity(namespace, { providerRef: { name: 'nowhere' } }));
  const { code, stderr } = await cli('restart', 'app', '-n', namespace, '--apply');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('is not bound yet') });
});
