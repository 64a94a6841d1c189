import { beforeAll, describe, expect, test } from 'vitest';
import {
  awsWrites,
  denialOf,
  exchange,
  exchangeToken,
  forgedToken,
  statusOf,
  type Tenant,
  tenantOf,
} from '../support/attack-scene.ts';
import { BYPASSES, STRICT } from '../support/bypass-attempts.ts';
import {
  conditionOf,
  identity,
  newNamespace,
  pod,
  provider,
  read,
  S3_READ,
  SQS_READ,
  type StatusObject,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';
import { type InjectedPod, workloadOf } from '../support/workload.ts';

// What a tenant with the rights of `edit` in a namespace tries, against the real operator and an AWS that writes down each call.
const stack = useStack({ controllerManager: true });
const patient = { timeout: 60_000, interval: 200 };

const OTHERS_TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

let namespace: string;
let tenant: Tenant;
/** The ARN of the role of `app` in `namespace`, which is ready. */
let roleArn: string;
beforeAll(async () => {
  const { kubectl, account } = stack();
  await account.createPolicy('tenant-boundary', {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
  });
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], provider(STRICT, 'strict'));
  namespace = await newNamespace(stack());
  tenant = await tenantOf(stack(), namespace);
  await tenant.kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'aop/strict');
  await untilReady(stack(), 'afi/app', namespace);
  roleArn = (await statusOf(stack(), 'app', namespace)).roleArn ?? '';
});

/** A role of somebody else with everything, under the path that the operator may write to. */
async function victim(
  name: string,
  tags: Readonly<Record<string, string>> = {},
): Promise<{ readonly id: string; readonly arn: string }> {
  const { account } = stack();
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await account.perform('CreateRole', {
    RoleName: name,
    Path: '/federated/',
    AssumeRolePolicyDocument: OTHERS_TRUST,
    Tags,
  });
  await account.perform('AttachRolePolicy', { RoleName: name, PolicyArn: SQS_READ });
  const { id = '', arn = '' } = account.role(name) ?? {};
  return { id, arn };
}

test('what guardrails forbid is refused in every disguise, and nothing is written in AWS [F68 F69 F70 S1 S2 S3]', async () => {
  const { aws, kubectl } = stack();
  await victim('team-a-victim');
  const mark = aws.calls.mark();
  const items = BYPASSES.map(({ spec }, index) =>
    identity(namespace, { providerRef: { name: 'strict' }, ...spec }, `bypass-${index}`),
  );
  // Without the client's own validation; what the API server refuses is said, and the others are stored.
  const list = { apiVersion: 'v1', kind: 'List', items };
  expect(await tenant.refused(['create', '--validate=ignore', '-f', '-'], list)).toContain('is invalid');
  const reasons = async (): Promise<Readonly<Record<string, string>>> => {
    const { items: stored } = await read<{ items: Named[] }>(stack(), 'afi', '-n', namespace);
    const reasonOf = new Map(stored.map((item) => [item.metadata.name, conditionOf(item, 'Ready')?.reason ?? 'none']));
    return Object.fromEntries(BYPASSES.map(({ name }, index) => [name, reasonOf.get(`bypass-${index}`) ?? 'schema']));
  };
  await expect
    .poll(reasons, patient)
    .toEqual(Object.fromEntries(BYPASSES.map(({ name, refusedBy }) => [name, refusedBy])));
  expect(awsWrites(stack(), mark)).toEqual([]);
  const names = BYPASSES.map((_, index) => `bypass-${index}`);
  await kubectl(['delete', 'afi', '-n', namespace, '--ignore-not-found', '--wait=false', ...names]);
  expect(awsWrites(stack(), mark)).toEqual([]);
});

