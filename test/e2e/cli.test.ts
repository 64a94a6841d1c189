import { beforeAll, expect, test } from 'vitest';
import { type Outcome, runPlugin } from '../support/plugin.ts';
import { identity, newNamespace, pod, provider, read, untilReady, untilReason, useStack } from '../support/stories.ts';

const stack = useStack();

beforeAll(async () => {
  await stack().kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
});

const cli = (...args: readonly string[]): Promise<Outcome> => runPlugin(stack(), args);

test('a ready identity and its injected pod; suspended and resumed; reconciled', async () => {
  const namespace = await newNamespace(stack());
  await stack().kubectl(['apply', '-f', '-'], identity(namespace));
  await untilReady(stack(), 'afi/app', namespace);
  await stack().kubectl(['create', '-f', '-'], pod(namespace, 'app'));
  const status = (): Promise<Outcome> => cli('status', '-n', namespace);
  expect(await status()).toEqual({
    code: 0,
    stdout: `✓ AwsOidcProvider default (account 111122223333)
└─ ✓ ${namespace}/app
   └─ ✓ ServiceAccount app
      └─ ✓ Pod workload  injected
`,
    stderr: '',
  });

  expect((await cli('suspend', 'app', '-n', namespace)).stdout).toContain(`${namespace}/app: suspended`);
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'Suspended');
  expect((await status()).stdout).toContain(`‖ ${namespace}/app  Suspended: `);
  expect((await cli('reconcile', 'app', '-n', namespace)).stderr).toContain('is suspended');
  expect((await cli('resume', 'app', '-n', namespace)).stdout).toContain(`${namespace}/app: resumed`);
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'Succeeded');

  const { code, stdout, stderr } = await cli('reconcile', 'app', '-n', namespace, '--no-wait');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { metadata } = await read<{
    metadata: { annotations: Record<string, string>; managedFields: { manager: string }[] };
  }>(stack(), 'afi/app', '-n', namespace, '--show-managed-fields');
  const at = metadata.annotations['federatedidentity.dev/requestedAt'] ?? '';
  expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(stdout).toContain(at);
  expect(metadata.managedFields.map(({ manager }) => manager)).toContain('kubectl-aws-identity');

  expect(await cli('reconcile', '--all', '-n', namespace)).toEqual({
    code: 0,
    stdout: `AwsFederatedIdentity ${namespace}/app: reconciled, Ready\n`,
    stderr: '',
  });
});

test('a failing identity shows its reason, under the provider that is missing, and ends with 3', async () => {
  const namespace = await newNamespace(stack());
  await stack().kubectl(['apply', '-f', '-'], identity(namespace, { providerRef: { name: 'nowhere' } }));
  await untilReason(stack(), ['afi/app', '-n', namespace], 'Ready', 'ProviderNotFound');
  const { code, stdout } = await cli('status', 'app', '-n', namespace);
  expect(code).toBe(3);
  expect(stdout).toMatch(/^✗ AwsOidcProvider nowhere {2}ProviderNotFound: /);
  expect(stdout).toContain(`└─ ✗ ${namespace}/app  ProviderNotFound: AwsOidcProvider "nowhere" does not exist`);
  const json = JSON.parse((await cli('status', '-n', namespace, '-o', 'json')).stdout);
  expect(json).toMatchObject([{ provider: 'nowhere', identities: [{ name: 'app', state: 'failed', ready: false }] }]);
});

test('what does not exist is said with 1', async () => {
  const namespace = await newNamespace(stack());
  const says = expect.stringContaining(`there is no AwsFederatedIdentity "app" in namespace ${namespace}`);
  for (const verb of ['status', 'reconcile', 'suspend', 'resume'])
    expect(await cli(verb, 'app', '-n', namespace)).toEqual({ code: 1, stdout: '', stderr: says });
});
