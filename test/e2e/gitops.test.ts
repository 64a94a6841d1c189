import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  identity,
  newNamespace,
  operatorCalls,
  provider,
  read,
  S3_READ,
  untilReady,
  useStack,
} from '../support/stories.ts';

// What Argo CD, Flux and people with kubectl rely on.
const stack = useStack({ environment: { RESYNC_INTERVAL: '600' } });
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const OURS = /^kind: Aws(OidcProvider|FederatedIdentity)$/m;

/** Every object of ours in the samples and in the examples of the documents. */
async function examples(): Promise<readonly { readonly source: string; readonly objects: readonly Manifest[] }[]> {
  const samples = ['aws-oidc-provider', 'aws-federated-identity'].map((name) => `config/samples/${name}.yaml`);
  const pages = ['README.md', 'docs/running.md'];
  const found: { source: string; objects: Manifest[] }[] = [];
  for (const file of [...samples, ...pages]) {
    const text = await readFile(`${ROOT}/${file}`, 'utf8');
    const blocks = file.endsWith('.md')
      ? [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => block)
      : [text];
    for (const block of blocks.filter((one) => OURS.test(one))) {
      found.push({ source: file, objects: parseAllDocuments(block).map((document) => document.toJS()) });
    }
  }
  return found;
}

beforeAll(async () => {
  await stack().kubectl(['create', 'namespace', 'analytics']);
});

test.each([{ serverSide: false }, { serverSide: true }])(
  'after convergence kubectl diff is empty and a second apply changes nothing (server side: $serverSide)',
  async ({ serverSide }) => {
    const { kubectl } = stack();
    const side = serverSide ? ['--server-side'] : [];
    // Providers first, as sync waves would have it; each example in an empty cluster.
    for (const { source, objects } of await examples()) {
      const parts = objects.some(({ kind }) => kind === 'AwsOidcProvider') ? objects : [provider(), ...objects];
      const list = { apiVersion: 'v1', kind: 'List', items: parts };
      await kubectl(['apply', ...side, '-f', '-'], list);
      const identities = objects.filter(({ kind }) => kind === 'AwsFederatedIdentity');
      for (const { metadata } of identities) await untilReady(stack(), `afi/${metadata.name}`, metadata.namespace);
      await untilReady(stack(), 'aop/default');
      await expect(kubectl(['diff', ...side, '-f', '-'], list), source).resolves.toBe('');
      const generations = () => kubectl(['get', 'aop,afi', '-A', '-o', 'jsonpath={.items[*].metadata.generation}']);
      const before = await generations();
      await kubectl(['apply', ...side, '-f', '-'], list);
      expect(await generations(), source).toBe(before);
      await kubectl(['delete', 'afi', '--all', '-n', 'analytics', '--timeout=30s']);
      await kubectl(['delete', 'aop', '--all', '--timeout=30s']);
    }
  },
);

interface Managed {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller: boolean;
    }[];
    readonly managedFields: readonly {
      readonly manager: string;
      readonly subresource?: string;
      readonly fieldsV1: object;
    }[];
  };
}

const fieldsOf = ({ metadata }: Managed, subresource?: string): readonly object[] =>
  metadata.managedFields
    .filter((one) => one.manager === 'federatedidentity.dev/operator' && one.subresource === subresource)
    .map(({ fieldsV1 }) => fieldsV1);

test('the operator owns its finalizer, its label and the status of an identity, and its own fields of a ServiceAccount', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], provider());
  const labelled = identity(namespace) as { metadata: object };
  const tracking = {
    labels: { 'app.kubernetes.io/instance': 'shop' },
    annotations: { 'argocd.argoproj.io/tracking-id': 'shop:x' },
  };
  await kubectl(['apply', '-f', '-'], { ...labelled, metadata: { ...labelled.metadata, ...tracking } });
  await untilReady(stack(), 'afi/app', namespace);
  const object = await read<Managed>(stack(), 'afi/app', '-n', namespace, '--show-managed-fields');
  expect(fieldsOf(object)).toEqual([
    {
      'f:metadata': {
        'f:finalizers': { 'v:"federatedidentity.dev/aws"': {} },
        'f:labels': { 'f:federatedidentity.dev/bound': {} },
      },
    },
  ]);
  expect(fieldsOf(object, 'status')).toHaveLength(1);
  const account = await read<Managed>(stack(), 'sa/app', '-n', namespace, '--show-managed-fields');
  expect(account.metadata.labels).toEqual({ 'federatedidentity.dev/managed': 'true' });
  expect(Object.keys(account.metadata.annotations ?? {}).every((key) => key.startsWith('eks.amazonaws.com/'))).toBe(
    true,
  );
  expect(account.metadata.ownerReferences).toMatchObject([
    { kind: 'AwsFederatedIdentity', name: 'app', controller: true },
  ]);
});

