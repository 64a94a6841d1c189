import { randomUUID } from 'node:crypto';
import {
  ApiException,
  CoreV1Api,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { AwsFederatedIdentityKind, AwsFederatedIdentitySpec } from '../../src/crds/aws-federated-identity.ts';
import { AwsOidcProviderKind } from '../../src/crds/aws-oidc-provider.ts';
import { API_VERSION, crdManifest } from '../../src/crds/manifest.ts';
import { parsePolicyDocument } from '../../src/iam/policy-document.ts';
import { kubernetesClient } from '../../src/kube/client.ts';
import { IDENTITIES } from '../../src/kube/kinds.ts';
import type { KubernetesResource } from '../../src/kube/resource.ts';
import { identityRows, policyArn, providerRows, role } from './crd-rule-cases.ts';
import { row, type Row, type Spec } from './crd-rule-row.ts';

// Each rule and bound is tried at the API server, by the first value that it refuses and the last one that it takes.
const name = `rules-${randomUUID().slice(0, 8)}`;
const config = new KubeConfig();
config.loadFromFile(inject('kubeconfig'));
const api = KubernetesObjectApi.makeApiClient(config);

interface Kind {
  readonly kind: string;
  readonly namespace?: string;
  readonly valid: Spec;
}
const Provider: Kind = { kind: 'AwsOidcProvider', valid: { accountId: '111122223333', region: 'eu-west-1' } };
const Identity: Kind = {
  kind: 'AwsFederatedIdentity',
  namespace: name,
  valid: { serviceAccount: { name: 'reports' } },
};

const object = ({ kind, namespace, valid }: Kind, spec: Spec = {}, suffix = ''): KubernetesObject & { spec: Spec } => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name: `${name}${suffix}`, ...(namespace === undefined ? {} : { namespace }) },
  spec: { ...valid, ...spec },
});

/** What the API server says against it; undefined when it takes it. */
async function refusal(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiException) || error.code !== 422) throw error;
    const body: unknown = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
    return (body as { readonly message: string }).message; // a Status
  }
}

const create = (kind: Kind, spec: Spec): Promise<string | undefined> =>
  refusal(api.create(object(kind, spec, '-new'), undefined, 'All'));
const change = (kind: Kind, spec: Spec): Promise<string | undefined> => {
  const { valid: _, ...rest } = kind;
  const patch = object({ ...rest, valid: {} }, spec);
  return refusal(api.patch(patch, undefined, 'All', undefined, undefined, PatchStrategy.MergePatch));
};

/** Refused and taken as a merge patch of an object that the test made. */
const SA_IMMUTABLE = 'serviceAccount.name is immutable: create another AwsFederatedIdentity';
const ROLE_IMMUTABLE = 'role.name is immutable: create another AwsFederatedIdentity';
const ISSUER_IMMUTABLE =
  'issuer.url is immutable: another issuer is another OIDC provider; create another AwsOidcProvider';

const identityChanges: readonly Row[] = [
  row(
    'providerRef.name',
    { providerRef: { name: 'other' } },
    'providerRef.name is immutable: create another AwsFederatedIdentity',
    { providerRef: { name: 'default' } },
  ),
  row('serviceAccount.name', { serviceAccount: { name: 'other' } }, SA_IMMUTABLE, {
    serviceAccount: { create: false },
  }),
  row('role.name', role({ name: 'other' }), ROLE_IMMUTABLE, role({ description: 'other' })),
  row('role.name by leaving it out', role({ name: null }), ROLE_IMMUTABLE, role({ managedPolicyArns: [policyArn()] })),
  row('role.name by leaving role out', { role: null }, ROLE_IMMUTABLE, { deletionPolicy: 'Retain' }),
];
const providerChanges: readonly Row[] = [
  row(
    'accountId',
    { accountId: '444455556666' },
    'accountId is immutable: create another AwsOidcProvider for another account',
    { region: 'eu-west-2' },
  ),
  row('issuer.url', { issuer: { url: 'https://other.example' } }, ISSUER_IMMUTABLE, {
    issuer: { url: 'https://oidc.example' },
  }),
  row('issuer.url by leaving it out', { issuer: null }, ISSUER_IMMUTABLE, { clientIds: ['other'] }),
];

beforeAll(async () => {
  await config.makeApiClient(CoreV1Api).createNamespace({ body: { metadata: { name } } });
  await api.create(object(Identity, role({ name: 'fixed' })));
  await api.create(object(Provider, { issuer: { url: 'https://oidc.example' } }));
});
afterAll(async () => {
  await api.delete(object(Provider));
  await api.delete(object(Identity));
});

