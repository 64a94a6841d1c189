import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ACCOUNT, REGION } from '../../dev/stack/stack.ts';
import { type Outcome, runAsUser } from '../support/plugin.ts';
import {
  identity,
  newNamespace,
  provider,
  read,
  S3_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

// The operator begins without any AWS credentials; nothing in this file ever gives it a key.
const NO_KEYS = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };
const stack = useStack({ environment: NO_KEYS });
const NAMESPACE = 'federated-identity-system';
const OPERATOR = 'federated-identity-operator';
const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/federated-operator/${OPERATOR}`;
const BOUNDARY = `arn:aws:iam::${ACCOUNT}:policy/tenant-boundary`;
const ADMIN = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };

let home = '';
let admin = { accessKeyId: '', secretAccessKey: '' };
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'bootstrap-'));
  const { account } = stack();
  admin = account.createUser('admin', ADMIN);
  await account.createPolicy('tenant-boundary', ADMIN);
});
afterAll(() => rm(home, { recursive: true }));

/** Runs a program as an administrator of AWS and of the cluster. */
const run = (program: string, args: readonly string[]): Promise<Outcome> =>
  runAsUser(stack(), [program, ...args], {
    HOME: home,
    AWS_ENDPOINT_URL: stack().aws.endpoint,
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey,
    AWS_REGION: REGION,
    ...(process.env['PYENV_ROOT'] === undefined ? {} : { PYENV_ROOT: process.env['PYENV_ROOT'] }),
  });

const cli = (...args: readonly string[]): Promise<Outcome> => run(stack().cluster.kubectl, ['aws-identity', ...args]);

const guardrails = (fields: object = {}): object => ({
  guardrails: {
    rolePath: '/federated/',
    managedPolicyArns: [S3_READ],
    permissionsBoundaryArn: BOUNDARY,
    ...fields,
  },
});

/** Writes to IAM since a mark, with the last part of who made them. */
const writesSince = (mark: number): readonly string[] =>
  stack()
    .aws.calls.since(mark)
    .filter(({ write, service }) => write && service === 'iam')
    .map(({ operation, principal }) => `${principal.split('/')[1]}: ${operation}`);

const inlineOf = (role: string): unknown =>
  JSON.parse(Object.values(stack().account.role(role)?.inlinePolicies ?? {})[0] ?? 'null');

test('before anything is applied, the plan can be seen from a file, and a name leads to it', async () => {
  const file = join(home, 'provider.json');
  await writeFile(file, JSON.stringify(provider(guardrails())));
  const mark = stack().aws.calls.mark();
  const { code, stdout } = await cli('bootstrap', '-f', file);
  expect({ code, stdout }).toMatchObject({ code: 2, stdout: expect.stringContaining('# CreateOpenIDConnectProvider') });
  expect(await cli('bootstrap')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'there is no AwsOidcProvider "default" in the cluster: name another one, or give its manifest with -f\n',
  });
  expect(writesSince(mark)).toEqual([]);
});

test('without --apply the whole plan is shown and nothing is written', async () => {
  const { kubectl, aws, account, cluster } = stack();
  await kubectl(['apply', '-f', '-'], provider(guardrails()));
  await untilReason(stack(), ['aop/default'], 'Ready', 'CredentialsUnavailable');
  const mark = aws.calls.mark();
  const { code, stdout, stderr } = await cli('bootstrap');
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
  expect(stdout).toContain(`  + oidcProvider: ${cluster.issuer}  # CreateOpenIDConnectProvider\n`);
  expect(stdout).toContain(`${NAMESPACE}/${OPERATOR}: role ${OPERATOR}\n`);
  expect(stdout).toMatch(/\+ role: federated-identity-operator +# CreateRole/);
  expect(stdout).toContain(`:sub": "system:serviceaccount:${NAMESPACE}:${OPERATOR}"`);
  expect(stdout).toMatch(/Nothing was changed\. Run it again with --apply .*\n$/);
  expect(writesSince(mark)).toEqual([]);
  expect(account.roles()).toEqual([]);
});

test('--apply makes the OIDC provider and the role, and says what comes next; a second run writes nothing', async () => {
  const { aws, account } = stack();
  const mark = aws.calls.mark();
  const first = await cli('bootstrap', '--apply');
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain(`--from-literal=AWS_ROLE_ARN=${ROLE_ARN} `);
  expect(writesSince(mark)).toEqual([
    'admin: CreateOpenIDConnectProvider',
    'admin: CreateRole',
    'admin: PutRolePolicy',
  ]);
  expect(account.role(OPERATOR)?.arn).toBe(ROLE_ARN);
  const printed = await cli('policy');
  expect(printed).toMatchObject({ code: 0, stderr: '' });
  expect(inlineOf(OPERATOR)).toEqual(JSON.parse(printed.stdout));
  const again = aws.calls.mark();
  expect(await cli('bootstrap', '--apply')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Nothing to do.'),
  });
  expect(await cli('bootstrap')).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nNothing to do\.\n$/) });
  expect(writesSince(again)).toEqual([]);
});

