import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { AwsFederatedIdentity, AwsOidcProvider } from './kube/kinds.ts';
import { shardOf } from './shard.ts';

const provider = (name: string, labels?: Readonly<Record<string, string>>) =>
  ({ metadata: { name, ...(labels && { labels }) } }) as AwsOidcProvider;
const providers = new Map([
  ['red', provider('red', { shard: 'red' })],
  ['blue', provider('blue', { shard: 'blue' })],
  ['plain', provider('plain')],
]);
/** Each identity refers to the provider of its own name. */
const stores = {
  providers: { get: ({ name }: { readonly name: string }) => providers.get(name) },
  identities: {
    get: ({ name }: { readonly name: string }) => ({ spec: { providerRef: { name } } }) as AwsFederatedIdentity,
  },
};
const NAMES = ['red', 'blue', 'plain', 'missing'];

async function handled(
  selector: string,
  kind: 'ofProviders' | 'ofIdentities' | 'ofTheRest',
): Promise<readonly string[]> {
  const reconciled: string[] = [];
  const reconcile = shardOf(selector, stores)[kind](async ({ name }) => {
    reconciled.push(name);
    return {};
  });
  const context = { signal: new AbortController().signal, log: pino({ level: 'silent' }) };
  for (const name of NAMES) await reconcile({ name }, context);
  return reconciled;
}

describe.each([
  { selector: '', takes: ['red', 'blue', 'plain', 'missing'], rest: true },
  { selector: 'shard=red', takes: ['red'], rest: false },
  { selector: 'shard in (red, blue)', takes: ['red', 'blue'], rest: false },
  { selector: 'shard!=red', takes: ['blue', 'plain', 'missing'], rest: true },
  { selector: '!shard', takes: ['plain', 'missing'], rest: true },
])('the shard "$selector"', ({ selector, takes, rest }) => {
  test.each(['ofProviders', 'ofIdentities'] as const)('%s', async (kind) => {
    expect(await handled(selector, kind)).toEqual(takes);
  });

  test('looks after what belongs to no provider, or does not', async () => {
    expect(await handled(selector, 'ofTheRest')).toEqual(rest ? NAMES : []);
  });
});

test('each selector has a Lease of its own, and the empty one that of an operator without shards', () => {
  const names = ['', 'shard=red', 'shard!=red'].map((selector) => shardOf(selector, stores).leaseName);
  expect(names[0]).toBe('federated-identity-operator');
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^federated-identity-operator(-[0-9a-f]{8})?$/);
});

test.each([
  { name: 'comes', before: provider('a'), now: provider('a', { shard: 'red' }), comes: true },
  {
    name: 'stays',
    before: provider('a', { shard: 'red' }),
    now: provider('a', { shard: 'red', x: 'y' }),
    comes: false,
  },
  { name: 'goes', before: provider('a', { shard: 'red' }), now: provider('a'), comes: false },
])('a provider that $name', ({ before, now, comes }) => {
  const { comesToUs } = shardOf('shard=red', stores);
  expect(comesToUs({ type: 'updated', object: now, previous: before })).toBe(comes);
});
