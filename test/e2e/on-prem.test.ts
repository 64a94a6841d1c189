import { STSClient, AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import { ACCOUNT, REGION } from '../../dev/stack/stack.ts';
import { runPlugin } from '../support/plugin.ts';
import {
  conditionOf,
  identity,
  newNamespace,
  operatorCalls,
  provider,
  read,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

// A cluster in a cellar: nobody outside can reach its API server, so AWS can fetch neither its issuer nor its keys.
const LOCAL = 'https://kubernetes.default.svc.cluster.local';
const BUCKET = 'cellar-oidc';
const ISSUER = `https://${BUCKET}.s3.${REGION}.amazonaws.com/cluster-a`;
const JWKS = 'cluster-a/openid/v1/jwks';
const DISCOVERY = 'cluster-a/.well-known/openid-configuration';
const OBJECTS = [JWKS, DISCOVERY].map((key) => `arn:aws:s3:::${BUCKET}/${key}`);
const stack = useStack({ issuer: LOCAL, publicBuckets: [BUCKET] });

const published = (key: string): unknown =>
  JSON.parse(stack().account.getObject(BUCKET, key)?.body.toString() ?? 'null');
const publishedKeyIds = (): readonly string[] =>
  ((published(JWKS) as { readonly keys?: readonly { readonly kid: string }[] } | null)?.keys ?? []).map(
    ({ kid }) => kid,
  );

const newToken = async (namespace: string): Promise<string> =>
  (await stack().kubectl(['create', 'token', 'app', '-n', namespace, '--audience=sts.amazonaws.com'])).trim();
const keyIdOf = (token: string): string => decodeProtectedHeader(token).kid ?? '';

/** As a pod does, with nothing but its token. */
async function assumeRole(WebIdentityToken: string, RoleArn: string): Promise<string | undefined> {
  const sts = new STSClient({ region: REGION, endpoint: stack().aws.endpoint, maxAttempts: 1 });
  const command = new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'pod', WebIdentityToken });
  return (await sts.send(command)).AssumedRoleUser?.Arn;
}

let namespace = '';
let roleArn = '';
let firstToken = '';

beforeAll(async () => {
  const { account } = stack();
  const anyone = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject' };
  account.createBucket(BUCKET, {
    region: REGION,
    policy: { Version: '2012-10-17', Statement: [{ ...anyone, Resource: OBJECTS }] },
  });
  letOperator(PUBLISHING);
});

const PUBLISHING = { issuer: { publish: { s3: { bucket: BUCKET, prefix: 'cluster-a' } } } };

/** Gives the operator what a provider with such a spec needs in AWS, and no more. */
function letOperator(spec: object): void {
  const policy = operatorPolicy({ accountId: ACCOUNT, cluster: stack().clusterId, issuer: ISSUER, spec });
  stack().account.createUser('federated-identity-operator', policy);
}

test('an issuer that only the cluster knows cannot federate, and the exact flags are told', async () => {
  await stack().kubectl(['apply', '-f', '-'], provider(PUBLISHING));
  const object = await untilReason(stack(), ['aop/default'], 'Ready', 'IssuerNotPublic');
  expect(conditionOf(object, 'Ready')?.message).toContain(
    `--service-account-issuer=${ISSUER} first and --service-account-issuer=${LOCAL} second`,
  );
  expect(stack().aws.calls.writes()).toEqual([]);
});

test(
  'with these flags the documents are published, keys first, and identities work',
  { timeout: 120_000 },
  async () => {
    const { cluster, kubectl, aws, account } = stack();
    namespace = await newNamespace(stack());
    await cluster.restartApiServer({ issuers: [ISSUER, LOCAL] });
    await kubectl(['annotate', 'aop/default', 'federatedidentity.dev/requestedAt=now', '--overwrite']);
    await untilReady(stack(), 'aop/default');
    const object = await read(stack(), 'aop/default');
    expect(conditionOf(object, 'IssuerPublished')).toMatchObject({
      status: 'True',
      message: `The discovery document and 1 key are in s3://${BUCKET}/cluster-a.`,
    });
    const writes = operatorCalls(stack(), 0).filter(
      ({ operation, errorCode }) => operation === 'PutObject' && errorCode === undefined,
    );
    expect(writes.map(({ resource }) => resource)).toEqual(OBJECTS);
    expect(account.getObject(BUCKET, JWKS)?.headers).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'public, max-age=300',
    });
    expect(published(DISCOVERY)).toMatchObject({ issuer: ISSUER, jwks_uri: `${ISSUER}/openid/v1/jwks` });

    await kubectl(['apply', '-f', '-'], identity(namespace));
    await untilReady(stack(), 'afi/app', namespace);
    roleArn = (await read(stack(), 'afi/app', '-n', namespace)).status?.roleArn ?? '';
    firstToken = await newToken(namespace);
    expect(decodeJwt(firstToken).iss).toBe(ISSUER);
    expect(await assumeRole(firstToken, roleArn)).toContain('/pod');
    const fetched = aws.calls.filter(({ service, userAgent }) => service === 's3' && userAgent === 'local-aws-sts');
    expect(new Set(fetched.map(({ resource }) => resource))).toEqual(new Set(OBJECTS));
  },
);

