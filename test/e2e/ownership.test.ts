import { expect, test } from 'vitest';
import {
  conditionOf,
  identity,
  newNamespace,
  operatorCalls,
  provider,
  read,
  S3_READ,
  SQS_READ,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

const stack = useStack();

const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

const guardrails = (fields: object): object => ({
  guardrails: { managedPolicyArns: ['arn:aws:iam::aws:policy/Amazon*'], rolePath: '/federated/', ...fields },
});

async function handMade(name: string, path = '/federated/'): Promise<string> {
  const { account } = stack();
  await account.perform('CreateRole', { RoleName: name, Path: path, AssumeRolePolicyDocument: TRUST });
  await account.perform('AttachRolePolicy', { RoleName: name, PolicyArn: SQS_READ });
  return account.role(name)?.id ?? '';
}

const roleNameOf = async (namespace: string, name = 'app'): Promise<string> =>
  (await read(stack(), `afi/${name}`, '-n', namespace)).status?.roleArn?.split('/').at(-1) ?? '';

test('an existing role is adopted by its id: first the plan is shown, then it is carried out [S1]', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider(guardrails({ adoption: 'Allow' }), 'adopting'));
  const roleId = await handMade('by-hand');
  const mark = aws.calls.mark();
  const spec = {
    providerRef: { name: 'adopting' },
    role: { name: 'by-hand', managedPolicyArns: [S3_READ] },
    adopt: { roleId },
  };
  await kubectl(['apply', '-f', '-'], identity(namespace, spec));
  const pending = await untilReason(stack(), ['afi/app', '-n', namespace], 'RoleReady', 'AdoptionPending');
  expect(pending.status?.drift?.map(({ path }) => path)).toEqual([
    'role.tags',
    'role.managedPolicyArns',
    'role.trustPolicy',
    'role.managedPolicyArns',
  ]);
  expect(operatorCalls(stack(), mark).filter(({ write, resource }) => write && resource.includes('by-hand'))).toEqual(
    [],
  );
  await untilReady(stack(), 'afi/app', namespace);
  const writes = operatorCalls(stack(), mark).filter(({ write, resource }) => write && resource.includes('by-hand'));
  expect(writes.map(({ operation }) => operation)).toEqual([
    'TagRole',
    'DetachRolePolicy',
    'UpdateAssumeRolePolicy',
    'AttachRolePolicy',
  ]);
  expect(account.role('by-hand')?.id).toBe(roleId);
});

test.each([
  {
    name: 'where the guardrails do not allow it',
    adoption: 'Deny',
    path: '/federated/',
    wrongId: false,
    says: 'adoption: Allow',
  },
  { name: 'by a wrong id', adoption: 'Allow', path: '/federated/', wrongId: true, says: 'spec.adopt.roleId' },
])('a role is not adopted $name', async ({ adoption, path, wrongId, says }) => {
  const { kubectl, aws } = stack();
  const namespace = await newNamespace(stack());
  const providerName = `adopt-${namespace}`;
  await kubectl(['apply', '-f', '-'], provider(guardrails({ adoption }), providerName));
  const roleId = await handMade(`made-${namespace}`, path);
  await untilReady(stack(), `aop/${providerName}`);
  const mark = aws.calls.mark();
  const adopt = { roleId: wrongId ? 'AROAAAAAAAAAAAAAAAAAA' : roleId };
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { providerRef: { name: providerName }, role: { name: `made-${namespace}` }, adopt }),
  );
  const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'AdoptionRefused');
  expect(conditionOf(object, 'Ready')?.message).toContain(says);
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
});

