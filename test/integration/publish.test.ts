import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { describe, expect, inject, test, vi } from 'vitest';
import { KubeConfig } from '@kubernetes/client-node';
import { type LocalAws, startLocalAws } from '../../dev/aws/local-aws.ts';
import { policyOf } from '../../dev/aws/test-clients.ts';
import { publishIssuer, publishTarget, unpublish } from '../../src/controllers/aws-oidc-provider/publish.ts';
import { type AwsAccount, awsAccounts } from '../../src/iam/account.ts';
import { type AccountId, AccountId as AccountIdOf, IssuerUrl, RoleArn } from '../../src/iam/arn.ts';
import type { AwsCall } from '../../src/iam/calls.ts';
import { kubernetesClient } from '../../src/kube/client.ts';
import { ACCOUNT, CLUSTER, providerSpec, thrownBy } from '../support/builders.ts';

// The keys of a real API server, by the real SDK, into a bucket of the local AWS.
const TARGET = AccountIdOf.parse('444455556666');
const PUBLISHER = RoleArn.parse(`arn:aws:iam::${TARGET}:role/publisher`);
const ISSUER = IssuerUrl.parse('https://my-oidc.s3.eu-west-1.amazonaws.com/a');
const JWKS = 'a/openid/v1/jwks';
const DISCOVERY = 'a/.well-known/openid-configuration';
const log = pino({ level: 'silent' });
const { signal } = new AbortController();

const config = new KubeConfig();
config.loadFromFile(inject('kubeconfig'));
const kubernetes = kubernetesClient(config);

interface Replica {
  readonly account: AwsAccount;
  readonly told: AwsCall[];
  publish(): Promise<string>;
  remove(): Promise<void>;
}

interface ReplicaOptions {
  readonly cluster?: string;
  readonly accountId?: AccountId;
  readonly region?: string;
  readonly assumeRole?: { readonly roleArn: RoleArn };
  readonly fence?: () => void;
}

/** An operator's view of its account; the credentials are those of the environment. */
async function replica(options: ReplicaOptions = {}): Promise<Replica> {
  const { cluster = CLUSTER, accountId = ACCOUNT, region = 'eu-west-1', assumeRole, fence = () => {} } = options;
  const told: AwsCall[] = [];
  const accounts = awsAccounts({ callsPerSecond: 100, onCall: (call) => told.push(call), fence });
  const s3 = { bucket: 'my-oidc', region, prefix: 'a' };
  const spec = providerSpec({ accountId, issuer: { publish: { s3 } }, ...(assumeRole && { assumeRole }) });
  const account = accounts.of(spec);
  const caller = await account.caller(signal);
  const target = publishTarget(spec)!;
  const publishable = { spec, target, issuer: ISSUER, caller, account, beforeWrite: async () => {} };
  const dependencies = { kubernetes, cluster, now: () => new Date() };
  return {
    account,
    told,
    publish: () => publishIssuer(dependencies, publishable, { signal, log }),
    remove: () => unpublish(dependencies, publishable, { signal, log }),
  };
}

/** A local AWS whose user `operator` has these rights in S3 and may assume the publisher of the other account. */
async function scene(actions: readonly string[] = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject']) {
  const aws = await startLocalAws({ accounts: [ACCOUNT, TARGET], issuers: { resolve: {}, caCertificates: [] } });
  const rights = { Effect: 'Allow', Action: actions, Resource: 'arn:aws:s3:::my-oidc/a/*' };
  const key = aws
    .account(ACCOUNT)
    .createUser('operator', policyOf(rights, { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: PUBLISHER }));
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', key.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', key.secretAccessKey);
  return { aws, rights, [Symbol.asyncDispose]: () => aws.close() };
}

const operations = (aws: LocalAws): readonly string[] =>
  [...aws.calls]
    .filter(({ service }) => service === 's3')
    .map(({ operation, errorCode = 'OK' }) => `${operation} ${errorCode}`);
const stored = (aws: LocalAws, key: string): unknown =>
  JSON.parse(aws.account(ACCOUNT).getObject('my-oidc', key)?.body.toString() ?? 'null');

test('without s3:ListBucket: two reads, two writes; then two reads; every call is told for the metrics', async () => {
  await using setup = await scene();
  const { aws } = setup;
  aws.account(ACCOUNT).createBucket('my-oidc');
  const { publish, told } = await replica();
  expect(await publish()).toMatch(/^The discovery document and 1 key are in s3:\/\/my-oidc\/a\.$/);
  const first = ['GetObject AccessDenied', 'GetObject AccessDenied', 'PutObject OK', 'PutObject OK'];
  expect(operations(aws)).toEqual(first);
  expect(stored(aws, JWKS)).toEqual(await kubernetes.getPath('/openid/v1/jwks', signal));
  expect(stored(aws, DISCOVERY)).toMatchObject({ issuer: ISSUER, id_token_signing_alg_values_supported: ['RS256'] });
  await publish();
  expect(operations(aws)).toEqual([...first, 'GetObject OK', 'GetObject OK']);
  expect(told.filter(({ service }) => service === 's3').map(({ operation, code }) => `${operation} ${code}`)).toEqual(
    operations(aws),
  );
});

test('replicas that publish at once write one truth, and none overwrites the other', async () => {
  await using setup = await scene();
  const { aws } = setup;
  aws.account(ACCOUNT).createBucket('my-oidc');
  const replicas = await Promise.all(Array.from({ length: 4 }, () => replica()));
  const outcomes = await Promise.allSettled(replicas.map(({ publish }) => publish()));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  for (const failure of failures) expect(failure).toMatchObject({ disposition: { kind: 'retryable' } });
  expect(aws.calls.writes().filter(({ operation }) => operation === 'PutObject')).toHaveLength(2);
  await Promise.all(replicas.map(({ publish }) => publish()));
  expect(aws.calls.writes().filter(({ operation }) => operation === 'PutObject')).toHaveLength(2);
});

