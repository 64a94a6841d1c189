import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  conditionOf,
  identity,
  newNamespace,
  provider,
  read,
  untilReady,
  untilReason,
  useStack,
} from '../support/stories.ts';

// The issuer as AWS sees it, and STS's own word about it: told once, by the provider.
const stack = useStack({ environment: { PROVIDER_VERIFICATION_INTERVAL: '10' } });

const BINDING = 'anonymous-issuer-discovery';

interface ProviderObject {
  readonly metadata: { readonly generation: number };
  readonly status?: { readonly jwksKeyIds?: readonly string[]; readonly thumbprints?: readonly string[] };
}

const exchanges = (mark: number) =>
  stack()
    .aws.calls.since(mark)
    .filter(({ operation }) => operation === 'AssumeRoleWithWebIdentity');

test('a ready provider has shown that its documents are public and that STS takes its tokens', async () => {
  const { kubectl, operator } = stack();
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  const object = await read(stack(), 'aop/default');
  for (const type of ['IssuerReachable', 'FederationVerified'])
    expect(conditionOf(object, type)).toMatchObject({ status: 'True', reason: 'Succeeded' });
  const { status } = await read<ProviderObject>(stack(), 'aop/default');
  expect(status?.jwksKeyIds).toHaveLength(1);
  expect(status?.thumbprints).toHaveLength(1);
  const metrics = await (await fetch(`${operator.url}/metrics`)).text();
  expect(metrics).toMatch(/^federated_identity_clock_skew_seconds\{clock="api-server"\} -?[0-9.]+$/m);
});

test('the proof comes again and again, and writes nothing', async () => {
  const before = await read(stack(), 'aop/default');
  const mark = stack().aws.calls.mark();
  await expect.poll(() => exchanges(mark).length, { timeout: 30_000, interval: 500 }).toBeGreaterThanOrEqual(2);
  expect(await read(stack(), 'aop/default')).toEqual(before);
});

test('an issuer that is closed to the public is told with the command that opens it, and then goes on', async () => {
  const { kubectl } = stack();
  const binding = await kubectl(['get', 'clusterrolebinding', BINDING, '-o', 'json']);
  await kubectl(['delete', 'clusterrolebinding', BINDING]);
  const ask = (at: string) =>
    kubectl(['annotate', 'aop/default', '--overwrite', `federatedidentity.dev/requestedAt=${at}`]);
  await expect
    .poll(
      async () => {
        await ask(new Date().toISOString());
        return conditionOf(await read(stack(), 'aop/default'), 'Ready')?.reason;
      },
      { timeout: 30_000, interval: 500 },
    )
    .toBe('IssuerForbidden');
  const { message = '' } = conditionOf(await read(stack(), 'aop/default'), 'Ready') ?? {};
  const [, role, group] = /--clusterrole=(\S+) --group=(\S+),/.exec(message) ?? [];
  await kubectl(['create', 'clusterrolebinding', BINDING, `--clusterrole=${role}`, `--group=${group}`]);
  await ask(new Date().toISOString());
  await untilReady(stack(), 'aop/default');
  expect(binding).toContain(group);
});

test('with --verification=provider no token of a workload is minted, and Ready says what it rests on [S6]', async () => {
  const { kubectl, restartOperator } = stack();
  await restartOperator({ environment: { VERIFICATION: 'provider' } });
  const namespace = await newNamespace(stack());
  await untilReady(stack(), 'aop/default');
  await kubectl(['apply', '-f', '-'], identity(namespace));
  const object = await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'Succeeded');
  expect(conditionOf(object, 'Ready')?.message).toContain('(--verification=provider)');
  const audit = await readFile(stack().cluster.auditLog, 'utf8');
  const minted = audit
    .split('\n')
    .filter((line) => line.includes('"subresource":"token"') && line.includes(`"namespace":"${namespace}"`));
  expect(minted).toEqual([]);
  await kubectl(['delete', 'afi/app', '-n', namespace, '--timeout=30s']);
});