test('a way up in the path of a policy leads nowhere: the role has its boundary and no policy [F68 F69]', async () => {
  const { account } = stack();
  const spec = {
    providerRef: { name: 'strict' },
    role: { name: 'team-a-up', managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3/../AdministratorAccess'] },
  };
  await tenant.kubectl(['create', '-f', '-'], identity(namespace, spec, 'up'));
  await untilReason(stack(), ['afi/up', '-n', namespace], 'Ready', 'PolicyInvalid');
  const role = account.role('team-a-up');
  expect(role).toMatchObject({ path: '/federated/', permissionsBoundary: STRICT.guardrails.permissionsBoundaryArn });
  expect([...(role?.attachedPolicies ?? [])]).toEqual([]);
  await tenant.kubectl(['delete', 'afi/up', '-n', namespace]);
});

type Named = StatusObject & { readonly metadata: { readonly name: string } };

describe('a tenant', () => {
  test.each([
    {
      name: 'write a status',
      args: ['patch', 'afi/app', '--subresource=status', '--type=merge', '-p', '{"status":{"roleId":"x"}}'],
    },
    { name: 'read a provider', args: ['get', 'aop'] },
    {
      name: 'change a provider',
      args: ['patch', 'aop/default', '--type=merge', '-p', '{"spec":{"guardrails":{"inlinePolicies":"Allow"}}}'],
    },
    {
      name: 'set the label that lifts the gate',
      args: ['label', 'afi/app', 'federatedidentity.dev/bound=other', '--overwrite'],
    },
    { name: 'take the label away', args: ['label', 'afi/app', 'federatedidentity.dev/bound-'] },
    {
      name: 'edit the injection table',
      args: ['patch', 'cm/aws-pod-injection', '--type=merge', '-p', '{"data":{"app":"x"}}'],
    },
    { name: 'delete the injection table', args: ['delete', 'cm/aws-pod-injection'] },
    { name: 'empty the namespace of tables', args: ['delete', 'cm', '--all'] },
    { name: 'switch a policy off', args: ['delete', 'validatingadmissionpolicybinding', '--all'] },
  ])('may not $name [F76 S1 S10]', async ({ args }) => {
    expect(await tenant.refused([...args, '-n', namespace])).toMatch(/forbidden|denied/i);
  });

  test('that sends a status along, has it ignored [F76]', async () => {
    const forged = {
      ...identity(namespace, { suspend: true }, 'forged'),
      status: { roleArn, roleId: 'AROAFORGED0000000' },
    };
    await tenant.kubectl(['create', '-f', '-'], forged);
    const { roleArn: arn, roleId } = await statusOf(stack(), 'forged', namespace);
    expect({ arn, roleId }).toEqual({ arn: undefined, roleId: undefined });
    await tenant.kubectl(['delete', 'afi/forged', '-n', namespace]);
  });
});

test('a status that was written by hand leads to no role of others, neither in repair nor in deletion [F76 S1]', async () => {
  const { account, aws, kubectl } = stack();
  const { id, arn } = await victim('forged-by-status');
  const forge = (name: string): Promise<string> =>
    kubectl([
      'patch',
      `afi/${name}`,
      '-n',
      namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status: { roleArn: arn, roleId: id } }),
    ]);
  const before = account.role('forged-by-status');
  const mark = aws.calls.mark();

  // One names the role and claims by its status to have made it.
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { role: { name: 'forged-by-status' }, suspend: true }, 'thief'),
  );
  await forge('thief');
  await kubectl(['patch', 'afi/thief', '-n', namespace, '--type=merge', '-p', '{"spec":{"suspend":false}}']);
  await untilReason(stack(), ['afi/thief', '-n', namespace], 'Ready', 'RoleNotOwned');
  // The other has a role of its own, and only its status speaks of the victim.
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }, 'honest'));
  await untilReady(stack(), 'afi/honest', namespace);
  const own = (await statusOf(stack(), 'honest', namespace)).roleArn ?? '';
  await forge('honest');
  await forge('thief');
  await kubectl(['delete', 'afi/honest', 'afi/thief', '-n', namespace]);

  expect(account.role('forged-by-status')).toEqual(before);
  expect(account.role(own.split('/').at(-1) ?? '')).toBeUndefined();
  expect(awsWrites(stack(), mark).filter((write) => write.includes('forged-by-status'))).toEqual([]);
});