test('a provider serves only the namespaces that its selector names, and only so many identities of each', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  const spec = { providerRef: { name: 'picky' } };
  await kubectl(
    ['apply', '-f', '-'],
    provider(
      guardrails({ namespaceSelector: { matchLabels: { tier: 'gold' } }, maxIdentitiesPerNamespace: 1 }),
      'picky',
    ),
  );
  await untilReady(stack(), 'aop/picky');
  await kubectl(['apply', '-f', '-'], identity(namespace, spec));
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'NamespaceNotAllowed');
  await kubectl(['label', 'namespace', namespace, 'tier=gold']);
  await untilReady(stack(), 'afi/app', namespace);
  await new Promise((resolve) => setTimeout(resolve, 1100)); // creationTimestamps are seconds
  await kubectl(['apply', '-f', '-'], identity(namespace, spec, 'second'));
  await untilReason(stack(), ['afi/second', '-n', namespace], 'Ready', 'TooManyIdentities');
  await kubectl(['delete', 'afi/app', '-n', namespace]);
  await untilReady(stack(), 'afi/second', namespace);
  await kubectl(['label', 'namespace', namespace, 'tier-']);
  await untilReason(stack(), ['afi/second', '-n', namespace], 'Ready', 'NamespaceNotAllowed');
});

test('guardrails that get stricter take nothing away: the identity is stalled, and its role stays as it is', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider(guardrails({}), 'stricter'));
  await kubectl(
    ['apply', '-f', '-'],
    identity(namespace, { providerRef: { name: 'stricter' }, role: { managedPolicyArns: [S3_READ] } }),
  );
  await untilReady(stack(), 'afi/app', namespace);
  const before = account.role(await roleNameOf(namespace));
  const mark = aws.calls.mark();
  await kubectl(
    ['apply', '-f', '-'],
    provider({ guardrails: { managedPolicyArns: [], rolePath: '/federated/' } }, 'stricter'),
  );
  const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Stalled', 'PolicyNotAllowed');
  expect(conditionOf(object, 'Ready')?.status).toBe('False');
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
  expect(account.role(await roleNameOf(namespace))).toEqual(before);
});

test('Retain leaves the role in AWS; the next identity of that name does not take it over by itself [F24 S13 S16]', async () => {
  const { kubectl, account } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { deletionPolicy: 'Retain' }));
  await untilReady(stack(), 'afi/app', namespace);
  const name = await roleNameOf(namespace);
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  expect(account.role(name)?.name).toBe(name);
  await kubectl(['apply', '-f', '-'], identity(namespace));
  const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'RoleNotOwned');
  expect(conditionOf(object, 'Ready')?.message).toContain(`${namespace}/app`);
});

test('a role in an instance profile blocks the deletion, which names it; abandon is the way out [F37 F49]', async () => {
  const { kubectl, account } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  const name = await roleNameOf(namespace);
  const { roleArn } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  account.addToInstanceProfile(name, 'legacy-profile');
  await kubectl(['delete', 'afi/app', '-n', namespace, '--wait=false']);
  const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'DeletionBlocked');
  expect(conditionOf(object, 'Ready')?.message).toContain('legacy-profile');
  await kubectl(['annotate', 'afi/app', '-n', namespace, `federatedidentity.dev/abandon=${roleArn}`]);
  await kubectl(['wait', 'afi/app', '-n', namespace, '--for=delete', '--timeout=30s']);
  expect(account.role(name)?.name).toBe(name);
});

test('a role that was replaced by somebody else is not touched [F41 S1]', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  const name = await roleNameOf(namespace);
  await account.perform('DeleteRole', { RoleName: name });
  await handMade(name);
  const mark = aws.calls.mark();
  const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'RoleNotOwned');
  expect(conditionOf(object, 'Ready')?.message).toContain('not the role that was made here');
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
});

test('suspend stops every write to AWS, and says so', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
  await untilReady(stack(), 'afi/app', namespace);
  await kubectl(['patch', 'afi/app', '-n', namespace, '--type=merge', '-p', '{"spec":{"suspend":true}}']);
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'Suspended');
  await account.perform('DetachRolePolicy', { RoleName: await roleNameOf(namespace), PolicyArn: S3_READ });
  const mark = aws.calls.mark();
  const sweeps = (): number =>
    aws.calls.since(mark).filter(({ operation }) => operation === 'GetAccountAuthorizationDetails').length;
  await expect.poll(sweeps, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
  await kubectl(['patch', 'afi/app', '-n', namespace, '--type=merge', '-p', '{"spec":{"suspend":false}}']);
  await untilReady(stack(), 'afi/app', namespace);
});
