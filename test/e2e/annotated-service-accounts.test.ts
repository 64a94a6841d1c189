import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { ACCOUNT } from '../../dev/stack/stack.ts';
import {
  identity,
  newNamespace,
  operatorApiWrites,
  operatorCalls,
  pod,
  provider,
  S3_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';
import { runPlugin } from '../support/plugin.ts';
import { type InjectedPod, workloadOf } from '../support/workload.ts';

const stack = useStack();
const soon = { timeout: 20_000, interval: 100 };
const OPERATOR = '--as=system:serviceaccount:federated-identity-system:federated-identity-operator';
const ROLE_ARN = 'eks.amazonaws.com/role-arn';
const DOC = fileURLToPath(new URL('../../docs/injection.md', import.meta.url));

beforeAll(async () => {
  await stack().kubectl(['apply', '-f', '-'], provider({ clientIds: ['sts.amazonaws.com', 'own'] }));
  await untilReady(stack(), 'aop/default');
});

/** As Terraform makes it: the trust policy that AWS documents for a ServiceAccount. */
async function roleByHand(
  name: string,
  namespace: string,
  { audience = 'sts.amazonaws.com', path = '/' } = {},
): Promise<string> {
  const { account, cluster } = stack();
  const issuer = new URL(cluster.issuer);
  const host = `${issuer.host}${issuer.pathname.replace(/\/$/, '')}`;
  const trust = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${host}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            [`${host}:sub`]: `system:serviceaccount:${namespace}:app`,
            [`${host}:aud`]: audience,
          },
        },
      },
    ],
  };
  await account.perform('CreateRole', { RoleName: name, Path: path, AssumeRolePolicyDocument: JSON.stringify(trust) });
  return `arn:aws:iam::${ACCOUNT}:role${path}${name}`;
}

const serviceAccount = (namespace: string, annotations: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'app', namespace, annotations },
});

interface Metadata {
  readonly labels?: Readonly<Record<string, string>>;
}

const metadataOf = async (namespace: string): Promise<Metadata> =>
  (JSON.parse(await stack().kubectl(['get', 'sa', 'app', '-n', namespace, '-o', 'json'])) as { metadata: Metadata })
    .metadata;

const entryOf = (namespace: string): Promise<string> =>
  stack().kubectl([
    'get',
    'cm',
    'aws-pod-injection',
    '-n',
    namespace,
    '--ignore-not-found',
    '-o',
    'jsonpath={.data.app}',
  ]);

/** Creates a pod as a ReplicaSet does: again and again while it is denied. */
async function createdAtLast(namespace: string, name: string): Promise<InjectedPod> {
  let created = '';
  await expect
    .poll(async () => {
      created = await stack()
        .kubectl(['create', '-f', '-', '-o', 'json'], pod(namespace, 'app', name))
        .catch((error: unknown) => {
          expect(String(error)).toContain('federated-identity-service-account-gate');
          return '';
        });
      return created;
    }, soon)
    .not.toBe('');
  return JSON.parse(created) as InjectedPod;
}

const roleOf = (created: InjectedPod): string | undefined =>
  created.spec.containers[0]?.env?.find(({ name }) => name === 'AWS_ROLE_ARN')?.value;

test('a ServiceAccount annotated by hand, as on EKS, gives its pods the role, and nothing in AWS is touched', async () => {
  const { kubectl, aws } = stack();
  const namespace = await newNamespace(stack());
  const first = await roleByHand(`${namespace}-first`, namespace);
  const second = await roleByHand(`${namespace}-second`, namespace, { audience: 'own' });
  const mark = aws.calls.mark();
  await kubectl(['apply', '-f', '-'], serviceAccount(namespace, { [ROLE_ARN]: first }));
  const pods = [await createdAtLast(namespace, 'one')];
  await using one = await workloadOf(stack(), pods[0]!);
  expect(await one.callerArn()).toContain(`:assumed-role/${namespace}-first/`);
  expect(await entryOf(namespace)).toBe(`${first} sts.amazonaws.com 86400 eu-west-1`);

  // From the change on no pod gets the former role: each is denied or has the new one.
  await kubectl([
    'annotate',
    'sa',
    'app',
    '-n',
    namespace,
    '--overwrite',
    `${ROLE_ARN}=${second}`,
    'eks.amazonaws.com/audience=own',
  ]);
  pods.push(await createdAtLast(namespace, 'two'));
  expect(roleOf(pods[1]!)).toBe(second);
  await using two = await workloadOf(stack(), pods[1]!);
  expect(await two.callerArn()).toContain(`:assumed-role/${namespace}-second/`);

  await expect
    .poll(() => metadataOf(namespace), soon)
    .toMatchObject({ labels: { 'federatedidentity.dev/injection': 'bound' } });
  await sleep(1_000);
  const since = new Date();
  await sleep(5_000); // more than one resync
  expect(await operatorApiWrites(stack(), since)).toEqual([]);
  expect(operatorCalls(stack(), mark).filter(({ resource }) => resource.includes(namespace))).toEqual([]);

  await kubectl(['annotate', 'sa', 'app', '-n', namespace, `${ROLE_ARN}-`]);
  await expect.poll(() => entryOf(namespace), soon).toBe('');
  expect(roleOf(await createdAtLast(namespace, 'three'))).toBeUndefined();
  expect((await metadataOf(namespace)).labels).toBeUndefined();
});