test('in steady state the bucket is read and never written', async () => {
  const mark = stack().aws.calls.mark();
  await expect
    .poll(() => operatorCalls(stack(), mark).filter(({ service }) => service === 's3').length, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(4);
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
});

test('after a rotation of the signing key tokens of both keys are accepted [F64]', { timeout: 120_000 }, async () => {
  const { cluster, kubectl } = stack();
  await cluster.restartApiServer({ newSigningKey: true });
  const token = await newToken(namespace);
  expect(keyIdOf(token)).not.toBe(keyIdOf(firstToken));
  await expect.poll(publishedKeyIds, { timeout: 30_000 }).toContain(keyIdOf(token));
  expect(publishedKeyIds()).toContain(keyIdOf(firstToken));
  expect(await assumeRole(token, roleArn)).toContain('/pod');
  expect(await assumeRole(firstToken, roleArn)).toContain('/pod');
  expect(conditionOf(await read(stack(), 'afi/app', '-n', namespace), 'Ready')).toMatchObject({ status: 'True' });
  await kubectl(['apply', '-f', '-'], identity(namespace, {}, 'later'));
  await untilReady(stack(), 'afi/later', namespace);
  await untilReady(stack(), 'aop/default');
});

test(
  'a bucket that refuses leaves ready what was ready, and the missing right is named',
  { timeout: 60_000 },
  async () => {
    const { account } = stack();
    const { body, headers } = account.getObject(BUCKET, JWKS) ?? {};
    letOperator({});
    account.putObject(BUCKET, JWKS, body ?? '', { ...headers, 'cache-control': 'no-store' });
    const object = await untilReason(stack(), ['aop/default'], 'IssuerPublished', 'AccessDenied');
    expect(conditionOf(object, 'IssuerPublished')?.message).toContain(
      `{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::${BUCKET}/${JWKS}"}`,
    );
    expect(conditionOf(object, 'Ready')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('Publishing fails'),
    });
    letOperator(PUBLISHING);
    await stack().kubectl(['annotate', 'aop/default', 'federatedidentity.dev/requestedAt=again', '--overwrite']);
    await untilReason(stack(), ['aop/default'], 'IssuerPublished', 'Succeeded');
    expect(account.getObject(BUCKET, JWKS)?.headers['cache-control']).toBe('public, max-age=300');
  },
);

describe('while the operator is down', () => {
  let folder = '';
  beforeAll(async () => {
    await stack().operator.stop();
    folder = await mkdtemp(join(tmpdir(), 'jwks-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** `kubectl aws-identity jwks` as a person runs it. */
  const jwks = async (args: readonly string[], aws: Readonly<Record<string, string>> = {}) => {
    const outcome = await runPlugin(stack(), ['jwks', ...args], { HOME: folder, ...aws });
    expect(outcome.code, outcome.stderr).toBe(0);
    return outcome;
  };
  const written = async (path: string): Promise<unknown> => JSON.parse(await readFile(join(folder, path), 'utf8'));

  test('kubectl aws-identity jwks writes the same files', async () => {
    const { stdout, stderr } = await jwks(['--out', folder]);
    expect(stderr).toBe('');
    expect(stdout).toContain(`${ISSUER}/openid/v1/jwks`);
    expect(await written('.well-known/openid-configuration')).toEqual(published(DISCOVERY));
    expect(await written('openid/v1/jwks')).toEqual(published(JWKS));
  });

  test('and an administrator publishes them as the operator would, which then goes on with them', async () => {
    const { account, aws, restartOperator } = stack();
    const administrator = {
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      Resource: OBJECTS,
    };
    const key = account.createUser('administrator', { Version: '2012-10-17', Statement: [administrator] });
    const before = published(JWKS);
    account.deleteObject(BUCKET, JWKS);
    const { stdout } = await jwks(['--publish'], {
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    });
    expect(stdout).toBe(`The discovery document and 2 keys are in s3://${BUCKET}/cluster-a.\n`);
    expect(published(JWKS)).toEqual(before);
    const mark = aws.calls.mark();
    await restartOperator();
    await stack().kubectl(['annotate', 'aop/default', 'federatedidentity.dev/requestedAt=later', '--overwrite']);
    await untilReason(stack(), ['aop/default'], 'IssuerPublished', 'Succeeded');
    expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
  });
});