test.each(['federatedidentity.dev/requestedAt', 'reconcile.fluxcd.io/requestedAt'])(
  'the annotation %s has the operator look at AWS now, and is answered',
  async (annotation) => {
    const { kubectl, account, aws } = stack();
    const namespace = await newNamespace(stack());
    await kubectl(['apply', '-f', '-'], provider());
    await kubectl(['apply', '-f', '-'], identity(namespace, { role: { managedPolicyArns: [S3_READ] } }));
    await untilReady(stack(), 'afi/app', namespace);
    const { roleArn = '' } = (await read(stack(), 'afi/app', '-n', namespace)).status ?? {};
    await account.perform('DetachRolePolicy', { RoleName: roleArn.split('/').at(-1), PolicyArn: S3_READ });
    const mark = aws.calls.mark();
    const value = '2026-11-24T12:00:00.000Z';
    await kubectl(['annotate', 'afi/app', '-n', namespace, `${annotation}=${value}`]);
    const handled = async () => (await read(stack(), 'afi/app', '-n', namespace)).status?.lastHandledReconcileAt;
    await expect.poll(handled, { timeout: 30_000 }).toBe(value);
    const calls = operatorCalls(stack(), mark).map(({ operation }) => operation);
    expect(calls).toContain('AttachRolePolicy');
  },
);

test('kubectl wait works right after apply, and for the deletion', async () => {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: [provider(), identity(namespace)] });
  await kubectl(['wait', 'afi/app', '-n', namespace, '--for=condition=Ready', '--timeout=30s']);
  await kubectl(['delete', 'afi/app', '-n', namespace, '--wait=false']);
  await kubectl(['wait', 'afi/app', '-n', namespace, '--for=delete', '--timeout=30s']);
});

test('kubectl get shows what a person needs in 120 columns, and more with -o wide', async () => {
  const { kubectl } = stack();
  const namespace = 'analytics';
  await kubectl(['apply', '-f', '-'], {
    apiVersion: 'v1',
    kind: 'List',
    items: [provider(), identity(namespace, {}, 'reports')],
  });
  await untilReady(stack(), 'afi/reports', namespace);
  const table = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await kubectl(['get', ...args]))
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ +$/, '').replaceAll(/\b[0-9]+m?[0-9]*s\b/g, 'AGE'));
  const columns = (lines: readonly string[]): readonly string[] => lines[0]?.split(/ {2,}/) ?? [];
  const identities = await table('afi', '-n', namespace);
  expect(columns(identities)).toEqual(['NAME', 'READY', 'STATUS', 'DRIFT', 'ROLE', 'AGE']);
  expect(identities[1]).toMatch(
    /^reports +True +Succeeded +0 +arn:aws:iam::111122223333:role\/federated\/analytics-reports-[0-9a-f]{8} +AGE$/,
  );
  const providers = await table('aop');
  expect(columns(providers)).toEqual(['NAME', 'READY', 'STATUS', 'ISSUER', 'ACCOUNT', 'IDENTITIES', 'AGE']);
  for (const line of [...identities, ...providers]) expect(line.length).toBeLessThanOrEqual(120);
  expect(columns(await table('afi', '-n', namespace, '-o', 'wide'))).toEqual([
    'NAME',
    'READY',
    'STATUS',
    'DRIFT',
    'ROLE',
    'AGE',
    'PROVIDER',
    'SERVICEACCOUNT',
    'NOTINJECTED',
    'STALE',
    'VERIFIED',
    'MESSAGE',
  ]);
  expect(columns(await table('aop', '-o', 'wide')).slice(-2)).toEqual(['ARN', 'MESSAGE']);
});

test.each(['awsfederatedidentities', 'awsoidcproviders'])(
  'kubectl explain %s describes every field',
  async (plural) => {
    const { kubectl } = stack();
    const crd = await read<{ spec: { versions: readonly { schema: { openAPIV3Schema: object } }[] } }>(
      stack(),
      'crd',
      `${plural}.federatedidentity.dev`,
    );
    const bare: string[] = [];
    const walk = (
      schema: { description?: string; properties?: Record<string, object>; items?: object },
      path: string,
    ): void => {
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        if (!('description' in property) && `${path}.${name}` !== '.metadata') bare.push(`${path}.${name}`);
        walk(property, `${path}.${name}`);
      }
      if (schema.items !== undefined) walk(schema.items, `${path}[]`);
    };
    walk(crd.spec.versions[0]?.schema.openAPIV3Schema ?? {}, '');
    expect(bare).toEqual([]);
    expect(await kubectl(['explain', plural, '--recursive'])).toContain('FIELDS:');
  },
);
