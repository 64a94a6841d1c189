import { expect, test } from 'vitest';
import {
  conditionOf,
  identity,
  newNamespace,
  operatorApiWrites,
  operatorCalls,
  pod,
  provider,
  read,
  S3_READ,
  SQS_READ,
  untilReady,
  useStack,
} from '../support/stories.ts';
import { type InjectedPod, workloadOf } from '../support/workload.ts';

const stack = useStack();

const bucketPolicy = (bucket: string): object => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['s3:ListBucket', 's3:GetObject'],
      Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    },
  ],
});

test('a pod of a bound ServiceAccount gets credentials of its own role, from kubectl apply to the SDK', async () => {
  const { kubectl, account } = stack();
  const namespace = await newNamespace(stack());
  account.createBucket('reports');
  account.putObject('reports', 'q3.csv', 'revenue');
  account.createBucket('salaries');
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { role: { inlinePolicies: [{ name: 'bucket', document: bucketPolicy('reports') }] } }),
  );
  await untilReady(stack(), 'aop/default');
  await untilReady(stack(), 'afi/app', namespace);

  const created: InjectedPod = JSON.parse(await kubectl(['create', '-f', '-', '-o', 'json'], pod(namespace, 'app')));
  const { roleArn } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  expect(created.spec.containers[0]?.env).toEqual(
    expect.arrayContaining([
      { name: 'AWS_ROLE_ARN', value: roleArn },
      { name: 'AWS_REGION', value: 'eu-west-1' },
    ]),
  );
  await using workload = await workloadOf(stack(), created);
  expect(await workload.callerArn()).toMatch(/^arn:aws:sts::111122223333:assumed-role\//);
  expect(await workload.list('reports')).toEqual(['q3.csv']);
  await expect(workload.list('salaries')).rejects.toThrow(/not authorized|Access ?Denied/);
});

test('a role with two managed policies of the account lets nobody in with one of them alone [S2]', async () => {
  const { kubectl, aws, account } = stack();
  const namespace = await newNamespace(stack());
  const on = (Effect: 'Allow' | 'Deny') => ({
    Version: '2012-10-17',
    Statement: [{ Effect, Action: 's3:*', Resource: '*' }],
  });
  const managedPolicyArns = [
    await account.createPolicy(`${namespace}-allows`, on('Allow')),
    await account.createPolicy(`${namespace}-denies`, on('Deny')),
  ];
  await kubectl(
    ['apply', '-f', '-'],
    provider({ guardrails: { managedPolicyArns: ['arn:aws:iam::111122223333:policy/*'] } }, 'own'),
  );
  const writes = (mark: number): readonly string[] =>
    operatorCalls(stack(), mark).flatMap(({ operation, write }) =>
      write && /Role/.test(operation) ? [operation] : [],
    );
  const made = aws.calls.mark();
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { providerRef: { name: 'own' }, role: { managedPolicyArns } }),
  );
  await untilReady(stack(), 'afi/app', namespace);
  const attached = ['AttachRolePolicy', 'AttachRolePolicy'];
  expect(writes(made)).toEqual(['CreateRole', ...attached, 'UpdateAssumeRolePolicy']);
  const deleted = aws.calls.mark();
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  const detached = ['DetachRolePolicy', 'DetachRolePolicy'];
  expect(writes(deleted)).toEqual(['UpdateAssumeRolePolicy', ...detached, 'DeleteRole']);
});

