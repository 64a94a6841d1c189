import { pino } from 'pino';
import { expect, test } from 'vitest';
import { condition, identity, provider } from '../test/support/builders.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from './kube/kinds.ts';
import { firstReady, showObjects } from './object-metrics.ts';
import { createMetrics } from './runtime/metrics.ts';
import { ObjectStore } from './runtime/object-store.ts';

const log = pino({ level: 'silent' });
const stores = () => ({
  identities: new ObjectStore<AwsFederatedIdentity>({ log }),
  providers: new ObjectStore<AwsOidcProvider>({ log }),
});

test('a scrape shows the objects as they are now, and forgets what is past', async () => {
  const metrics = createMetrics();
  const { identities, providers } = stores();
  showObjects(metrics, { identities, providers });
  const scrape = async (pattern: RegExp): Promise<readonly string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => pattern.test(line));

  expect(await scrape(/^federated_identity_store_synced/)).toEqual([
    'federated_identity_store_synced{store="identities"} 0',
    'federated_identity_store_synced{store="providers"} 0',
  ]);
  providers.setFollowed(false);
  expect(await scrape(/^federated_identity_store_stale_seconds/)).toEqual([
    'federated_identity_store_stale_seconds{store="identities"} 0',
    expect.stringMatching(/\{store="providers"\} (?!0$)[0-9.e-]+$/),
  ]);
  providers.replace([provider()]);
  identities.replace([identity({ status: { conditions: [condition({ status: 'False', reason: 'AccessDenied' })] } })]);
  expect(await scrape(/^federated_identity_(not_ready|provider_conditions|store_objects)\{/)).toEqual([
    'federated_identity_provider_conditions{provider="default",condition="Ready",status="True",reason="Succeeded"} 1',
    'federated_identity_not_ready{identity_namespace="analytics",reason="AccessDenied"} 1',
    'federated_identity_store_objects{store="identities"} 1',
    'federated_identity_store_objects{store="providers"} 1',
  ]);
  identities.set(identity({ metadata: { resourceVersion: '2' }, status: { conditions: [condition()] } }));
  expect(await scrape(/^federated_identity_not_ready/)).toEqual([]);
});

test('the time to ready is observed once, and only of identities whose beginning was seen', () => {
  const { identities } = stores();
  let now = 0;
  const seen: number[] = [];
  identities.onChange(
    firstReady(
      (seconds) => seen.push(seconds),
      () => now,
    ),
  );
  const put = (name: string, version: number, status?: 'True' | 'False'): void => {
    const metadata = { name, uid: name, resourceVersion: String(version) };
    identities.set(identity({ metadata, ...(status && { status: { conditions: [condition({ status })] } }) }));
  };
  put('old', 1, 'False');
  put('new', 2);
  put('brief', 3);
  now = 1_000;
  put('new', 4, 'False');
  put('old', 5, 'True');
  now = 2_500;
  put('new', 6, 'True');
  put('new', 7, 'False');
  put('new', 8, 'True');
  identities.delete(identity({ metadata: { name: 'brief', uid: 'brief' } }));
  expect(seen).toEqual([2.5]);
});