test('another cluster is refused, changes nothing and is told whose it is; its clean-up removes nothing [S4]', async () => {
  await using setup = await scene();
  const { aws } = setup;
  aws.account(ACCOUNT).createBucket('my-oidc');
  await (await replica()).publish();
  const other = await replica({ cluster: 'other-cluster' });
  const mark = aws.calls.mark();
  expect(await thrownBy(other.publish)).toMatchObject({
    reason: 'PublishConflict',
    message: expect.stringContaining(`belongs to the cluster ${CLUSTER}`),
  });
  await other.remove();
  expect(aws.calls.writes(mark)).toEqual([]);
});

test('the way back removes both objects', async () => {
  await using setup = await scene();
  const { aws } = setup;
  aws.account(ACCOUNT).createBucket('my-oidc');
  const { publish, remove } = await replica();
  await publish();
  await remove();
  expect([stored(aws, JWKS), stored(aws, DISCOVERY)]).toEqual([null, null]);
  expect(operations(aws).slice(-4)).toEqual(['GetObject OK', 'DeleteObject OK', 'GetObject OK', 'DeleteObject OK']);
});

describe('nothing is written', () => {
  test('by a replica that has lost leadership', async () => {
    await using setup = await scene();
    const { aws } = setup;
    aws.account(ACCOUNT).createBucket('my-oidc');
    const { publish } = await replica({
      fence: () => {
        throw new Error('not the leader');
      },
    });
    expect(await thrownBy(publish)).toMatchObject({ message: expect.stringContaining('not the leader') });
    expect(aws.calls.writes()).toEqual([]);
  });

  test('by a replica that stood still between signing and sending, and leads no more', async () => {
    await using setup = await scene();
    const { aws } = setup;
    aws.account(ACCOUNT).createBucket('my-oidc');
    let asked = 0;
    const { publish } = await replica({
      fence: () => {
        asked += 1;
        if (asked === 2) throw new Error('not the leader');
      },
    });
    expect(await thrownBy(publish)).toMatchObject({ message: expect.stringContaining('not the leader') });
    expect(aws.calls.writes()).toEqual([]);
  });

  test('with credentials of another account', async () => {
    await using setup = await scene();
    const { aws } = setup;
    aws.account(ACCOUNT).createBucket('my-oidc');
    const { publish } = await replica({ accountId: TARGET });
    expect(await thrownBy(publish)).toMatchObject({ reason: 'WrongAccount' });
    expect(operations(aws)).toEqual([]);
  });

  test.each([
    { name: 'without a bucket', bucket: undefined, reason: 'BucketNotFound', says: 'There is no bucket my-oidc' },
    { name: 'in another region', bucket: 'us-east-2', reason: 'BucketRegionMismatch', says: 'but in us-east-2' },
  ])('$name', async ({ bucket, reason, says }) => {
    await using setup = await scene();
    const { aws } = setup;
    if (bucket !== undefined) aws.account(ACCOUNT).createBucket('my-oidc', { region: bucket });
    expect(await thrownBy((await replica()).publish)).toMatchObject({ reason, message: expect.stringContaining(says) });
    expect(aws.calls.writes()).toEqual([]);
  });
});

test.each([
  { lacks: 's3:PutObject', rights: ['s3:GetObject'] },
  { lacks: 's3:GetObject', rights: ['s3:PutObject'] },
])('the missing right is named: $lacks', async ({ lacks, rights }) => {
  await using setup = await scene(rights);
  setup.aws.account(ACCOUNT).createBucket('my-oidc');
  const { publish } = await replica();
  const attempts = [await publish().catch((error: unknown) => error), await publish().catch((error: unknown) => error)];
  expect(attempts.at(-1)).toMatchObject({
    reason: 'AccessDenied',
    message: expect.stringContaining(
      `{"Effect":"Allow","Action":"${lacks}","Resource":"arn:aws:s3:::my-oidc/${JWKS}"}`,
    ),
  });
});

test('a role of another account publishes by its own rights', async () => {
  await using setup = await scene();
  const { aws, rights } = setup;
  const target = aws.account(TARGET);
  target.createBucket('my-oidc');
  const trust = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { AWS: `arn:aws:iam::${ACCOUNT}:user/operator` },
  };
  await target.perform('CreateRole', { RoleName: 'publisher', AssumeRolePolicyDocument: policyOf(trust) });
  await target.perform('PutRolePolicy', { RoleName: 'publisher', PolicyName: 's3', PolicyDocument: policyOf(rights) });
  const { publish } = await replica({ accountId: TARGET, assumeRole: { roleArn: PUBLISHER } });
  await publish();
  const [put] = aws.calls.writes().filter(({ operation }) => operation === 'PutObject');
  expect(put?.principal).toBe(`arn:aws:sts::${TARGET}:assumed-role/publisher/federated-identity-operator`);
});

test('who publishes nothing does not load the S3 client', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import('./src/iam/account.ts');
    await import('./src/controllers/aws-oidc-provider/publish.ts');
    console.log(JSON.stringify({ iam: loaded.some((url) => url.includes('client-iam')), s3: loaded.some((url) => url.includes('client-s3')) }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: new URL('../..', import.meta.url),
  });
  expect(JSON.parse(stdout)).toEqual({ iam: true, s3: false });
});