test('ownership tags that somebody else set give nothing [F76 S1 S4]', async () => {
  const { account, aws, clusterId, kubectl } = stack();
  const spoofs: Readonly<Record<string, (uid: string) => Readonly<Record<string, string>>>> = {
    'of-another-cluster': (uid) => ({ cluster: 'c0ffee00-0000-4000-8000-00000000000f', uid }),
    'of-another-object': () => ({ cluster: clusterId, uid: 'other' }),
    'without-uid': () => ({ cluster: clusterId }),
    'without-cluster': (uid) => ({ uid }),
  };
  for (const [name, tags] of Object.entries(spoofs)) {
    const object = identity(namespace, { role: { name }, suspend: true }, name);
    const { metadata } = JSON.parse(await kubectl(['create', '-f', '-', '-o', 'json'], object)) as {
      metadata: { uid: string };
    }; // oxlint-disable-line no-await-in-loop -- few
    const spoofed = Object.entries({ namespace, name, ...tags(metadata.uid) });
    await victim(name, Object.fromEntries(spoofed.map(([key, value]) => [`federatedidentity.dev/${key}`, value]))); // oxlint-disable-line no-await-in-loop -- few
  }
  const names = Object.keys(spoofs);
  const before = names.map((name) => account.role(name));
  const mark = aws.calls.mark();
  const resumed = '{"spec":{"suspend":false}}';
  await kubectl(['patch', 'afi', ...names, '-n', namespace, '--type=merge', '-p', resumed]);
  await Promise.all(
    names.map((name) => untilReason(stack(), [`afi/${name}`, '-n', namespace], 'Ready', 'RoleNotOwned')),
  );
  await kubectl(['delete', 'afi', ...names, '-n', namespace]);
  expect(awsWrites(stack(), mark)).toEqual([]);
  expect(names.map((name) => account.role(name))).toEqual(before);
});

describe('credentials of a role', () => {
  test('are for one ServiceAccount with one audience, whoever else asks [F70 S3 S5]', async () => {
    const { aws, kubectl } = stack();
    const other = await newNamespace(stack());
    await kubectl(['create', 'serviceaccount', 'app', '-n', other]);
    await kubectl(['create', 'serviceaccount', 'neighbour', '-n', namespace]);
    const audience = 'sts.amazonaws.com';
    const claims = forgedToken(stack().cluster.issuer, { namespace, serviceAccount: 'app', audience });
    expect(await exchange(stack(), { namespace, serviceAccount: 'app', audience }, roleArn)).toBe('ok');
    const attempts = {
      neighbour: await exchange(stack(), { namespace, serviceAccount: 'neighbour', audience }, roleArn),
      namesake: await exchange(stack(), { namespace: other, serviceAccount: 'app', audience }, roleArn),
      default: await exchange(stack(), { namespace, serviceAccount: 'default', audience }, roleArn),
      audience: await exchange(
        stack(),
        { namespace, serviceAccount: 'app', audience: 'sts.amazonaws.com.evil.example' },
        roleArn,
      ),
      server: await exchange(stack(), { namespace, serviceAccount: 'app' }, roleArn),
      unsigned: await exchangeToken(aws.endpoint, `${claims}.`, roleArn),
      forged: await exchangeToken(aws.endpoint, `${claims}.c2lnbmF0dXJl`, roleArn),
    };
    for (const [name, outcome] of Object.entries(attempts))
      expect(outcome, name).toMatchObject({ code: expect.stringMatching(/AccessDenied|InvalidIdentityToken/) });
  });

  test('are not had by an annotation with the ARN of another role: it injects, and AWS refuses [F75]', async () => {
    const { kubectl } = stack();
    const metadata = { name: 'copycat', namespace, annotations: { 'eks.amazonaws.com/role-arn': roleArn } };
    await tenant.kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const create = (): Promise<string> =>
      kubectl(['create', '-f', '-', '-o', 'json'], pod(namespace, 'copycat', 'copycat')).catch(() => '{}');
    let created = '{}';
    await expect.poll(async () => (created = await create()), patient).toContain(roleArn);
    await using workload = await workloadOf(stack(), JSON.parse(created) as InjectedPod);
    await expect(workload.callerArn()).rejects.toThrow(/Not authorized to perform sts:AssumeRoleWithWebIdentity/);
  });
});

