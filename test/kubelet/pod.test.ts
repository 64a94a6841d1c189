import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { identity, newNamespace, provider, untilReady, useStack } from '../support/stories.ts';
import { IMAGE, type View, awsCaller, useNode } from './node-scene.ts';

const stack = useStack();
const node = useNode(stack);

const MAY_READ = 'reports';
const MAY_NOT_READ = 'salaries';
const TOKEN = '/var/run/secrets/eks.amazonaws.com/serviceaccount/token';

let namespace: string;
beforeAll(async () => {
  const { kubectl, account, cluster } = stack();
  namespace = await newNamespace(stack());
  // A controller publishes it in every namespace of a whole cluster; the kubelet mounts it beside the pod's own token.
  const authority = `--from-literal=ca.crt=${cluster.caCertificate}`;
  await kubectl(['create', 'configmap', 'kube-root-ca.crt', '-n', namespace, authority]);
  await kubectl(['create', 'serviceaccount', 'plain', '-n', namespace]);
  account.createBucket(MAY_READ);
  account.putObject(MAY_READ, 'q3.csv', 'revenue');
  account.createBucket(MAY_NOT_READ);
  await kubectl(['apply', '-f', '-'], provider());
  const resources = [`arn:aws:s3:::${MAY_READ}`, `arn:aws:s3:::${MAY_READ}/*`];
  const document = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:ListBucket', 's3:GetObject'], Resource: resources }],
  };
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { role: { inlinePolicies: [{ name: 'bucket', document }] } }),
  );
  await untilReady(stack(), 'afi/app', namespace);
});

/** Runs a pod to its end; resolves with what its containers wrote. The SDK is told where the local AWS is, and no more. */
async function runPod(
  name: string,
  spec: { readonly containers: readonly object[]; readonly [field: string]: unknown },
) {
  const { kubectl, aws } = stack();
  const local = [
    { name: 'AWS_ENDPOINT_URL', value: aws.endpoint },
    { name: 'AWS_EC2_METADATA_DISABLED', value: 'true' }, // the machine may be an instance of a real cloud
  ];
  const withEndpoint = (containers: readonly object[]): readonly object[] =>
    containers.map((container) => ({
      ...container,
      env: [...local, ...('env' in container ? [container.env] : [])].flat(),
    }));
  const {
    containers,
    initContainers = [],
    ...rest
  } = spec as typeof spec & { readonly initContainers?: readonly object[] };
  await kubectl(['create', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      nodeName: node().name,
      hostNetwork: true,
      restartPolicy: 'Never',
      initContainers: withEndpoint(initContainers),
      containers: withEndpoint(containers),
      ...rest,
    },
  });
  const ended = ['--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s'];
  await kubectl(['wait', `pod/${name}`, '-n', namespace, ...ended]).catch(async (error: unknown) => {
    const described = await kubectl(['describe', `pod/${name}`, '-n', namespace]);
    throw new Error(`pod ${name} did not succeed:\n${described}\n${await node().clues()}`, { cause: error });
  });
  return async <T>(container: string): Promise<T> =>
    JSON.parse(await node().log({ namespace, pod: name, container })) as T;
}

/** A container that prints who it is and what it sees of the token. */
const observer = {
  name: 'observer',
  image: IMAGE,
  args: [
    '--print',
    `const { mode, uid, gid } = fs.statSync('${TOKEN}');
     JSON.stringify({ runsAs: process.getuid(), mode: (mode & 0o777).toString(8), owner: uid + ':' + gid })`,
  ],
};

// Modes and owners are the kubelet's, for the token volume of any kind (KEP 1205): with an fsGroup the group may read,
// if all containers run as one user only that one, else everybody in the pod.
test.each([
  { name: 'root', security: {}, token: { runsAs: 0, mode: '644', owner: '0:0' } },
  {
    name: 'one-user',
    security: { runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true },
    token: { runsAs: 1000, mode: '600', owner: '1000:0' },
  },
  {
    name: 'group',
    security: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
    token: { runsAs: 1000, mode: '640', owner: '1000:2000' },
  },
])(
  'a pod that runs as $name uses AWS in its init container and its containers, with the token that its kubelet mounted',
  async ({ name, security, token }) => {
    const result = await runPod(name, {
      serviceAccountName: 'app',
      securityContext: security,
      initContainers: [awsCaller('init', MAY_READ, MAY_NOT_READ)],
      containers: [awsCaller('main', MAY_READ, MAY_NOT_READ), observer],
    });
    for (const container of ['init', 'main']) {
      expect(await result<View>(container)).toEqual({
        caller: expect.stringMatching(
          new RegExp(`^arn:aws:sts::111122223333:assumed-role/${namespace}-app-[0-9a-f]{8}/`),
        ),
        listed: 'q3.csv',
        content: 'revenue',
        refused: expect.stringMatching(/^AccessDenied: .* not authorized to perform: s3:ListBucket .*salaries/),
      });
    }
    expect(await result('observer')).toEqual(token);
  },
);

test('a container that is not root reads the token beside one that is', async () => {
  const nobody = { securityContext: { runAsUser: 65_534, runAsNonRoot: true } };
  const result = await runPod('mixed', {
    serviceAccountName: 'app',
    containers: [
      awsCaller('root', MAY_READ, MAY_NOT_READ),
      { ...awsCaller('nobody', MAY_READ, MAY_NOT_READ), ...nobody },
      { ...observer, ...nobody },
    ],
  });
  expect(await result('root')).toMatchObject({ listed: 'q3.csv' });
  expect(await result('nobody')).toMatchObject({ listed: 'q3.csv' });
  expect(await result('observer')).toEqual({ runsAs: 65_534, mode: '644', owner: '0:0' });
});

test('a pod of another ServiceAccount beside it has no credentials', async () => {
  const region = { name: 'AWS_REGION', value: 'eu-west-1' }; // its own, or the SDK would complain of that first
  const result = await runPod('plain', {
    serviceAccountName: 'plain',
    containers: [{ ...awsCaller('main', MAY_READ, MAY_NOT_READ), env: [region] }],
  });
  const none = expect.stringMatching(/^CredentialsProviderError: Could not load credentials from any providers/);
  expect(await result<View>('main')).toEqual({ caller: none, listed: none, content: none, refused: none });
});

test('the token was made for the pod by its kubelet, in whose rights it lies', async () => {
  const result = await runPod('audited', {
    serviceAccountName: 'app',
    containers: [awsCaller('main', MAY_READ, MAY_NOT_READ)],
  });
  expect(await result('main')).toMatchObject({ listed: 'q3.csv' });
  interface Request {
    readonly verb: string;
    readonly impersonatedUser?: { readonly username: string };
    readonly objectRef?: { readonly namespace?: string; readonly name?: string; readonly subresource?: string };
    readonly responseStatus?: { readonly code: number };
  }
  const lines = (await readFile(stack().cluster.auditLog, 'utf8')).trim().split('\n');
  const tokens = lines
    .map((line) => JSON.parse(line) as Request)
    .filter(({ objectRef }) => objectRef?.subresource === 'token' && objectRef.namespace === namespace)
    .filter(({ impersonatedUser }) => impersonatedUser?.username === `system:node:${node().name}`);
  expect(tokens.length).toBeGreaterThan(0);
  expect(tokens.map(({ verb, responseStatus }) => `${verb} ${responseStatus?.code}`)).toEqual(
    tokens.map(() => 'create 201'),
  );
});
