import { pino } from 'pino';
import { expect, test } from 'vitest';
import { identity, provider } from '../../../test/support/builders.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
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
  expect(identityWatch.toRequests({ type: 'added', object })).toEqual([{ name: 'other' }]);
  expect(identityWatch.toRequests({ type: 'deleted', object })).toEqual([{ name: 'other' }]);
  expect(identityWatch.toRequests({ type: 'updated', previous: object, object })).toEqual([]);
});
