import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { EC2_TRUST, startWithAdmin } from './test-clients.ts';
import { federated, ROLE_ARN } from './test-federation.ts';
import { startTestIssuer } from './test-issuer.ts';

const run = promisify(execFile);
const isInstalled = async (command: string, ...args: string[]): Promise<boolean> =>
  run(command, args).then(
    () => true,
    () => false,
  );

const hasBoto3 = await isInstalled('python3', '-c', 'import boto3');
const hasCli = await isInstalled('aws', '--version');
if (!hasBoto3) console.log('boto3 check skipped: python3 cannot import boto3');
if (!hasCli) console.log('aws CLI check skipped: no aws command');

const environment = (endpoint: string, key: { accessKeyId: string; secretAccessKey: string }) => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  AWS_ENDPOINT_URL: endpoint,
  AWS_ACCESS_KEY_ID: key.accessKeyId,
  AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
  AWS_REGION: 'eu-west-1',
  AWS_DEFAULT_REGION: 'eu-west-1',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
});

const SCRIPT = `
import boto3, json, sys
trust = sys.argv[1]
iam, sts, s3 = (boto3.client(name) for name in ('iam', 'sts', 's3'))
out = {'arn': sts.get_caller_identity()['Arn']}
iam.create_role(RoleName='a b'.replace(' ', '+'), Path='/x/', AssumeRolePolicyDocument=trust, Tags=[{'Key': 'k 1', 'Value': 'v+1'}])
role = iam.get_role(RoleName='a+b')['Role']
out['role'] = [role['Arn'], role['Tags'], role['AssumeRolePolicyDocument'] == json.loads(trust), role['RoleLastUsed']]
provider = iam.create_open_id_connect_provider(Url='https://x.example/y', ClientIDList=[], ThumbprintList=['b' * 40])
got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider['OpenIDConnectProviderArn'])
out['provider'] = [got['Url'], got['ClientIDList'], got['Tags']]
for index in range(5):
    iam.create_role(RoleName='r%d' % index, AssumeRolePolicyDocument=trust)
pages = iam.get_paginator('list_roles').paginate(PaginationConfig={'PageSize': 2})
out['roles'] = sum(len(page['Roles']) for page in pages)
try:
    iam.delete_role(RoleName='none')
except iam.exceptions.NoSuchEntityException as error:
    out['error'] = [error.response['Error']['Message'], error.response['ResponseMetadata']['HTTPStatusCode']]
out['summary'] = iam.get_account_summary()['SummaryMap']['AssumeRolePolicySizeQuota']
s3.create_bucket(Bucket='boto', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})
s3.put_object(Bucket='boto', Key='d/k 1', Body=b'hello')
out['object'] = [s3.get_object(Bucket='boto', Key='d/k 1')['Body'].read().decode(), [o['Key'] for o in s3.list_objects_v2(Bucket='boto')['Contents']]]
print(json.dumps(out))
`;

test.skipIf(!hasBoto3)('boto3 accepts every kind of answer', { timeout: 30_000 }, async () => {
  await using setup = await startWithAdmin();
  const { stdout } = await run('python3', ['-c', SCRIPT, EC2_TRUST], {
    env: environment(setup.aws.endpoint, setup.admin),
  });
  expect(JSON.parse(stdout)).toEqual({
    arn: 'arn:aws:iam::111122223333:user/admin',
    role: ['arn:aws:iam::111122223333:role/x/a+b', [{ Key: 'k 1', Value: 'v+1' }], true, {}],
    provider: ['x.example/y', [], []],
    roles: 6,
    error: ['The role with name none cannot be found.', 404],
    summary: 2048,
    object: ['hello', ['d/k 1']],
  });
});

test.skipIf(!hasCli)('the aws CLI lists, reads and copies', { timeout: 30_000 }, async () => {
  await using setup = await startWithAdmin();
  setup.aws.account().createBucket('reports');
  setup.aws.account().putObject('reports', 'q3.csv', 'a,b');
  const aws = async (...args: string[]) =>
    (await run('aws', args, { env: environment(setup.aws.endpoint, setup.admin) })).stdout;
  expect(JSON.parse(await aws('sts', 'get-caller-identity'))).toMatchObject({ Account: '111122223333' });
  expect(await aws('s3', 'ls', 's3://reports')).toContain('q3.csv');
  expect(await aws('s3', 'cp', 's3://reports/q3.csv', '-')).toBe('a,b');
});

test.skipIf(!hasCli)(
  'the aws CLI in a pod: role and token file in the environment, no keys',
  { timeout: 30_000 },
  async () => {
    await using issuer = await startTestIssuer();
    await using setup = await federated(issuer);
    const account = setup.aws.account();
    account.createBucket('reports');
    account.putObject('reports', 'q3.csv', 'a,b');
    await account.perform('AttachRolePolicy', {
      RoleName: 'reports',
      PolicyArn: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess',
    });
    const folder = await mkdtemp(join(tmpdir(), 'local-aws-'));
    try {
      const tokenFile = join(folder, 'token');
      await writeFile(tokenFile, await issuer.mint());
      const {
        AWS_ACCESS_KEY_ID: _id,
        AWS_SECRET_ACCESS_KEY: _secret,
        ...rest
      } = environment(setup.aws.endpoint, setup.admin);
      // The CLI caches the credentials of a role under its home.
      const env = { ...rest, HOME: folder, AWS_ROLE_ARN: ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile };
      const identity = JSON.parse((await run('aws', ['sts', 'get-caller-identity'], { env })).stdout);
      expect(identity.Arn).toMatch(/^arn:aws:sts::111122223333:assumed-role\/reports\/botocore-session-/);
      expect((await run('aws', ['s3', 'ls', 's3://reports'], { env })).stdout).toContain('q3.csv');
      await expect(run('aws', ['s3', 'rm', 's3://reports/q3.csv'], { env })).rejects.toThrow('AccessDenied');
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