test('a role with two managed and one inline policy takes four IAM calls, and then nothing is written any more', async () => {
  const { kubectl, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  const mark = aws.calls.mark();
  const role = {
    managedPolicyArns: [S3_READ, SQS_READ],
    inlinePolicies: [{ name: 'bucket', document: bucketPolicy('reports') }],
  };
  await kubectl(['apply', '-f', '-'], identity(namespace, { role }));
  await untilReady(stack(), 'afi/app', namespace);
  const created = operatorCalls(stack(), mark).filter(({ resource }) => resource.includes(':role/'));
  expect(created.map(({ operation }) => operation)).toEqual([
    'CreateRole',
    'PutRolePolicy',
    'AttachRolePolicy',
    'AttachRolePolicy',
  ]);

  const quiet = { mark: aws.calls.mark(), since: new Date() };
  const looks = (): number =>
    operatorCalls(stack(), quiet.mark).filter(({ operation }) => operation === 'GetAccountAuthorizationDetails').length;
  await expect.poll(looks, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
  expect(operatorCalls(stack(), quiet.mark).filter(({ write }) => write)).toEqual([]);
  expect(await operatorApiWrites(stack(), quiet.since)).toEqual([]);
});

test('a policy that somebody detached by hand is attached again', async () => {
  const { kubectl, account } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  const { roleArn = '' } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  const RoleName = roleArn.split('/').at(-1) ?? '';
  await account.perform('DetachRolePolicy', { RoleName, PolicyArn: S3_READ });
  const attached = async (): Promise<string> =>
    JSON.stringify(await account.perform('ListAttachedRolePolicies', { RoleName }));
  expect(await attached()).not.toContain(S3_READ);
  await expect.poll(attached, { timeout: 30_000 }).toContain(S3_READ);
});

test('Observe reports drift by field and writes nothing to AWS', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  await kubectl(['patch', 'afi/app', '-n', namespace, '--type=merge', '-p', '{"spec":{"managementPolicy":"Observe"}}']);
  const { roleArn = '' } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  const RoleName = roleArn.split('/').at(-1) ?? '';
  await account.perform('AttachRolePolicy', { RoleName, PolicyArn: SQS_READ });
  const mark = aws.calls.mark();
  const drift = async (): Promise<unknown> => (await read(stack(), 'afi/app', '-n', namespace)).status?.drift;
  await expect
    .poll(drift, { timeout: 30_000 })
    .toEqual([{ path: 'role.managedPolicyArns', want: 'not attached', have: SQS_READ }]);
  expect(conditionOf(await read(stack(), 'afi/app', '-n', namespace), 'Synced')?.reason).toBe('DriftDetected');
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
});

test('a status that somebody wiped is written again within a resync interval, and AWS is left alone [F8]', async () => {
  const { kubectl, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  const before = await read(stack(), 'afi/app', '-n', namespace);
  const mark = aws.calls.mark();
  const wiping = ['--subresource=status', '--type=json', '-p', '[{"op":"remove","path":"/status"}]'];
  await kubectl(['patch', 'afi/app', '-n', namespace, ...wiping]);
  await untilReady(stack(), 'afi/app', namespace);
  const { roleArn, roleId } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  expect({ roleArn, roleId }).toEqual({ roleArn: before.status?.roleArn, roleId: before.status?.roleId });
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
});

test('deleting the identity leaves nothing of it in AWS or in the cluster', async () => {
  const { kubectl, account } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  expect(account.roles().filter(({ name }) => name.startsWith(namespace))).toEqual([]);
  expect(await kubectl(['get', 'serviceaccounts,configmaps', '-n', namespace, '-o', 'name'])).toBe('');
});

test('a ServiceAccount that existed before is annotated, and outlives the identity without a trace', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['create', 'serviceaccount', 'app', '-n', namespace]);
  await kubectl(['annotate', 'serviceaccount', 'app', '-n', namespace, 'example.com/owner=me']);
  await kubectl(['apply', '-f', '-'], identity(namespace, { serviceAccount: { name: 'app', create: false } }));
  await untilReady(stack(), 'afi/app', namespace);
  const annotations = async (): Promise<unknown> =>
    (await read<{ metadata: { annotations?: object } }>(stack(), 'sa/app', '-n', namespace)).metadata.annotations;
  expect(await annotations()).toMatchObject({
    'example.com/owner': 'me',
    'eks.amazonaws.com/audience': 'sts.amazonaws.com',
  });
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  expect(await annotations()).toEqual({ 'example.com/owner': 'me' });
});
