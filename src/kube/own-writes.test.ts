import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { identity } from '../../test/support/builders.ts';
import { inMemoryKubernetes } from '../../test/support/in-memory-kubernetes.ts';
import { ObjectStore } from '../runtime/object-store.ts';
import { type AwsFederatedIdentity, IDENTITIES } from './kinds.ts';
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
    const writes = new OwnWrites([]);
    writes.record(written);
    expect(writes.freshest(stored)?.metadata.resourceVersion).toBe(expected);
  });

  test('is nothing when the object is gone, whatever was written', () => {
    const writes = new OwnWrites([]);
    writes.record(at('10'));
    expect(writes.freshest(undefined)).toBeUndefined();
  });

  test('forgets a write that the watch has overtaken, so that it cannot come back', () => {
    const writes = new OwnWrites([]);
    writes.record(at('10'));
    writes.freshest(at('11'));
    expect(writes.freshest(at('9'))?.metadata.resourceVersion).toBe('9');
  });
});

describe('of ten thousand identities, each written to once in a while, a write is not kept', () => {
  const scene = () => {
    const store = new ObjectStore<AwsFederatedIdentity>({ log: pino({ level: 'silent' }) });
    store.set(at('9'));
    return { store, writes: new OwnWrites([store]) };
  };

  test('when the watch tells of it after its answer', () => {
    const { store, writes } = scene();
    writes.record(at('10'));
    expect(writes.size).toBe(1);
    store.set(at('10'));
    expect(writes.size).toBe(0);
  });

  test('when the watch has told of it before its answer', () => {
    const { store, writes } = scene();
    store.set(at('10'));
    writes.record(at('10'));
    expect(writes.size).toBe(0);
  });

  test('when the object goes', () => {
    const { store, writes } = scene();
    writes.record(at('10'));
    store.delete(at('11'));
    expect(writes.size).toBe(0);
  });

  test('when it let the object go, of which the watch may have told before its answer', () => {
    const { store, writes } = scene();
    store.delete(at('10'));
    writes.record(
      identity({ metadata: { uid: 'u', resourceVersion: '10', deletionTimestamp: '2026-03-01T12:00:00Z' } }),
    );
    expect(writes.size).toBe(0);
  });

  test('that let the object go, as soon as the watch tells of it', () => {
    const { store, writes } = scene();
    const held = { uid: 'u', resourceVersion: '9', deletionTimestamp: '2026-03-01T12:00:00Z' };
    store.set(identity({ metadata: { ...held, finalizers: ['example.com/x'] } }));
    const ended = identity({ metadata: held }); // the API server answers with the version of before
    writes.record(ended);
    expect(readingOwnWrites(store, writes).get({ namespace: 'analytics', name: 'reports' })).toBe(ended);
    store.delete(at('10'));
    expect(writes.size).toBe(0);
  });

  test('but it is while a foreign finalizer holds the object', () => {
    const { writes } = scene();
    const metadata = { uid: 'u', deletionTimestamp: '2026-03-01T12:00:00Z', finalizers: ['example.com/x'] };
    writes.record(identity({ metadata: { ...metadata, resourceVersion: '10' } }));
    expect(writes.size).toBe(1);
  });

  test('and nothing is followed after the end', () => {
    const { store, writes } = scene();
    writes[Symbol.dispose]();
    writes.record(at('10'));
    store.set(at('11'));
    expect(writes.size).toBe(1);
  });
});

test('a client that records and a store that reads see a write before the watch tells of it [F12]', async () => {
  const writes = new OwnWrites([]);
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