describe.each([
  { of: Identity, rows: identityRows, changes: identityChanges },
  { of: Provider, rows: providerRows, changes: providerChanges },
])('$of.kind', ({ of, rows, changes }) => {
  test.each(rows)('$rule', async ({ refused, because, accepted }) => {
    expect(await create(of, refused)).toContain(because);
    expect(await create(of, accepted)).toBeUndefined();
  });

  test.each(changes)('$rule does not change [F54]', async ({ refused, because, accepted }) => {
    expect(await change(of, refused)).toContain(because);
    expect(await change(of, accepted)).toBeUndefined();
  });
});

const times = <T>(count: number, item: (index: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, index) => item(index));
const full = (length: number, index: number): string => `${index}`.padStart(length, 'x');

test('objects with all that they may hold are within the cost that the API server grants to rules [F57 F73]', async () => {
  const tags = Object.fromEntries(times(40, (index) => [full(128, index), 'v'.repeat(256)]));
  const document = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: '*', Resource: 'x'.repeat(9_000) }],
  };
  const inlinePolicies = times(20, (index) => ({ name: full(128, index), document }));
  const managedPolicyArns = times(25, (index) => `arn:aws:iam::aws:policy/${full(2_000, index)}`);
  expect(
    await create(Identity, role({ tags, inlinePolicies, managedPolicyArns, description: 'x'.repeat(1_000) })),
  ).toBeUndefined();
  const matchExpressions = times(20, (index) => ({
    key: full(300, index),
    operator: 'In',
    values: times(50, (value) => full(63, value)),
  }));
  const guardrails = {
    managedPolicyArns: times(100, (index) => `${'*a'.repeat(1_000)}${index}`),
    namespaceSelector: { matchExpressions },
  };
  expect(
    await create(Provider, { guardrails, roleDefaults: { tags }, clientIds: times(100, (index) => full(255, index)) }),
  ).toBeUndefined();
});

test.each([
  {
    name: '`__proto__` and `constructor`',
    text: '{"Statement":[],"__proto__":{"a":1},"constructor":{"prototype":{"a":1}}}',
    refused: undefined,
  },
  {
    name: 'characters beyond the first plane, and half of one',
    text: '{"Statement":[],"Sid":"😀\\u0000 \\ufffd"}',
    refused: 'no character beyond Latin-1',
  },
  { name: 'characters of Latin-1', text: '{"Statement":[],"Sid":"é\\u0000 \\u00ff"}', refused: undefined },
  {
    name: 'a number that would be rounded',
    text: '{"Statement":[{"x":9007199254740993}]}',
    refused: 'the number at Statement.0.x',
  },
  {
    name: 'a number of 300 digits',
    text: `{"Statement":[{"x":1${'0'.repeat(300)}}]}`,
    refused: 'the number at Statement.0.x',
  },
  { name: '1 500 levels', text: `{"Statement":${'['.repeat(1_500)}${']'.repeat(1_500)}}`, refused: 'levels deep' },
])(
  'a document with $name comes through the API server, and is refused or sent as it was written [F74]',
  async ({ text, refused }) => {
    const document: unknown = JSON.parse(text);
    const spec = { ...Identity.valid, ...role({ inlinePolicies: [{ name: 'odd', document }] }) };
    const wanted = { metadata: { name: `${name}-odd`, namespace: name }, spec };
    const signal = AbortSignal.timeout(30_000);
    const stored = await kubernetesClient(config).tryCreate<KubernetesResource & { readonly spec?: unknown }>(
      IDENTITIES,
      wanted,
      signal,
    );
    const { role: parsed } = AwsFederatedIdentitySpec.parse(stored.spec);
    const read = (): string => parsePolicyDocument(parsed?.inlinePolicies?.[0]?.document);
    if (refused === undefined) expect(JSON.parse(read())).toEqual(document);
    else expect(read).toThrow(refused);
    expect({}).not.toHaveProperty('a');
  },
);

test('every rule of the two kinds that has a message of its own is tried here', () => {
  const schemas = JSON.stringify([AwsFederatedIdentityKind, AwsOidcProviderKind].map(crdManifest));
  const messages = [...schemas.matchAll(/"x-kubernetes-validations":(\[.*?\}\])/g)]
    .flatMap(([, rules = '[]']) => JSON.parse(rules) as readonly { readonly message: string }[])
    .map(({ message }) => message);
  const tried = [...identityRows, ...providerRows, ...identityChanges, ...providerChanges].map((one) => one.because);
  expect(messages.length).toBeGreaterThanOrEqual(8);
  expect([...new Set(messages)].filter((message) => !tried.includes(message))).toEqual([]);
});
