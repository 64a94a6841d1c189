import { describe, expect, test } from 'vitest';
import {
  identity,
  newNamespace,
  operatorCalls,
  pod,
  provider,
  read,
  S3_READ,
  untilReady,
  untilReason,
  useStack,
  conditionOf,
} from '../support/stories.ts';

// What goes wrong is said by a condition with its own reason and the next step, and nothing is written to AWS.
describe('with a working provider', () => {
  const stack = useStack();

  test.each([
    {
      name: 'a provider that does not exist',
      spec: { providerRef: { name: 'nowhere' } },
      reason: 'ProviderNotFound',
      says: 'AwsOidcProvider "nowhere" does not exist',
    },
    {
      name: 'a managed policy that the guardrails do not name',
      spec: { role: { managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] } },
      reason: 'PolicyNotAllowed',
      says: 'spec.guardrails.managedPolicyArns',
    },
    {
      name: 'an audience that the provider does not list',
      spec: { audience: 'other' },
      reason: 'AudienceNotAllowed',
      says: 'clientIds',
    },
    {
      name: 'an inline policy that is no JSON',
      spec: { role: { inlinePolicies: [{ name: 'x', document: '{' }] } },
      reason: 'PolicyInvalid',
      says: 'spec.role.inlinePolicies "x"',
    },
  ])('$name: $reason, and no write to AWS', async ({ spec, reason, says }) => {
    const { kubectl, aws } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], provider());
    await untilReady(stack(), 'aop/default');
    const mark = aws.calls.mark();
    await kubectl(['apply', '-f', '-'], identity(namespace, spec));
    const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', reason);
    expect(conditionOf(object, 'Ready')).toMatchObject({ status: 'False', message: expect.stringContaining(says) });
    expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
    await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  });

  test('a role of somebody else with the same name: RoleNotOwned, and not even a tag is written [F42 S1]', async () => {
    const { kubectl, account, aws } = stack();
    const namespace = await newNamespace(stack());
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    };
    await account.perform('CreateRole', {
      RoleName: 'theirs',
      Path: '/federated/',
      AssumeRolePolicyDocument: JSON.stringify(trust),
    });
    const before = account.role('theirs');
    const mark = aws.calls.mark();
    await kubectl(
      ['apply', '-f', '-'],
      identity(namespace, { role: { name: 'theirs', managedPolicyArns: [S3_READ] } }),
    );
    const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'RoleNotOwned');
    expect(conditionOf(object, 'Stalled')?.status).toBe('True');
    await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
    expect(aws.calls.writes(mark).filter(({ principal }) => principal.endsWith('operator'))).toEqual([]);
    expect(account.role('theirs')).toEqual(before);
  });

  test('a second identity for the same ServiceAccount: ServiceAccountConflict; when the first goes, it takes over [F44]', async () => {
    const { kubectl } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], identity(namespace));
    await untilReady(stack(), 'afi/app', namespace);
    await kubectl(['apply', '-f', '-'], identity(namespace, { serviceAccount: { name: 'app' } }, 'second'));
    await untilReason(stack(), ['afi/second', '-n', namespace], 'Ready', 'ServiceAccountConflict');
    await kubectl(['create', '-f', '-'], pod(namespace, 'app'));
    await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
    await untilReady(stack(), 'afi/second', namespace);
  });

  test('a pod of an identity that is not ready is denied with its message, and admitted with the opt-out [F58]', async () => {
    const { kubectl } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['create', 'serviceaccount', 'app', '-n', namespace]);
    await kubectl(['apply', '-f', '-'], identity(namespace, { providerRef: { name: 'nowhere' } }));
    await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'ProviderNotFound');
    await expect(kubectl(['create', '-f', '-'], pod(namespace, 'app'))).rejects.toThrow(/ProviderNotFound/);
    const optedOut = {
      ...pod(namespace, 'app'),
      metadata: { name: 'bare', namespace, annotations: { 'federatedidentity.dev/inject': 'false' } },
    };
    await kubectl(['create', '-f', '-'], optedOut);
  });

  test('a ServiceAccount that is deleted comes back, and so do annotations that somebody took away [F56]', async () => {
    const { kubectl } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], identity(namespace));
    await untilReady(stack(), 'afi/app', namespace);
    const annotations = async (): Promise<object | undefined> => {
      const found = await kubectl(['get', 'sa/app', '-n', namespace, '-o', 'json', '--ignore-not-found']);
      const { metadata }: { readonly metadata?: { readonly annotations?: object } } = JSON.parse(found || '{}');
      return metadata?.annotations;
    };
    const before = await annotations();
    expect(before).toHaveProperty(['eks.amazonaws.com/role-arn']);
    await kubectl(['delete', 'sa/app', '-n', namespace]);
    await expect.poll(annotations, { timeout: 30_000, interval: 100 }).toEqual(before);
    await kubectl(['annotate', 'sa/app', '-n', namespace, 'eks.amazonaws.com/role-arn-']);
    await expect.poll(annotations, { timeout: 30_000, interval: 100 }).toEqual(before);
  });

  test('a provider in use is not deleted, and says by whom [F52 S13]', async () => {
    const { kubectl } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], provider({ deletionPolicy: 'Delete' }, 'second'));
    await kubectl(['apply', '-f', '-'], identity(namespace, { providerRef: { name: 'second' } }));
    await untilReason(stack(), ['aop/second'], 'Ready', 'Succeeded');
    await kubectl(['delete', 'aop/second', '--wait=false']);
    const object = await untilReason(stack(), ['aop/second'], 'Ready', 'InUse');
    expect(conditionOf(object, 'Ready')?.message).toContain(`${namespace}/app`);
    await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
    await kubectl(['wait', 'aop/second', '--for=delete', '--timeout=30s']);
  });

  test('a provider of another account: WrongAccount, and no write [F35]', async () => {
    const { kubectl, aws } = stack();
    const mark = aws.calls.mark();
    await kubectl(['apply', '-f', '-'], provider({ accountId: '999999999999' }, 'elsewhere'));
    const object = await untilReason(stack(), ['aop/elsewhere'], 'Ready', 'WrongAccount');
    expect(conditionOf(object, 'Ready')?.message).toContain('999999999999');
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], identity(namespace, { providerRef: { name: 'elsewhere' } }));
    await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'ProviderNotReady');
    expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
  });

  test('an operator without AWS credentials says so, and goes on when it has some [F34]', async () => {
    const { kubectl, restartOperator } = stack();
    await restartOperator({
      environment: { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' },
    });
    await kubectl(['apply', '-f', '-'], provider({}, 'third'));
    const object = await untilReason(stack(), ['aop/third'], 'Ready', 'CredentialsUnavailable');
    expect(conditionOf(object, 'Ready')?.message).toContain('AWS_ROLE_ARN');
    await restartOperator();
    await untilReady(stack(), 'aop/third');
  });

  test('an API server that is away for a while is waited for [F1]', async () => {
    const { cluster, kubectl } = stack();
    const namespace = await newNamespace(stack());
    await cluster.restartApiServer();
    await kubectl(['apply', '-f', '-'], identity(namespace));
    await untilReady(stack(), 'afi/app', namespace);
    const { metadata } = await read(stack(), 'afi/app', '-n', namespace);
    expect(metadata.finalizers).toEqual(['federatedidentity.dev/aws']);
  });
});

describe.each([
  {
    issuer: 'https://kubernetes.default.svc.cluster.local',
    reason: 'IssuerNotPublic',
    says: '--service-account-issuer',
  },
  { issuer: 'https://api.example.com:6443', reason: 'IssuerHasPort', says: '443' },
])('an issuer that AWS cannot use: $issuer', ({ issuer, reason, says }) => {
  const stack = useStack({ issuer });

  test(`${reason}, and no write to AWS`, async () => {
    await stack().kubectl(['apply', '-f', '-'], provider());
    const object = await untilReason(stack(), ['aop/default'], 'Ready', reason);
    expect(conditionOf(object, 'Stalled')).toMatchObject({ status: 'True', message: expect.stringContaining(says) });
    expect(stack().aws.calls.writes()).toEqual([]);
  });
});
