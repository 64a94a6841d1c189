import { describe, expect, test } from 'vitest';
import type { FaultEffect } from '../../dev/aws/faults.ts';
import { useDoctor } from '../support/doctor.ts';
import { identity, newNamespace, S3_READ, untilReady, useStack } from '../support/stories.ts';

// One thing after the other is broken between the role and the pod. The numbers are those of docs/failures.md.

const stack = useStack();
let early = '';
const doctor = useDoctor(stack, async () => {
  const { kubectl } = stack();
  early = await newNamespace(stack());
  await kubectl(['create', 'serviceaccount', 'app', '-n', early]);
  await Promise.all(earlyPods.map((one) => kubectl(['create', '-f', '-'], earlyPod(one))));
  await kubectl(['apply', '-f', '-'], identity(early));
  await untilReady(stack(), 'afi/app', early);
});
const namespace = (): string => doctor().namespace;

/** Pods that are older than their identity, as in a cluster where injection did not work. */
const earlyPods = [
  { name: 'bare', env: [] },
  { name: 'half-set', env: [{ name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::111122223333:role/federated/own' }] },
  {
    name: 'wrong-token',
    env: [
      { name: 'AWS_ROLE_ARN', value: 'arn:aws:iam::111122223333:role/federated/own' },
      { name: 'AWS_WEB_IDENTITY_TOKEN_FILE', value: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    ],
    volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/eks.amazonaws.com/serviceaccount' }],
  },
];

const earlyPod = ({ name, ...container }: (typeof earlyPods)[number]): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: early },
  spec: {
    serviceAccountName: 'app',
    volumes: [{ name: 'own', emptyDir: {} }],
    containers: [{ name: 'main', image: 'registry.example/workload:1', ...container }],
  },
});

describe('where nothing is broken', () => {
  test('every link holds, with the operator down', async () => {
    const { code, stdout } = await doctor().run();
    expect(stdout).toContain('Every link holds');
    expect(stdout).toMatch(/✓ call +AWS knows the caller as arn:aws:sts::111122223333:assumed-role\//);
    expect(code).toBe(0);
  });

  test('without AWS credentials the provider, the role and its trust policy are not seen, and STS is asked all the same', async () => {
    const { code, links: found } = await doctor().links(undefined, {});
    expect(found.filter(({ state }) => state !== 'holds').map(({ link, state }) => `${link} ${state}`)).toEqual([
      'provider unseen',
      'role unseen',
      'trust policy unseen',
    ]);
    expect(code).toBe(0);
  });

  test('all identities of a namespace; and a name that is not there is an error', async () => {
    expect((await doctor().run(['-n', namespace()])).stdout).toContain(`AwsFederatedIdentity ${namespace()}/app`);
    expect(await doctor().run(['nobody', '-n', namespace()])).toMatchObject({ code: 1, stdout: '' });
    expect((await doctor().run(['--pod', 'workload'])).stderr).toContain('--pod needs the name of its identity');
  });
});

const roleName = (): string =>
  stack()
    .account.roles()
    .find(({ tags }) =>
      tags.some(({ Key, Value }) => Key === 'federatedidentity.dev/namespace' && Value === namespace()),
    )?.name ?? '';
const providerArn = (): string => stack().account.providers()[0]?.arn ?? '';

interface Breakage {
  readonly name: string;
  readonly break: () => Promise<() => Promise<unknown>>;
  readonly link: string;
  readonly says: string | RegExp;
}

/** Replaces the OIDC provider; undoing makes the original again, as somebody else's. */
async function replaceProvider(
  changed: Readonly<Record<string, string | string[]>> | undefined,
): Promise<() => Promise<unknown>> {
  const { account, cluster } = stack();
  const ThumbprintList = account.providers()[0]?.thumbprints ?? [];
  const original = { Url: cluster.issuer, ClientIDList: ['sts.amazonaws.com'], ThumbprintList };
  const remove = async (): Promise<unknown> => {
    const arn = providerArn();
    return arn === '' ? undefined : account.perform('DeleteOpenIDConnectProvider', { OpenIDConnectProviderArn: arn });
  };
  await remove();
  if (changed !== undefined) await account.perform('CreateOpenIDConnectProvider', { ...original, ...changed });
  return async () => {
    await remove();
    return account.perform('CreateOpenIDConnectProvider', original);
  };
}

async function changeTrustPolicy(change: (text: string) => string): Promise<() => Promise<unknown>> {
  const { account } = stack();
  const RoleName = roleName();
  const original = account.role(RoleName)?.trustPolicy ?? '';
  await account.perform('UpdateAssumeRolePolicy', { RoleName, PolicyDocument: change(original) });
  return () => account.perform('UpdateAssumeRolePolicy', { RoleName, PolicyDocument: original });
}

async function tagRole(Key: string, value: string): Promise<() => Promise<unknown>> {
  const { account } = stack();
  const RoleName = roleName();
  const original = account.role(RoleName)?.tags.find((tag) => tag.Key === Key)?.Value ?? '';
  const tag = (Value: string): Promise<unknown> => account.perform('TagRole', { RoleName, Tags: [{ Key, Value }] });
  await tag(value);
  return () => tag(original);
}

/** STS answers so, as if the operator had written to the role long ago. */
const stsAnswers =
  (effect: FaultEffect, lastSyncTime = '2026-01-01T00:00:00Z') =>
  async (): Promise<() => Promise<unknown>> => {
    const { kubectl, aws } = stack();
    const patch = JSON.stringify({ status: { lastSyncTime } });
    await kubectl(['patch', 'afi', 'app', '-n', namespace(), '--subresource=status', '--type=merge', '-p', patch]);
    const fault = aws.faults.add({ operation: 'AssumeRoleWithWebIdentity', effect });
    return async () => fault[Symbol.dispose]();
  };
const refusal = (code: string, message: string, status = 400): FaultEffect => ({
  kind: 'error',
  code,
  message,
  status,
});
const NOT_AUTHORIZED = refusal('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403);

const breakages: readonly Breakage[] = [
  {
    name: '1 the OIDC provider is missing',
    break: () => replaceProvider(undefined),
    link: 'provider: ProviderMissing',
    says: 'IAM has no OIDC provider arn:aws:iam::111122223333:oidc-provider/',
  },
  {
    name: '2 the OIDC provider differs in the slash at its end',
    break: () => replaceProvider({ Url: `${stack().cluster.issuer}/` }),
    link: 'provider: ProviderMissing',
    says: 'which differs in the slash at its end',
  },
  {
    name: '13 the audience is not registered, but for a blank',
    break: () => replaceProvider({ ClientIDList: ['sts.amazonaws.com '] }),
    link: 'provider: AudienceNotRegistered',
    says: 'it lists "sts.amazonaws.com "',
  },
  {
    name: '15 the trust policy is for another ServiceAccount',
    break: () => changeTrustPolicy((text) => text.replace(':app"', ':other"')),
    link: 'trust policy: TrustPolicyMismatch',
    says: /:sub is "system:serviceaccount:.*:other", and should be/,
  },
  {
    name: '15 the trust policy has no audience',
    break: () => changeTrustPolicy((text) => text.replace(/"[^"]*:aud":"[^"]*",?/, '')),
    link: 'trust policy: TrustPolicyMismatch',
    says: /:aud is missing, and should be "sts.amazonaws.com"/,
  },
  {
    name: '16 the role was just written',
    break: () => stsAnswers(NOT_AUTHORIZED, new Date().toISOString())(),
    link: 'STS: Propagating',
    says: 'Ask again in a minute',
  },
  {
    name: '17 an organization policy denies it',
    break: stsAnswers(NOT_AUTHORIZED),
    link: 'STS: TokenExchangeFailed',
    says: 'organization policy (SCP or RCP)',
  },
  {
    name: '21 the token has expired for AWS',
    break: stsAnswers(
      refusal(
        'ExpiredTokenException',
        'Token expired: current date/time 1731098245 must be before the expiration date/time 1731095240',
      ),
    ),
    link: 'STS: ',
    says: 'Token expired',
  },
  {
    name: '26 STS is off in the region',
    break: stsAnswers(
      refusal(
        'RegionDisabledException',
        'STS is not activated in this region for account:111122223333. Your account administrator can activate STS in this region using the IAM Console.',
        403,
      ),
    ),
    link: 'STS: AwsRequestFailed',
    says: 'STS is not activated in this region',
  },
  {
    name: '33 another cluster has the role, by the same issuer [S4]',
    break: () => tagRole('federatedidentity.dev/cluster', 'another-cluster'),
    link: 'role: RoleNotOwned',
    says: 'another-cluster',
  },
];

describe('the first broken link at AWS', () => {
  test.each(breakages)('$name', async ({ break: breakIt, link, says }) => {
    const mend = await breakIt();
    try {
      const broken = await doctor().firstBroken();
      expect(broken.link).toContain(link);
      expect(broken.message).toMatch(says);
    } finally {
      await mend();
    }
  });

  test('20 the role is missing, as its policy was refused [F31]', async () => {
    const { account } = stack();
    const RoleName = roleName();
    const PolicyArn = S3_READ;
    const { trustPolicy = '', tags: Tags = [] } = account.role(RoleName) ?? {};
    await account.perform('DetachRolePolicy', { RoleName, PolicyArn });
    await account.perform('DeleteRole', { RoleName });
    try {
      expect((await doctor().firstBroken()).link).toBe('role: RoleMissing');
    } finally {
      const AssumeRolePolicyDocument = trustPolicy;
      await account.perform('CreateRole', { RoleName, Path: '/federated/', AssumeRolePolicyDocument, Tags });
      await account.perform('AttachRolePolicy', { RoleName, PolicyArn });
    }
  });

  test('25 STS cannot be reached', async () => {
    const broken = await doctor().firstBroken(undefined, { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
    expect(broken.link).toBe('STS: AwsUnreachable');
  });
});

describe('the first broken link at the pods', () => {
  test.each([
    { name: '30 a pod of before the identity', pod: 'bare', says: 'container main lacks role, token file or mount' },
    {
      name: '30 a pod that is half set by hand',
      pod: 'half-set',
      says: 'container main lacks role, token file or mount',
    },
    {
      name: '14 a pod that reads the token for the API server',
      pod: 'wrong-token',
      says: 'reads the token /var/run/secrets/kubernetes.io/',
    },
  ])('$name', async ({ pod: name, says }) => {
    const broken = await doctor().firstBroken(['app', '-n', early, '--pod', name]);
    expect(broken.link).toBe('pods: PodsNotInjected');
    expect(broken.message).toContain(says);
  });

  test('31 static keys win over the token, which only warns', async () => {
    const { kubectl } = stack();
    const secretive = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'static', namespace: namespace() },
      spec: {
        serviceAccountName: 'app',
        containers: [{ name: 'main', image: 'x', env: [{ name: 'AWS_ACCESS_KEY_ID', value: 'AKIAEXAMPLE' }] }],
      },
    };
    await kubectl(['create', '-f', '-'], secretive);
    const { code, links: found } = await doctor().links(['app', '-n', namespace(), '--pod', 'static']);
    expect(found.find(({ link }) => link === 'pods')?.warnings.join()).toContain(
      'sets AWS_ACCESS_KEY_ID, which SDKs prefer',
    );
    expect(code).toBe(0);
    await kubectl(['delete', 'pod', 'static', '-n', namespace(), '--force', '--grace-period=0']);
  });

  test('32 the injection is not at work, and its gate denies', async () => {
    const { kubectl } = stack();
    const binding = ['mutatingadmissionpolicybinding', 'federated-identity-injection'];
    const saved = await kubectl(['get', ...binding, '-o', 'json']);
    await kubectl(['delete', ...binding]);
    try {
      await expect.poll(async () => (await doctor().links()).code, { timeout: 60_000 }).toBe(3);
      const broken = await doctor().firstBroken();
      expect(broken.link).toBe('pods: PodsNotInjected');
      expect(broken.message).toContain('A new pod would be denied');
    } finally {
      const { metadata, ...rest } = JSON.parse(saved) as { metadata: { name: string } };
      await kubectl(['create', '-f', '-'], { ...rest, metadata: { name: metadata.name } });
    }
  });
});
