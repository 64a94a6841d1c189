import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { identity, provider } from '../../../test/support/builders.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { startController } from '../../runtime/controller.ts';
import { createMetrics } from '../../runtime/metrics.ts';
import { ObjectStore } from '../../runtime/object-store.ts';
import { providerWatches } from './watches.ts';

const log = pino({ level: 'silent' });
const [ownWatch, identityWatch] = providerWatches({
  providers: new ObjectStore<AwsOidcProvider>({ log }),
  identities: new ObjectStore<AwsFederatedIdentity>({ log }),
});

test('its own status does not wake a provider, a new generation does', () => {
  const before = provider();
  const counted = { ...before, status: { identities: 1 } };
  const edited = provider({ metadata: { generation: 2 } });
  expect(ownWatch.toRequests({ type: 'updated', previous: before, object: counted })).toEqual([]);
  expect(ownWatch.toRequests({ type: 'updated', previous: before, object: edited })).toMatchObject([
    { name: 'default' },
  ]);
});

test('an identity that comes or goes wakes its provider, which counts it; one that changes does not', () => {
  const object = identity({ spec: { providerRef: { name: 'other' } } });
  expect(identityWatch.toRequests({ type: 'added', object })).toMatchObject([{ name: 'other' }]);
  expect(identityWatch.toRequests({ type: 'deleted', object })).toMatchObject([{ name: 'other' }]);
  expect(identityWatch.toRequests({ type: 'updated', previous: object, object })).toEqual([]);
});

describe('a flood of identities', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('has its provider counted, and its status written, every few seconds and after the last one', async () => {
    const stores = {
      providers: new ObjectStore<AwsOidcProvider>({ log }),
      identities: new ObjectStore<AwsFederatedIdentity>({ log }),
    };
    stores.providers.replace([provider()]);
    stores.identities.replace([]);
    const counts: number[] = [];
    await using _controller = startController(
      {
        name: 'test',
        concurrency: 4,
        reconcile: async () => {
          counts.push(stores.identities.size);
          return {};
        },
        sources: providerWatches(stores),
        log,
        metrics: createMetrics(),
      },
      new AbortController().signal,
    );
    for (let index = 0; index < 300; index += 1) {
      await vi.advanceTimersByTimeAsync(100);
      stores.identities.set(identity({ metadata: { name: `app-${index}` } }));
    }
    await vi.advanceTimersByTimeAsync(5_000);
    expect(counts.at(-1)).toBe(300);
    expect(counts.length).toBeLessThan(15); // of 300
  });
});
