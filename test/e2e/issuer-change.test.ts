import { decodeJwt } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import { ACCOUNT, REGION } from '../../dev/stack/stack.ts';
import { exchangeToken } from '../support/attack-scene.ts';
import { identity, newNamespace, provider, read, untilReady, useStack } from '../support/stories.ts';

// A cluster gets another issuer while its workloads run: docs/publishing.md, "Changing the issuer".
const BUCKETS = ['former-oidc', 'present-oidc'] as const;
const [FORMER, PRESENT] = BUCKETS.map((bucket) => `https://${bucket}.s3.${REGION}.amazonaws.com/cluster-a`) as [
  string,
  string,
];
const publishedIn = (bucket: string): object => ({ publish: { s3: { bucket, prefix: 'cluster-a' } } });
const LOCAL = 'https://kubernetes.default.svc.cluster.local';
const stack = useStack({ issuer: LOCAL, publicBuckets: BUCKETS });

/** Gives the operator what a provider with such an issuer needs in AWS, and no more. */
function letOperator(issuer: string, spec: object): void {
  const policy = operatorPolicy({ accountId: ACCOUNT, cluster: stack().clusterId, issuer, spec });
  stack().account.createUser('federated-identity-operator', policy);
}

let namespace = '';
let roleArn = '';
const newToken = async (): Promise<string> =>
  (await stack().kubectl(['create', 'token', 'app', '-n', namespace, '--audience=sts.amazonaws.com'])).trim();
const exchange = (token: string) => exchangeToken(stack().aws.endpoint, token, roleArn);

beforeAll(async () => {
  for (const bucket of BUCKETS) {
    const Statement = [
      { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` },
    ];
    stack().account.createBucket(bucket, { region: REGION, policy: { Version: '2012-10-17', Statement } });
  }
  const issuer = publishedIn('former-oidc');
  letOperator(FORMER, { issuer });
  await stack().cluster.restartApiServer({ issuers: [FORMER, LOCAL] });
  await stack().kubectl(['apply', '-f', '-'], provider({ issuer }));
  namespace = await newNamespace(stack());
  await stack().kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  roleArn = (await read(stack(), 'afi/app', '-n', namespace)).status?.roleArn ?? '';
});

test('tokens of both issuers are good during the change, and only those of the present one after it', async () => {
  const { kubectl, cluster, account } = stack();
  const former = await newToken();
  expect(decodeJwt(former).iss).toBe(FORMER);
  const stop = new AbortController();
  const answers = new Set<unknown>();
  const running = (async () => {
    while (!stop.signal.aborted) answers.add(await exchange(former));
  })();

  const issuer = { ...publishedIn('present-oidc'), alsoTrusted: [FORMER] };
  letOperator(PRESENT, { issuer });
  await kubectl(['apply', '-f', '-'], provider({ issuer }));
  await cluster.restartApiServer({ issuers: [PRESENT, FORMER, LOCAL] });
  await kubectl(['annotate', 'aop/default', 'federatedidentity.dev/requestedAt=now', '--overwrite']);
  await expect.poll(async () => exchange(await newToken()), { timeout: 60_000, interval: 500 }).toBe('ok');
  expect(decodeJwt(await newToken()).iss).toBe(PRESENT);
  await untilReady(stack(), 'aop/default');
  await untilReady(stack(), 'afi/app', namespace);
  stop.abort();
  await running;
  expect([...answers]).toEqual(['ok']);
  expect((await read(stack(), 'afi/app', '-n', namespace)).status?.roleArn).toBe(roleArn);

  await kubectl(['apply', '-f', '-'], provider({ issuer: publishedIn('present-oidc') }));
  await expect.poll(() => exchange(former), { timeout: 30_000, interval: 500 }).toMatchObject({ code: 'AccessDenied' });
  expect(await exchange(await newToken())).toBe('ok');
  expect(
    account
      .providers()
      .map(({ url }) => url)
      .toSorted(),
  ).toEqual([FORMER, PRESENT].toSorted());
});
