import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Outcome, runPlugin } from '../support/plugin.ts';
import {
  identity,
  newNamespace,
  provider,
  read,
  S3_READ,
  SQS_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

const stack = useStack();

const READ_ONLY = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['iam:GetRole', 'iam:ListAttachedRolePolicies', 'iam:ListRolePolicies', 'iam:GetRolePolicy'],
      Resource: '*',
    },
  ],
};

let home = '';
let reader = { accessKeyId: '', secretAccessKey: '' };
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'plan-'));
  reader = stack().account.createUser('reader', READ_ONLY);
  await stack().kubectl(['apply', '-f', '-'], provider());
});
afterAll(() => rm(home, { recursive: true }));

/** As a user does, with AWS keys of their own. */
const plan = (args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  runPlugin(stack(), ['plan', ...args], {
    HOME: home,
    AWS_ENDPOINT_URL: stack().aws.endpoint,
    AWS_ACCESS_KEY_ID: reader.accessKeyId,
    AWS_SECRET_ACCESS_KEY: reader.secretAccessKey,
    ...environment,
  });

const writesOfReader = (): readonly string[] =>
  stack()
    .aws.calls.filter(({ principal, write }) => write && principal.endsWith(':user/reader'))
    .map(({ operation }) => operation);

const inline = (action: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });

const suspend = (namespace: string): Promise<string> =>
  stack().kubectl(['patch', 'afi/app', '-n', namespace, '--type=merge', '-p', '{"spec":{"suspend":true}}']);

/** An identity that is ready and then suspended, so that nothing is repaired. Resolves with the name of its role. */
async function suspendedIdentity(namespace: string, role: object): Promise<string> {
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { role }));
  await untilReady(stack(), 'afi/app', namespace);
  await suspend(namespace);
  const { status } = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'Suspended');
  return status?.roleArn?.split('/').at(-1) ?? '';
}

test('help is reached through kubectl, and tells the exit codes', async () => {
  const { code, stdout } = await plan(['--help']);
  expect(code).toBe(0);
  expect(stdout).toContain('Usage: kubectl aws-identity plan [options] [name]');
  expect(stdout).toMatch(/Exit code:\n +0 .*\n +2 .*\n +1 /);
});

test('an identity in sync has nothing to do; after changes by hand the plan names each of them and its call', async () => {
  const namespace = await newNamespace(stack());
  const role = { managedPolicyArns: [S3_READ], inlinePolicies: [{ name: 'inline', document: inline('s3:GetObject') }] };
  const RoleName = await suspendedIdentity(namespace, role);
  const heading = `${namespace}/app: role ${RoleName} (suspended: waits for spec.suspend: false)`;
  const mark = stack().aws.calls.mark();
  expect(await plan(['app', '-n', namespace])).toEqual({
    code: 0,
    stdout: `${heading}\n  0 to change: in sync.\n`,
    stderr: '',
  });
  const calls = stack()
    .aws.calls.since(mark)
    .filter(({ principal }) => principal.endsWith(':user/reader'));
  expect(calls.map(({ operation }) => operation)).toEqual([
    'GetCallerIdentity',
    'GetRole',
    'ListAttachedRolePolicies',
    'ListRolePolicies',
    'GetRolePolicy',
  ]);

  const { account } = stack();
  await account.perform('DetachRolePolicy', { RoleName, PolicyArn: S3_READ });
  await account.perform('AttachRolePolicy', { RoleName, PolicyArn: SQS_READ });
  await account.perform('PutRolePolicy', { RoleName, PolicyName: 'inline', PolicyDocument: inline('*') });
  const { code, stdout } = await plan(['-n', namespace]);
  expect(code).toBe(2);
  expect(stdout).toBe(`${heading}
  - role.managedPolicyArns: ${SQS_READ}  # DetachRolePolicy
  ~ role.inlinePolicies[inline]  # PutRolePolicy
      …
          "Statement": [
            {
              "Effect": "Allow",
      -       "Action": "*",
      +       "Action": "s3:GetObject",
              "Resource": "*"
            }
          ]
      …
  + role.managedPolicyArns: ${S3_READ}  # AttachRolePolicy
  3 to change.
`);

  const json = await plan(['-n', namespace, '-o', 'json']);
  expect(json.code).toBe(2);
  expect(JSON.parse(json.stdout)).toEqual([
    {
      namespace,
      name: 'app',
      role: RoleName,
      actions: [
        { type: 'DetachRolePolicy', policyArn: SQS_READ },
        { type: 'PutRolePolicy', policyName: 'inline', document: JSON.parse(inline('s3:GetObject')) },
        { type: 'AttachRolePolicy', policyArn: S3_READ },
      ],
      drift: [
        { path: 'role.managedPolicyArns', want: 'not attached', have: SQS_READ },
        { path: 'role.inlinePolicies[inline]', want: inline('s3:GetObject'), have: inline('*') },
        { path: 'role.managedPolicyArns', want: S3_READ, have: 'not attached' },
      ],
    },
  ]);
  expect(writesOfReader()).toEqual([]);
});

test('a role that is not there yet is shown with all that CreateRole carries', async () => {
  const namespace = await newNamespace(stack());
  const spec = { suspend: true, role: { description: 'reads', managedPolicyArns: [S3_READ] } };
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, spec));
  const { code, stdout } = await plan(['-n', namespace]);
  expect(code).toBe(2);
  expect(stdout).toMatch(
    /\n {2}\+ role: \S+ {2}# CreateRole\n {6}\+ role.path: \/federated\/\n {6}\+ role.description: reads\n/,
  );
  expect(stdout).toContain(`"oidc.federated-identity.example:sub": "system:serviceaccount:${namespace}:app"`);
  expect(stdout).toContain(`  + role.managedPolicyArns: ${S3_READ}  # AttachRolePolicy\n  2 to change.\n`);
});

