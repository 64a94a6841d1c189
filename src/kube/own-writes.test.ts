import { describe, expect, test } from 'vitest';
import { identity } from '../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../test/support/in-memory-kubernetes.ts';
import { IDENTITIES } from './kinds.ts';
import { OwnWrites, readingOwnWrites, recordingWrites } from './own-writes.ts';

const at = (resourceVersion: string, uid = 'u') => identity({ metadata: { resourceVersion, uid } });

describe('the freshest of the stored object and our last write', () => {
  test.each([
    { name: 'is our write while the watch lags behind', stored: at('9'), written: at('10'), expected: '10' },
    { name: 'is the stored one once the watch has caught up', stored: at('10'), written: at('10'), expected: '10' },
    { name: 'is the stored one when somebody wrote later', stored: at('11'), written: at('10'), expected: '11' },
    { name: 'is by number, not by letter', stored: at('9'), written: at('1000'), expected: '1000' },
    {
      name: 'is by number beyond 2^53 too',
      stored: at('9007199254740993'),
      written: at('9007199254740992'),
      expected: '9007199254740993',
    },
    {
      name: 'is the stored one when the object was made anew',
      stored: at('9', 'new'),
      written: at('10', 'old'),
      expected: '9',
    },
    { name: 'is the stored one for versions that are no numbers', stored: at('a'), written: at('b'), expected: 'a' },
  ])('$name', ({ stored, written, expected }) => {
    const writes = new OwnWrites();
    writes.record(written);
    expect(writes.freshest(stored)?.metadata.resourceVersion).toBe(expected);
  });

  test('is nothing when the object is gone, whatever was written', () => {
    const writes = new OwnWrites();
    writes.record(at('10'));
    expect(writes.freshest(undefined)).toBeUndefined();
  });

  test('forgets a write that the watch has overtaken, so that it cannot come back', () => {
    const writes = new OwnWrites();
    writes.record(at('10'));
    writes.freshest(at('11'));
    expect(writes.freshest(at('9'))?.metadata.resourceVersion).toBe('9');
  });
});

test('a client that records and a store that reads see a write before the watch tells of it [F12]', async () => {
  const writes = new OwnWrites();
  const kubernetes = inMemoryKubernetes();
  const before = identity({ metadata: { resourceVersion: '1' } });
  kubernetes.put(IDENTITIES, before);
  const client = recordingWrites(kubernetes.client, writes);
  const store = readingOwnWrites({ get: () => before }, writes);
  const { namespace = '', name = '', uid = '' } = before.metadata;
  const finalized = { metadata: { namespace, name, uid, finalizers: ['example.com/x'] } };
  await client.apply(IDENTITIES, finalized, new AbortController().signal);
  expect(store.get({ namespace, name })?.metadata.finalizers).toEqual(['example.com/x']);
});