test('a tenant that floods its namespace gets its share, and another one is served all the same [F77 S11]', async () => {
  const { kubectl, aws } = stack();
  const [flood, quiet] = [await newNamespace(stack()), await newNamespace(stack())];
  const limited = { guardrails: { maxIdentitiesPerNamespace: 5, rolePath: '/federated/' } };
  await kubectl(['apply', '-f', '-'], provider(limited, 'limited'));
  await untilReady(stack(), 'aop/limited');
  const items = (from: number, count: number): object => ({
    apiVersion: 'v1',
    kind: 'List',
    items: Array.from({ length: count }, (_, index) =>
      identity(flood, { providerRef: { name: 'limited' } }, `app-${from + index}`),
    ),
  });
  await kubectl(['create', '-f', '-'], items(0, 5));
  await kubectl(['wait', 'afi', '--all', '-n', flood, '--for=condition=Ready', '--timeout=60s']);
  const created = await kubectl(['get', 'afi/app-4', '-n', flood, '-o', 'jsonpath={.metadata.creationTimestamp}']);
  // Ages are whole seconds.
  await expect.poll(() => Date.now() - Date.parse(created), patient).toBeGreaterThan(1_500);
  const mark = aws.calls.mark();
  await Promise.all([
    kubectl(['create', '-f', '-'], items(5, 60)),
    kubectl(['create', '-f', '-'], identity(quiet, { providerRef: { name: 'limited' } })),
  ]);
  await kubectl(['wait', 'afi/app', '-n', quiet, '--for=condition=Ready', '--timeout=60s']);
  const counts = async (): Promise<Readonly<Record<string, number>>> => {
    const { items: all } = await read<{ items: StatusObject[] }>(stack(), 'afi', '-n', flood);
    const reasons = Map.groupBy(all, (item) => conditionOf(item, 'Ready')?.reason ?? 'none');
    return Object.fromEntries([...reasons].map(([reason, { length }]) => [reason, length]));
  };
  await expect.poll(counts, patient).toEqual({ Succeeded: 5, TooManyIdentities: 60 });
  expect(awsWrites(stack(), mark).filter((write) => write.startsWith('CreateRole'))).toHaveLength(1); // the quiet one's
});

test('a namespace that is deleted and made anew by another tenant inherits no role [S16]', async () => {
  const { account, kubectl } = stack();
  const name = await newNamespace(stack());
  const spec = { role: { managedPolicyArns: [S3_READ] } };
  await kubectl(['apply', '-f', '-'], identity(name, spec));
  await kubectl(['apply', '-f', '-'], identity(name, { ...spec, deletionPolicy: 'Retain' }, 'kept'));
  await untilReady(stack(), 'afi/app', name);
  await untilReady(stack(), 'afi/kept', name);
  const [first, kept] = [await statusOf(stack(), 'app', name), await statusOf(stack(), 'kept', name)];
  const roleName = first.roleArn?.split('/').at(-1) ?? '';
  await kubectl(['delete', 'namespace', name, '--timeout=90s']);
  expect(account.role(roleName), 'the role goes before its namespace').toBeUndefined();

  await kubectl(['create', 'namespace', name]);
  await kubectl(['create', 'serviceaccount', 'app', '-n', name]);
  await kubectl(['create', 'serviceaccount', 'kept', '-n', name]);
  const audience = 'sts.amazonaws.com';
  expect(
    await exchange(stack(), { namespace: name, serviceAccount: 'app', audience }, first.roleArn ?? ''),
  ).toMatchObject({ code: 'AccessDenied' });
  await kubectl(['apply', '-f', '-'], identity(name, spec));
  await untilReady(stack(), 'afi/app', name);
  expect((await statusOf(stack(), 'app', name)).roleId).not.toBe(first.roleId);

  // A role that its owner wanted to stay is not given to the next one, whose pods wait. Its trust policy stays as well:
  // docs/security.md says so.
  await kubectl(['apply', '-f', '-'], identity(name, spec, 'kept'));
  await untilReason(stack(), ['afi/kept', '-n', name], 'Ready', 'RoleNotOwned');
  await expect.poll(() => denialOf(stack(), name, 'kept'), patient).toContain('RoleNotOwned');
  expect(await exchange(stack(), { namespace: name, serviceAccount: 'kept', audience }, kept.roleArn ?? '')).toBe('ok');
});