test('with its own token, and not a single key, the operator then makes identities ready and takes them back', async () => {
  const { kubectl, aws, account, restartOperator } = stack();
  const tokenFile = join(home, 'token');
  await writeFile(
    tokenFile,
    await kubectl(['create', 'token', OPERATOR, '-n', NAMESPACE, '--audience=sts.amazonaws.com']),
  );
  const mark = aws.calls.mark();
  const own = { AWS_ROLE_ARN: ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_REGION: REGION };
  await restartOperator({ environment: { ...NO_KEYS, ...own } });
  await untilReady(stack(), 'aop/default');
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  const roleName = (await read(stack(), 'afi/app', '-n', namespace)).status?.roleArn?.split('/').at(-1) ?? '';
  expect(account.role(roleName)?.permissionsBoundary).toBe(BOUNDARY);
  await account.perform('AttachRolePolicy', {
    RoleName: roleName,
    PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess',
  });
  await expect.poll(() => account.role(roleName)?.attachedPolicies, { timeout: 30_000 }).toEqual([S3_READ]);
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  expect(account.role(roleName)).toBeUndefined();
  const calls = aws.calls
    .since(mark)
    .filter(({ service, principal }) => service === 'iam' && !principal.endsWith('root'));
  expect(new Set(calls.map(({ principal }) => principal.split('/').slice(0, 2).join('/')))).toEqual(
    new Set([`arn:aws:sts::${ACCOUNT}:assumed-role/${OPERATOR}`]),
  );
  expect(calls.filter(({ errorCode }) => errorCode === 'AccessDenied')).toEqual([]);
});

test('changed guardrails change the policy, and nothing else', async () => {
  const { kubectl, aws } = stack();
  await kubectl(['apply', '-f', '-'], provider(guardrails({ inlinePolicies: 'Allow' })));
  const shown = await cli('bootstrap');
  expect(shown).toMatchObject({ code: 2, stdout: expect.stringMatching(/\+ +"Sid": "InlinePolicies"/) });
  const mark = aws.calls.mark();
  expect(await cli('bootstrap', '--apply')).toMatchObject({ code: 0 });
  expect(writesSince(mark).filter((write) => write.startsWith('admin'))).toEqual(['admin: PutRolePolicy']);
});

test.each([
  {
    name: 'a role of somebody else',
    args: ['--role-name', 'by-hand', '--apply'],
    says: /! RoleNotOwned: IAM role by-hand exists and is left untouched: it carries no tags of this operator/,
  },
  {
    name: 'a role that the operator could change itself',
    args: ['--role-path', '/federated/operators/', '--apply'],
    says: /^--role-path \/federated\/operators\/ lies under \/federated\//,
  },
  {
    name: 'a name that IAM would not take',
    args: ['--role-name', "x'; rm -rf /", '--apply'],
    says: /^--role-name takes 1 to 64 letters/,
  },
  {
    name: 'an issuer that is not public',
    args: ['--issuer', 'https://kubernetes.default.svc', '--apply'],
    says: /kubernetes\.default\.svc/,
  },
])('refused, with a word that helps: $name', async ({ args, says }) => {
  const { account, aws } = stack();
  if (account.role('by-hand') === undefined) {
    const document = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } };
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [document] });
    await account.perform('CreateRole', { RoleName: 'by-hand', AssumeRolePolicyDocument });
  }
  const mark = aws.calls.mark();
  const { code, stdout, stderr } = await cli('bootstrap', ...args);
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(says);
  expect(writesSince(mark).filter((write) => write.startsWith('admin'))).toEqual([]);
});

const hasAwsCli = (await runs('aws', '--version')) && (await runs('sh', '-c', 'true'));
if (!hasAwsCli) console.log('the script is not run: there is no aws CLI');

function runs(program: string, ...args: readonly string[]): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  execFile(program, args, (error) => resolve(error === null));
  return promise;
}

test.skipIf(!hasAwsCli)('--print aws-cli gives a script that does the same, twice', { timeout: 120_000 }, async () => {
  const { account, aws } = stack();
  const names = ['--role-name', 'by-script', '--role-path', "/it's/$HOME/"];
  const { code, stdout } = await cli('bootstrap', '--print', 'aws-cli', ...names);
  expect(code).toBe(0);
  const script = join(home, 'bootstrap.sh');
  await writeFile(script, stdout);
  for (const time of ['first', 'second']) {
    const mark = aws.calls.mark();
    const outcome = await run('sh', [script]);
    expect(outcome).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining(":role/it's/$HOME/by-script\n"),
    });
    expect(writesSince(mark).filter((write) => write.startsWith('admin'))).toEqual(
      time === 'first'
        ? ['admin: CreateRole', 'admin: PutRolePolicy']
        : ['admin: UpdateAssumeRolePolicy', 'admin: PutRolePolicy'],
    );
  }
  const printed = await cli('policy', ...names);
  expect(inlineOf('by-script')).toEqual(JSON.parse(printed.stdout));
  const own = account.role(OPERATOR);
  expect(JSON.parse(account.role('by-script')?.trustPolicy ?? '')).toEqual(JSON.parse(own?.trustPolicy ?? ''));
  expect(await cli('bootstrap', ...names)).toMatchObject({ code: 0 });
  await writeFile(script, stdout.replaceAll('by-script', 'by-hand'));
  expect(await run('sh', [script])).toMatchObject({ code: 1, stderr: expect.stringContaining('left untouched') });
});