test('the role of somebody else is refused, and so is what a guardrail forbids', async () => {
  const namespace = await newNamespace(stack());
  const { account, kubectl } = stack();
  const RoleName = `foreign-${namespace}`;
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 'sts:AssumeRole' }],
  };
  await account.perform('CreateRole', {
    RoleName,
    Path: '/federated/',
    AssumeRolePolicyDocument: JSON.stringify(trust),
  });
  await kubectl(['apply', '-f', '-'], identity(namespace, { suspend: true, role: { name: RoleName } }));
  const forbidden = 'arn:aws:iam::aws:policy/AdministratorAccess';
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { suspend: true, role: { managedPolicyArns: [forbidden] } }, 'admin'),
  );

  const foreign = await plan(['app', '-n', namespace]);
  expect(foreign.code).toBe(1);
  expect(foreign.stdout).toContain(`! RoleNotOwned: IAM role ${RoleName} exists and is left untouched`);
  const all = await plan(['-n', namespace]);
  expect(all.code).toBe(1);
  expect(all.stdout).toContain(
    `! PolicyNotAllowed: Managed policy ${forbidden} is not allowed by AwsOidcProvider "default"`,
  );
  expect(all.stdout).toContain('2 identities: 0 in sync, 0 to change, 2 refused.');
  const json = JSON.parse((await plan(['app', '-n', namespace, '-o', 'json'])).stdout);
  expect(json).toMatchObject([{ role: RoleName, actions: [], refused: { reason: 'RoleNotOwned' } }]);
  expect(writesOfReader()).toEqual([]);
});

test('a provider that is not there is a refusal that says so', async () => {
  const namespace = await newNamespace(stack());
  const spec = { suspend: true, providerRef: { name: 'missing' } };
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, spec));
  const { code, stdout } = await plan(['-n', namespace]);
  expect({ code, stdout }).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('! ProviderNotFound: AwsOidcProvider "missing"'),
  });
});

test.each([
  {
    name: 'an unknown identity',
    args: ['nobody'],
    environment: {},
    says: /^there is no AwsFederatedIdentity "nobody" in namespace team-\w+: it has app\n$/,
  },
  { name: 'no kubeconfig', args: [], environment: { KUBECONFIG: '' }, says: /^no kubeconfig: set KUBECONFIG/ },
  {
    name: 'an unknown context',
    args: ['--context', 'moon'],
    environment: {},
    says: /^the kubeconfig has no usable context "moon" \(it has federated-identity-dev\)/,
  },
  {
    name: 'no AWS credentials',
    args: [],
    environment: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' },
    says: /^no AWS credentials: /,
  },
  {
    name: 'AWS credentials that are wrong',
    args: [],
    environment: { AWS_SECRET_ACCESS_KEY: 'wrong' },
    says: /^AWS does not accept your credentials: /,
  },
  {
    name: 'an AWS that is away',
    args: [],
    environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' },
    says: /^cannot reach AWS: .*ECONNREFUSED/,
  },
  {
    name: 'a name and all namespaces',
    args: ['app', '-A'],
    environment: {},
    says: /^a name and --all-namespaces exclude each other/,
  },
])('$name ends with 1 and one line that helps', async ({ args, environment, says }) => {
  const namespace = await newNamespace(stack());
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { suspend: true }));
  const outcome = await plan([...args, '-n', namespace], environment);
  expect(outcome).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(says) });
});

test('who may not look at roles is told what it takes', async () => {
  const namespace = await newNamespace(stack());
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { role: {} }));
  await untilReady(stack(), 'afi/app', namespace);
  const nobody = stack().account.createUser('nobody', {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
  });
  const environment = { AWS_ACCESS_KEY_ID: nobody.accessKeyId, AWS_SECRET_ACCESS_KEY: nobody.secretAccessKey };
  const { code, stdout } = await plan(['-n', namespace], environment);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /! AccessDenied: User: arn:aws:iam::111122223333:user\/nobody is not authorized .* iam:GetRolePolicy\./,
  );
});

test('a tenant who may only view the namespace is told what is missing', async () => {
  const namespace = await newNamespace(stack());
  const { cluster, kubectl } = stack();
  await kubectl(['apply', '-f', '-'], identity(namespace, { suspend: true }));
  await kubectl(['create', 'serviceaccount', 'tenant', '-n', namespace]);
  await kubectl([
    'create',
    'rolebinding',
    'tenant',
    '-n',
    namespace,
    '--clusterrole=federated-identity-viewer',
    `--serviceaccount=${namespace}:tenant`,
  ]);
  const KUBECONFIG = await cluster.kubeconfigFor({ serviceAccount: `${namespace}/tenant` });
  const { code, stderr } = await plan(['-n', namespace], { KUBECONFIG });
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^you may not get Namespace kube-system: /),
  });
});

test('-A shows the identities of every namespace', async () => {
  const namespaces = [await newNamespace(stack()), await newNamespace(stack())];
  for (const namespace of namespaces)
    await stack().kubectl(['apply', '-f', '-'], identity(namespace, { suspend: true }));
  const { stdout } = await plan(['-A', '-o', 'json']);
  const rows = JSON.parse(stdout) as readonly { readonly namespace: string }[];
  expect(rows.map(({ namespace }) => namespace)).toEqual(expect.arrayContaining(namespaces));
  expect((await read<{ items: unknown[] }>(stack(), 'afi', '-A')).items).toHaveLength(rows.length);
});
