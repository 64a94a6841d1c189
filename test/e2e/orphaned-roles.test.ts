import { expect, test } from 'vitest';
import {
  identity,
  newNamespace,
  operatorCalls,
  provider,
  read,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

// What a restore of etcd from an older backup leaves: a role in AWS, and no identity in the cluster.
const stack = useStack();

interface EventList {
  readonly items: readonly { readonly note?: string; readonly message?: string; readonly type: string }[];
}

const events = async (): Promise<EventList['items']> =>
  (
    await read<EventList>(
      stack(),
      'events',
      '-A',
      '--field-selector',
      'reason=RoleOrphaned,involvedObject.kind=AwsOidcProvider,involvedObject.name=default',
    )
  ).items;

const orphans = async (): Promise<string | undefined> => {
  const metrics = await (await fetch(`${stack().operator.url}/metrics`)).text();
  return /^federated_identity_orphaned_roles\{provider="default"\} (\d+)$/m.exec(metrics)?.[1];
};

/** As in a cluster whose etcd is of before the identity: it goes, and no operator sees it go. */
async function lose(namespace: string, name: string): Promise<void> {
  const { kubectl, operator, restartOperator } = stack();
  await operator.stop();
  await kubectl(['patch', `afi/${name}`, '-n', namespace, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
  await kubectl(['delete', `afi/${name}`, '-n', namespace, '--timeout=30s']);
  await restartOperator();
}

test('a role whose identity is gone is told once, not touched, and adopted by the identity when it is made again [F11]', async () => {
  const { kubectl, account, aws } = stack();
  const namespace = await newNamespace(stack());
  const guardrails = { rolePath: '/federated/', adoption: 'Allow' };
  await kubectl(['apply', '-f', '-'], provider({ guardrails }));
  for (const name of ['app', 'kept']) await kubectl(['apply', '-f', '-'], identity(namespace, {}, name));
  for (const name of ['app', 'kept']) await untilReady(stack(), `afi/${name}`, namespace);
  const { roleArn = '', roleId = '' } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  const RoleName = roleArn.split('/').at(-1) ?? '';
  await expect.poll(orphans, { timeout: 30_000 }).toBe('0');

  await lose(namespace, 'app');
  const before = account.role(RoleName);
  const mark = aws.calls.mark();
  await expect.poll(orphans, { timeout: 40_000 }).toBe('1');
  await expect.poll(async () => (await events()).length).toBe(1);
  const [event] = await events();
  expect(event?.type).toBe('Warning');
  expect(event?.note ?? event?.message).toContain(RoleName);
  const sweeps = (): number =>
    operatorCalls(stack(), mark).filter(({ operation }) => operation === 'GetAccountAuthorizationDetails').length;
  const told = sweeps();
  await expect.poll(sweeps, { timeout: 30_000 }).toBeGreaterThanOrEqual(told + 2);
  expect(await events()).toHaveLength(1);
  expect(operatorCalls(stack(), mark).filter(({ write }) => write)).toEqual([]);
  expect(account.role(RoleName)).toEqual(before);

  await kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'RoleNotOwned');
  await kubectl(['apply', '-f', '-'], identity(namespace, { adopt: { roleId } }));
  await untilReady(stack(), 'afi/app', namespace);
  await expect.poll(orphans, { timeout: 30_000 }).toBe('0');
});

test('a role of the last identity of a provider is told too, and no more once its tags are taken off [F11]', async () => {
  const { kubectl, account } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['delete', 'afi', '--all', '-A', '--timeout=60s']);
  await kubectl(['apply', '-f', '-'], provider());
  await kubectl(['apply', '-f', '-'], identity(namespace, { deletionPolicy: 'Retain' }));
  await untilReady(stack(), 'afi/app', namespace);
  const { roleArn = '' } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
  await expect.poll(orphans, { timeout: 40_000 }).toBe('1');
  await account.perform('UntagRole', {
    RoleName: roleArn.split('/').at(-1) ?? '',
    TagKeys: ['cluster', 'namespace', 'name', 'uid'].map((key) => `federatedidentity.dev/${key}`),
  });
  await expect.poll(orphans, { timeout: 30_000 }).toBe('0');
});
