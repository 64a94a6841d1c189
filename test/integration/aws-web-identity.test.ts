import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { startLocalAws } from '../../dev/aws/local-aws.ts';
import { policyOf } from '../../dev/aws/test-clients.ts';
import { startTestIssuer } from '../../dev/aws/test-issuer.ts';
import { awsAccounts, requireAccount } from '../../src/iam/account.ts';
import { AccountId, RoleArn, RoleName } from '../../src/iam/arn.ts';
import type { AwsCall } from '../../src/iam/calls.ts';
import { thrownBy } from '../support/builders.ts';
import { manualClock } from '../support/manual-clock.ts';

// The way the operator gets into AWS on any cluster: its own token, a role for it, and from there a role of each account.

const HUB = AccountId.parse('111122223333');
const TARGET = AccountId.parse('999988887777');
const NAME = RoleName.parse('reports');
const MINUTE = 60_000;
const SUBJECT = 'system:serviceaccount:federated-identity-system:federated-identity-operator';
const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';

const signal = (): AbortSignal => new AbortController().signal;

afterEach(() => void vi.unstubAllEnvs());

async function scene() {
  const issuer = await startTestIssuer();
  const folder = await mkdtemp(join(tmpdir(), 'aws-web-identity-'));
  const resolve = { [issuer.host]: { address: '127.0.0.1', port: issuer.port } };
  const aws = await startLocalAws({
    accounts: [HUB, TARGET],
    issuers: { resolve, caCertificates: [issuer.caCertificate] },
  });
  const hub = aws.account(HUB);
  const hostPath = issuer.url.slice('https://'.length);
  await hub.perform('CreateOpenIDConnectProvider', {
    Url: issuer.url,
    ClientIDList: ['sts.amazonaws.com'],
    ThumbprintList: [issuer.caThumbprint],
  });
  const ownTrust = policyOf({
    Effect: 'Allow',
    Principal: { Federated: `arn:aws:iam::${HUB}:oidc-provider/${hostPath}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringEquals: { [`${hostPath}:sub`]: SUBJECT } },
  });
  await hub.perform('CreateRole', { RoleName: 'hub', AssumeRolePolicyDocument: ownTrust });
  await hub.perform('AttachRolePolicy', { RoleName: 'hub', PolicyArn: ADMINISTRATOR });
  const hubRole = `arn:aws:iam::${HUB}:role/hub`;
  const target = aws.account(TARGET);
  const trust = policyOf({ Effect: 'Allow', Principal: { AWS: hubRole }, Action: 'sts:AssumeRole' });
  await target.perform('CreateRole', { RoleName: 'operator', AssumeRolePolicyDocument: trust });
  await target.perform('AttachRolePolicy', { RoleName: 'operator', PolicyArn: ADMINISTRATOR });
  aws.calls.clear();

  const tokenFile = join(folder, 'token');
  const absent = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE'];
  for (const name of absent) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'));
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'));
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  vi.stubEnv('AWS_ROLE_ARN', hubRole);
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', tokenFile);
  const told: AwsCall[] = [];
  const clock = manualClock();
  const accounts = awsAccounts({ clock, onCall: (call) => told.push(call), fence: () => {}, callsPerSecond: 10 });
  const writeToken = async (claims: Record<string, unknown> = {}): Promise<void> =>
    writeFile(tokenFile, await issuer.mint({ sub: SUBJECT, ...claims }));
  await writeToken();
  return {
    aws,
    clock,
    told,
    writeToken,
    account: accounts.of({ accountId: HUB, region: 'eu-west-1' }),
    remote: accounts.of({
      accountId: TARGET,
      region: 'eu-west-1',
      assumeRole: { roleArn: RoleArn.parse(`arn:aws:iam::${TARGET}:role/operator`) },
    }),
    operations: () => [...aws.calls].map(({ operation }) => operation),
    async [Symbol.asyncDispose]() {
      await aws.close();
      await issuer[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

test("the operator's own token gives it its role, and from there the role of another account", async () => {
  await using setup = await scene();
  const { account, remote, operations, told } = setup;
  expect((await requireAccount(account, HUB, signal())).arn).toContain(`:sts::${HUB}:assumed-role/hub/`);
  expect(await requireAccount(remote, TARGET, signal())).toMatchObject({ account: TARGET });
  await remote.roles.getSettings(NAME, signal());
  const calls = [
    'AssumeRoleWithWebIdentity',
    'GetCallerIdentity',
    'AssumeRole', // with the session that is there already
    'GetCallerIdentity',
    'GetRole',
  ];
  expect(operations()).toEqual(calls);
  expect(told.map(({ operation }) => operation)).toEqual(calls);
});

test.each([
  { name: 'of another audience', claims: { aud: ['vault'] }, reason: 'CredentialsExpired', says: 'audience' },
  { name: 'that has expired', claims: { exp: 1_700_000_000 }, reason: 'CredentialsExpired', says: 'Token expired' },
  {
    name: 'of another ServiceAccount',
    claims: { sub: 'system:serviceaccount:default:other' },
    reason: 'AccessDenied',
    says: "The trust policy of the operator's own role",
  },
])('a token $name costs one call for a hundred attempts; a new one is found by the next probe', async (row) => {
  await using setup = await scene();
  const { account, clock, operations, writeToken } = setup;
  await writeToken(row.claims);
  const errors = new Set<unknown>();
  for (let attempt = 0; attempt < 100; attempt += 1) {
    errors.add(await thrownBy(() => requireAccount(account, HUB, signal()))); // oxlint-disable-line no-await-in-loop -- one after the other
  }
  expect(errors.size).toBe(1);
  expect([...errors][0]).toMatchObject({ reason: row.reason, message: expect.stringContaining(row.says) });
  expect(operations()).toEqual(['AssumeRoleWithWebIdentity']);
  await writeToken();
  await clock.advance(MINUTE);
  await requireAccount(account, HUB, signal());
  expect(operations().slice(1)).toEqual(['AssumeRoleWithWebIdentity', 'GetCallerIdentity']);
});

test("a revoked session of the operator's own role is renewed below the role of another account, too", async () => {
  await using setup = await scene();
  const { aws, remote, operations } = setup;
  vi.stubEnv('AWS_ROLE_SESSION_NAME', 'first');
  await remote.roles.getSettings(NAME, signal());
  aws.calls.clear();
  const effect = {
    kind: 'error',
    code: 'ExpiredToken',
    status: 403,
    message: 'The security token is expired',
  } as const;
  aws.faults.add({ operation: 'GetRole', times: 1, effect });
  aws.faults.add({ operation: 'AssumeRole', match: ({ principal }) => principal.endsWith('/first'), effect });
  vi.stubEnv('AWS_ROLE_SESSION_NAME', 'second');
  expect(await remote.roles.getSettings(NAME, signal())).toBeUndefined();
  const renewal = ['AssumeRoleWithWebIdentity', 'AssumeRole', 'GetCallerIdentity'];
  expect(operations()).toEqual(['GetRole', ...renewal, 'GetRole']);
});
