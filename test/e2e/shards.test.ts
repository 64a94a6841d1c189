import { afterAll, beforeAll, expect, test } from 'vitest';
import { joinAccount, memberRoleArn } from '../../dev/stack/member-account.ts';
import type { OperatorProcess } from '../../dev/stack/operator-process.ts';
import { ACCOUNT } from '../../dev/stack/stack.ts';
import { identity, newNamespace, provider, read, S3_READ, untilReady, useStack } from '../support/stories.ts';

// Two operators share a cluster: one has the providers with a label, the other one all the rest.
const TEN = Array.from({ length: 9 }, (_, index) => `22223333440${index}`);
const RED = { shard: 'red' };
const stack = useStack({ moreAccounts: TEN, environment: { PROVIDER_SELECTOR: 'shard!=red' } });
let red: OperatorProcess;

/** Every other account is red. */
const ACCOUNTS = [ACCOUNT, ...TEN].map((id, index) => ({ id, name: `account-${index}`, isRed: index % 2 === 1 }));

const providerOf = ({ id, name, isRed }: (typeof ACCOUNTS)[number]): object => ({
  ...provider({ accountId: id, ...(id === ACCOUNT ? {} : { assumeRole: { roleArn: memberRoleArn(id) } }) }),
  metadata: { name, ...(isRed ? { labels: RED } : {}) },
});

const identities = (): object => ({
  apiVersion: 'v1',
  kind: 'List',
  items: ACCOUNTS.map(({ name }) =>
    identity(namespace, { providerRef: { name }, role: { managedPolicyArns: [S3_READ] } }, `app-${name}`),
  ),
});

let namespace: string;

beforeAll(async () => {
  for (const account of TEN) await joinAccount(stack(), account);
  red = await stack().startReplica('red', { PROVIDER_SELECTOR: 'shard=red' });
  const items = ACCOUNTS.map(providerOf);
  await stack().kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  namespace = await newNamespace(stack());
});
afterAll(() => red?.stop());

/** Objects that an operator reconciled with an effect: those of other shards it passes over, without a look at AWS. */
async function writersOf(process: OperatorProcess): Promise<ReadonlySet<unknown>> {
  const lines = await process.log();
  return new Set(
    lines
      .filter(({ msg }) => msg === 'changed IAM role' || msg === 'changed OIDC provider')
      .map(({ object }) => object),
  );
}

test('each looks after its own providers and their identities, in ten accounts', async () => {
  await stack().kubectl(['wait', 'aop', '--all', '--for=condition=Ready', '--timeout=60s']);
  await stack().kubectl(['apply', '-f', '-'], identities());
  for (const { id, name, isRed } of ACCOUNTS) {
    await untilReady(stack(), `afi/app-${name}`, namespace);
    const roles = stack()
      .aws.account(id)
      .roles()
      .filter(({ path }) => path === '/federated/');
    expect(roles).toHaveLength(1);
    const [ours, others] = isRed ? [red, stack().operator] : [stack().operator, red];
    const key = `${namespace}/app-${name}`;
    expect([(await writersOf(ours)).has(key), (await writersOf(others)).has(key)]).toEqual([true, false]);
  }
});

test('each has a Lease of its own', async () => {
  const { items } = await read<{ items: { spec: { holderIdentity: string } }[] }>(
    stack(),
    'lease',
    '-n',
    'federated-identity-system',
  );
  expect(items.map(({ spec }) => spec.holderIdentity !== '')).toEqual([true, true]);
});

test('an identity whose provider does not exist is told so, by the one that has the rest', async () => {
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { providerRef: { name: 'nobody' } }, 'lost'));
  await expect
    .poll(async () => JSON.stringify((await read(stack(), 'afi/lost', '-n', namespace)).status), { timeout: 20_000 })
    .toContain('ProviderNotFound');
});

test('a provider whose label changes goes over to the other one, with its identities', async () => {
  const [first] = ACCOUNTS;
  await stack().kubectl(['label', 'aop', `${first?.name}`, 'shard=red']);
  const spec = { role: { managedPolicyArns: [] } };
  await stack().kubectl([
    'patch',
    'afi',
    `app-${first?.name}`,
    '-n',
    namespace,
    '--type=merge',
    '-p',
    JSON.stringify({ spec }),
  ]);
  await expect
    .poll(async () => [...(await writersOf(red))], { timeout: 20_000 })
    .toContain(`${namespace}/app-${first?.name}`);
});