test('a pod that comes in the same kubectl apply is never without its role', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  const role = await roleByHand(namespace, namespace);
  const items = [serviceAccount(namespace, { [ROLE_ARN]: role }), pod(namespace, 'app', 'racing')];
  const refused = await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items }).then(
    () => '',
    (error: unknown) => String(error),
  );
  expect(refused).toContain('the operator has not taken it up yet');
  expect(roleOf(await createdAtLast(namespace, 'again'))).toBe(role);
});

test('a ServiceAccount that was annotated before the operator was installed is taken up without a write to it', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  const role = await roleByHand(namespace, namespace);
  await kubectl(['create', OPERATOR, '-f', '-'], serviceAccount(namespace, { [ROLE_ARN]: role })); // the operator's are not marked
  await expect.poll(() => entryOf(namespace), soon).toContain(role);
  expect(roleOf(await createdAtLast(namespace, 'older'))).toBe(role);
  expect((await metadataOf(namespace)).labels).toBeUndefined();
});

test('an identity that claims the ServiceAccount wins, and when it goes the annotation counts again', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  const role = await roleByHand(namespace, namespace);
  await kubectl(['apply', '-f', '-'], serviceAccount(namespace, { [ROLE_ARN]: role }));
  await expect.poll(() => entryOf(namespace), soon).toContain(role);
  const spec = { serviceAccount: { name: 'app', create: false }, role: { managedPolicyArns: [S3_READ] } };
  await kubectl(['apply', '-f', '-'], identity(namespace, spec));
  await untilReason(stack(), ['afi/app', '-n', namespace], 'ServiceAccountReady', 'ServiceAccountConflict');
  expect(await entryOf(namespace)).toContain(':role/federated/');
  await kubectl(['delete', 'afi/app', '-n', namespace]);
  await expect.poll(() => entryOf(namespace), soon).toContain(role);
  expect(roleOf(await createdAtLast(namespace, 'after'))).toBe(role);
});

test('its role is taken over as docs/migration.md says: first only looked at, then tagged, and its pods go on', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  const guardrails = { managedPolicyArns: [S3_READ], rolePath: '/federated/', adoption: 'Allow' };
  await kubectl(['apply', '-f', '-'], provider({ guardrails }, 'adopting'));
  const role = await roleByHand(namespace, namespace, { path: '/federated/' });
  await account.perform('AttachRolePolicy', { RoleName: namespace, PolicyArn: S3_READ });
  await kubectl(['apply', '-f', '-'], serviceAccount(namespace, { [ROLE_ARN]: role }));
  expect(roleOf(await createdAtLast(namespace, 'older'))).toBe(role);
  const mark = aws.calls.mark();
  const writes = (): readonly string[] =>
    operatorCalls(stack(), mark)
      .filter(({ write, resource }) => write && resource.includes(namespace))
      .map(({ operation }) => operation);

  const spec = {
    providerRef: { name: 'adopting' },
    serviceAccount: { name: 'app', create: false },
    managementPolicy: 'Observe',
    role: { name: namespace, managedPolicyArns: [S3_READ] },
    adopt: { roleId: account.role(namespace)?.id },
  };
  await kubectl(['apply', '-f', '-'], identity(namespace, spec));
  const looked = await untilReason(stack(), ['afi/app', '-n', namespace], 'Synced', 'DriftDetected');
  expect(looked.status?.drift?.map(({ path }) => path)).toEqual(['role.tags']);
  expect(writes()).toEqual([]);

  await kubectl(['apply', '-f', '-'], identity(namespace, { ...spec, managementPolicy: 'Manage' }));
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Synced', 'InSync');
  await untilReady(stack(), 'afi/app', namespace);
  expect(writes()).toEqual(['TagRole']);
  expect((await runPlugin(stack(), ['status', '-n', namespace])).stdout).toMatch(/✓ Pod older +injected/);
});

test('an annotation that is no role is told on the ServiceAccount, and its pods are denied with the reason', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], serviceAccount(namespace, { [ROLE_ARN]: 'reports' }));
  await expect
    .poll(() => kubectl(['describe', 'sa', 'app', '-n', namespace]), soon)
    .toMatch(
      /Warning +InvalidAnnotation .*Annotation eks\.amazonaws\.com\/role-arn is "reports", which is no ARN of an IAM role/,
    );
  await expect(kubectl(['create', '-f', '-'], pod(namespace, 'app'))).rejects.toThrow(
    'is no ARN of an IAM role: correct or remove it',
  );
  expect(await entryOf(namespace)).toBe('');
  const role = await roleByHand(namespace, namespace);
  await kubectl(['annotate', 'sa', 'app', '-n', namespace, '--overwrite', `${ROLE_ARN}=${role}`]);
  expect(roleOf(await createdAtLast(namespace, 'corrected'))).toBe(role);
});

test('with the operator gone for ever, the command of docs/injection.md lets pods in again', async () => {
  const { kubectl, operator } = stack();
  const namespace = await newNamespace(stack());
  await operator.stop();
  await kubectl(
    ['apply', '-f', '-'],
    serviceAccount(namespace, { [ROLE_ARN]: await roleByHand(namespace, namespace) }),
  );
  const create = () => kubectl(['create', '--dry-run=server', '-o', 'name', '-f', '-'], pod(namespace, 'app'));
  await expect(create()).rejects.toThrow('the operator has not taken it up yet; is it running?');
  const [, command = ''] =
    /^kubectl (patch validatingadmissionpolicybinding .*)$/m.exec(await readFile(DOC, 'utf8')) ?? [];
  await kubectl(command.split(' ').map((word) => word.replaceAll("'", ''))); // as a shell reads it
  await expect.poll(() => create().catch(String), soon).toContain('pod/workload');
});
