import {
  AddClientIDToOpenIDConnectProviderCommand,
  AttachRolePolicyCommand,
  DetachRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientsOf, errorOf, outcomeOf, policyOf } from '../test-clients.ts';
import { ACCOUNT, federated, invalidIdentityToken, NO_KEY, trustOf } from '../test-federation.ts';
import { startTestIssuer, type TestIssuer } from '../test-issuer.ts';

const DENIED = {
  code: 'AccessDenied',
  status: 403,
  message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
};
const seconds = () => Math.floor(Date.now() / 1000);

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startTestIssuer();
});
afterAll(() => issuer[Symbol.asyncDispose]());

describe('AssumeRoleWithWebIdentity', () => {
  test('a pod of the trusted ServiceAccount may read the bucket of its policy and no other', async () => {
    await using setup = await federated(issuer);
    const { aws, iam, assume } = setup;
    const account = aws.account();
    account.createBucket('reports');
    account.createBucket('secrets');
    account.putObject('reports', 'q3.csv', 'a,b');
    await account.perform('PutRolePolicy', {
      RoleName: 'reports',
      PolicyName: 'bucket',
      PolicyDocument: policyOf({
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:ListBucket'],
        Resource: ['arn:aws:s3:::reports', 'arn:aws:s3:::reports/*'],
      }),
    });

    const answer = await assume(await issuer.mint());
    expect(answer.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${ACCOUNT}:assumed-role/reports/session-1`);
    expect(answer.SubjectFromWebIdentityToken).toBe('system:serviceaccount:analytics:reports');
    expect(answer.Audience).toBe('sts.amazonaws.com');
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = answer.Credentials ?? {};
    expect(AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);

    const pod = clientsOf(aws, {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    });
    const identity = await pod.sts.send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe(answer.AssumedRoleUser?.Arn);
    expect(identity.Account).toBe(ACCOUNT);
    const object = await pod.s3.send(new GetObjectCommand({ Bucket: 'reports', Key: 'q3.csv' }));
    expect(await object.Body?.transformToString()).toBe('a,b');
    expect(await errorOf(pod.s3.send(new ListObjectsV2Command({ Bucket: 'secrets' })))).toEqual({
      code: 'AccessDenied',
      status: 403,
      message: `User: ${identity.Arn} is not authorized to perform: s3:ListBucket on resource: arn:aws:s3:::secrets because no identity-based policy allows the s3:ListBucket action`,
    });

    const attachment = { RoleName: 'reports', PolicyArn: 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess' };
    await iam.send(new AttachRolePolicyCommand(attachment));
    expect((await pod.s3.send(new ListObjectsV2Command({ Bucket: 'secrets' }))).KeyCount).toBe(0);
    await iam.send(new DetachRolePolicyCommand(attachment));
    expect((await errorOf(pod.s3.send(new ListObjectsV2Command({ Bucket: 'secrets' })))).code).toBe('AccessDenied');
    const logged = aws.calls.filter((call) => call.operation === 'AssumeRoleWithWebIdentity');
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged)).not.toContain('eyJ');
  });

  test('credentials expire with ExpiredToken 403', async () => {
    let now = new Date();
    await using setup = await federated(issuer, { now: () => now });
    const { Credentials } = await setup.assume(await issuer.mint(), { duration: 900 });
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const pod = clientsOf(setup.aws, {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    });
    await pod.sts.send(new GetCallerIdentityCommand({}));
    now = new Date(now.getTime() + 900_000);
    expect(await errorOf(pod.sts.send(new GetCallerIdentityCommand({})))).toEqual({
      code: 'ExpiredToken',
      status: 403,
      message: 'The security token included in the request is expired',
    });
  });

  const refusals = [
    {
      name: 'no JWT at all',
      token: async () => 'not-a-token',
      expected: invalidIdentityToken(
        'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)',
      ),
    },
    ...['iss', 'sub', 'aud', 'exp', 'iat'].map((claim) => ({
      name: `a token without ${claim}`,
      token: () => issuer.mint({ [claim]: undefined }),
      expected: invalidIdentityToken(`Missing a required claim: ${claim}`),
    })),
    {
      name: 'an issuer without provider, here by a trailing slash',
      token: () => issuer.mint({ iss: `${issuer.url}/` }),
      expected: invalidIdentityToken(
        `No OpenIDConnect provider found in your account for https://oidc.example.test/clusters/a/`,
      ),
    },
    {
      name: 'a kid that the JWKS lacks',
      token: () => issuer.mint({}, { kid: 'unknown' }),
      expected: invalidIdentityToken(NO_KEY),
    },
    {
      name: "a signature by somebody else's key",
      token: async () => issuer.mint({}, { key: (await generateKeyPair('RS256')).privateKey }),
      expected: invalidIdentityToken('The web identity token provided could not be validated'),
    },
    {
      name: 'an algorithm that STS does not take',
      token: async () => issuer.mint({}, { alg: 'PS256', key: (await generateKeyPair('PS256')).privateKey }),
      expected: invalidIdentityToken('The web identity token provided could not be validated'),
    },
    {
      name: 'a token that is not valid yet',
      token: () => issuer.mint({ nbf: seconds() + 3000 }),
      expected: invalidIdentityToken('The web identity token provided could not be validated'),
    },
    {
      name: 'another audience',
      token: () => issuer.mint({ aud: ['vault'] }),
      expected: invalidIdentityToken('Incorrect token audience'),
    },
    {
      name: 'an azp that is not registered, although aud is',
      token: () => issuer.mint({ azp: 'client-7' }),
      expected: invalidIdentityToken('Incorrect token audience'),
    },
    {
      name: 'another ServiceAccount',
      token: () => issuer.mint({ sub: 'system:serviceaccount:analytics:other' }),
      expected: DENIED,
    },
  ];

  test.each(refusals)('refuses $name', async ({ token, expected }) => {
    await using setup = await federated(issuer);
    expect(await errorOf(setup.assume(await token()))).toEqual(expected);
    expect(setup.aws.calls.at(-1)?.errorCode).toBe(expected.code);
  });

  test('an expired token is ExpiredTokenException with both times', async () => {
    await using setup = await federated(issuer);
    const exp = seconds() - 60;
    const error = await errorOf(setup.assume(await issuer.mint({ exp, iat: exp - 3600 })));
    expect(error).toMatchObject({ code: 'ExpiredTokenException', status: 400 });
    expect(error.message).toMatch(
      new RegExp(`^Token expired: current date/time \\d+ must be before the expiration date/time ${exp}$`),
    );
  });

  test('a token older than a day is too old although it has not expired', async () => {
    await using setup = await federated(issuer);
    const error = await errorOf(setup.assume(await issuer.mint({ iat: seconds() - 90_000 })));
    expect(error).toMatchObject({ code: 'ExpiredTokenException', status: 400 });
    expect(error.message).toMatch(/^Token too old: 9000[0-9]$/);
  });

  const requests = [
    {
      name: 'a role that does not exist',
      input: { role: `arn:aws:iam::${ACCOUNT}:role/federated/none` },
      expected: DENIED,
    },
    { name: 'a role ARN without its path', input: { role: `arn:aws:iam::${ACCOUNT}:role/reports` }, expected: DENIED },
    {
      name: 'a role of an account without the provider',
      input: { role: 'arn:aws:iam::999988887777:role/federated/reports' },
      expected: invalidIdentityToken(
        'No OpenIDConnect provider found in your account for https://oidc.example.test/clusters/a',
      ),
    },
    {
      name: 'something that is not a role ARN',
      input: { role: 'arn:aws:iam::111122223333:user/x' },
      expected: { code: 'ValidationError', status: 400, message: 'arn:aws:iam::111122223333:user/x is invalid' },
    },
    {
      name: 'a session name with a colon',
      input: { session: 'a:b' },
      expected: {
        code: 'ValidationError',
        status: 400,
        message:
          "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
      },
    },
    {
      name: "more seconds than the role's MaxSessionDuration",
      input: { duration: 7200 },
      expected: {
        code: 'ValidationError',
        status: 400,
        message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
      },
    },
  ];

  test.each(requests)('refuses $name', async ({ input, expected }) => {
    await using setup = await federated(issuer);
    expect(await errorOf(setup.assume(await issuer.mint(), input))).toEqual(expected);
  });

  const hostPath = 'oidc.example.test/clusters/a';
  const trusts = [
    {
      name: 'StringLike with a wildcard matches',
      condition: { StringLike: { [`${hostPath}:sub`]: 'system:serviceaccount:analytics:*' } },
      allowed: true,
    },
    {
      name: 'StringEquals takes a wildcard literally',
      condition: { StringEquals: { [`${hostPath}:sub`]: 'system:serviceaccount:analytics:*' } },
      allowed: false,
    },
    {
      name: 'ForAnyValue:StringEquals on aud matches',
      condition: { 'ForAnyValue:StringEquals': { [`${hostPath}:aud`]: 'sts.amazonaws.com' } },
      allowed: true,
    },
    {
      name: 'a key of another issuer never matches',
      condition: { StringEquals: { 'other.example:sub': 'system:serviceaccount:analytics:reports' } },
      allowed: false,
    },
    {
      name: 'a key with a trailing slash is another key',
      condition: { StringEquals: { [`${hostPath}/:aud`]: 'sts.amazonaws.com' } },
      allowed: false,
    },
    {
      name: 'condition operators and keys ignore case',
      condition: { stringequals: { [`${hostPath}:SUB`]: 'system:serviceaccount:analytics:reports' } },
      allowed: true,
    },
    {
      name: 'sts:RoleSessionName may be asked for',
      condition: { StringEquals: { 'sts:RoleSessionName': 'session-2' } },
      allowed: false,
    },
  ];

  test.each(trusts)('trust policy: $name', async ({ condition, allowed }) => {
    await using setup = await federated(issuer, { trust: trustOf(hostPath, condition) });
    const call = setup.assume(await issuer.mint());
    expect(await outcomeOf(call)).toEqual(allowed ? 'ok' : DENIED);
  });

  test('a trust policy repaired after the fact lets the pod in at once', async () => {
    await using setup = await federated(issuer, { trust: trustOf('other.example') });
    const token = await issuer.mint();
    expect(await errorOf(setup.assume(token))).toEqual(DENIED);
    await setup.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName: 'reports', PolicyDocument: trustOf(hostPath) }));
    expect((await setup.assume(token)).Credentials).toBeDefined();
  });

  test('a token with several audiences passes if one is registered', async () => {
    await using setup = await federated(issuer);
    const token = await issuer.mint({ aud: ['vault', 'sts.amazonaws.com'] });
    expect((await setup.assume(token)).Audience).toBe('sts.amazonaws.com');
  });

  test('a client id that was added later counts', async () => {
    await using setup = await federated(issuer, {
      trust: trustOf(hostPath, { StringEquals: { [`${hostPath}:aud`]: 'vault' } }),
    });
    const token = await issuer.mint({ aud: 'vault' });
    expect((await errorOf(setup.assume(token))).message).toBe('Incorrect token audience');
    await setup.iam.send(
      new AddClientIDToOpenIDConnectProviderCommand({
        OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/${hostPath}`,
        ClientID: 'vault',
      }),
    );
    expect((await setup.assume(token)).Credentials).toBeDefined();
  });
});
