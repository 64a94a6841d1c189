import { decodeJwt } from 'jose';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { ACCOUNT, REGION } from '../../dev/stack/stack.ts';
import { exchangeToken } from '../support/attack-scene.ts';
import { runPlugin } from '../support/plugin.ts';
import { identity, newNamespace, provider, read, untilReady, useStack } from '../support/stories.ts';

// A cluster gets another issuer while its workloads run, step by step as docs/publishing.md says ("Changing the issuer").
// The operator has no key, only its own token, as in a cluster.
const LOCAL = 'https://kubernetes.default.svc.cluster.local';
const BUCKETS = ['former-oidc', 'present-oidc'] as const;
const issuerIn = (bucket: string): string => `https://${bucket}.s3.${REGION}.amazonaws.com/cluster-a`;
const [FORMER, PRESENT] = [issuerIn(BUCKETS[0]), issuerIn(BUCKETS[1])];
const manifest = (bucket: string, alsoTrusted?: readonly string[]): object =>
  provider({ issuer: { publish: { s3: { bucket, prefix: 'cluster-a' } }, ...(alsoTrusted && { alsoTrusted }) } });

const NO_KEYS = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' };
const OPERATOR = 'federated-identity-operator';
const stack = useStack({ issuer: LOCAL, publicBuckets: BUCKETS, environment: NO_KEYS });

let adminKeys: Readonly<Record<string, string>> = {};
let namespace = '';
let roleArn = '';

const apply = (object: object) => stack().kubectl(['apply', '-f', '-'], object);
const fileOf = (name: string): string => join(stack().cluster.folder, name);
const newToken = async (serviceAccount: string, of: string): Promise<string> =>
  (await stack().kubectl(['create', 'token', serviceAccount, '-n', of, '--audience=sts.amazonaws.com'])).trim();
const newWorkloadToken = (): Promise<string> => newToken('app', namespace);
const exchange = (token: string) => exchangeToken(stack().aws.endpoint, token, roleArn);
const trustedBy = (role: string): string => stack().account.role(role)?.trustPolicy ?? '';

/** As the kubelet writes it into the operator's pod. */
const renewOperatorToken = async (): Promise<void> =>
  writeFile(fileOf('operator-token'), await newToken(OPERATOR, 'federated-identity-system'));

/** `kubectl aws-identity …` by an administrator, for a provider that is not applied yet. */
async function administrator(args: readonly string[], issuer: string, of: object): Promise<void> {
  await writeFile(fileOf('provider.json'), JSON.stringify(of));
  const outcome = await runPlugin(stack(), [...args, '--issuer', issuer, '-f', fileOf('provider.json')], adminKeys);
  expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
}

beforeAll(async () => {
  const { account, aws, cluster, restartOperator } = stack();
  for (const bucket of BUCKETS) {
    const open = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` };
    account.createBucket(bucket, { region: REGION, policy: { Version: '2012-10-17', Statement: [open] } });
  }
  const all = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  const { accessKeyId, secretAccessKey } = account.createUser('admin', all);
  adminKeys = {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_REGION: REGION,
  };
  await cluster.restartApiServer({ issuers: [FORMER, LOCAL] });
  const former = manifest('former-oidc');
  await administrator(['jwks', '--publish'], FORMER, former);
  await administrator(['bootstrap', '--apply'], FORMER, former);
  await apply(former);
  await renewOperatorToken();
  const AWS_ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/federated-operator/${OPERATOR}`;
  const own = { AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE: fileOf('operator-token'), AWS_REGION: REGION };
  await restartOperator({ environment: { ...NO_KEYS, ...own } });
  namespace = await newNamespace(stack());
  await apply(identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  roleArn = (await read(stack(), 'afi/app', '-n', namespace)).status?.roleArn ?? '';
});

test('no token is refused while the issuer changes; afterwards only tokens of the present one are good', async () => {
  const { kubectl, cluster, account } = stack();
  const roleName = roleArn.split('/').at(-1) ?? '';
  const former = await newWorkloadToken();
  expect(decodeJwt(former).iss).toBe(FORMER);
  const stop = new AbortController();
  const answers = new Set<unknown>();
  const running = (async () => {
    while (!stop.signal.aborted) answers.add(await exchange(former));
  })();

  await apply(manifest('former-oidc', [FORMER, PRESENT]));
  await expect.poll(() => trustedBy(roleName), { timeout: 30_000 }).toContain('present-oidc');
  const next = manifest('present-oidc', [FORMER, PRESENT]);
  await administrator(['jwks', '--publish'], PRESENT, next);
  await administrator(['bootstrap', '--apply'], PRESENT, next);
  await cluster.restartApiServer({ issuers: [PRESENT, FORMER, LOCAL] });
  const present = await newWorkloadToken();
  expect(decodeJwt(present).iss).toBe(PRESENT);
  expect(await exchange(present)).toBe('ok');
  await apply(next);
  await kubectl(['annotate', 'aop/default', 'federatedidentity.dev/requestedAt=now', '--overwrite']);
  await kubectl(['wait', 'aop/default', `--for=jsonpath={.status.issuer}=${PRESENT}`, '--timeout=60s']);
  await untilReady(stack(), 'aop/default');
  await untilReady(stack(), 'afi/app', namespace);
  stop.abort();
  await running;
  expect([...answers]).toEqual(['ok']);
  expect((await read(stack(), 'afi/app', '-n', namespace)).status?.roleArn).toBe(roleArn);

  const last = manifest('present-oidc');
  await renewOperatorToken();
  await apply(last);
  await administrator(['bootstrap', '--apply'], PRESENT, last);
  await expect.poll(() => exchange(former), { timeout: 30_000 }).toMatchObject({ code: 'AccessDenied' });
  expect(await exchange(await newWorkloadToken())).toBe('ok');
  expect(trustedBy(OPERATOR)).not.toContain('former-oidc');
  expect(account.providers().map(({ url }) => url)).toEqual(expect.arrayContaining([FORMER, PRESENT]));
});
