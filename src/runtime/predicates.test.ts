import { expect, test } from 'vitest';
import type { StoredObject } from './object-store.ts';
import { needsReconcile } from './predicates.ts';

type Metadata = NonNullable<StoredObject['metadata']>;
const before: Metadata = { name: 'app', uid: 'u1', generation: 1, resourceVersion: '1' };

test.each<{ name: string; now: Metadata; previous?: Metadata; expected: boolean }>([
  { name: 'a status update does not wake the one who wrote it', now: { resourceVersion: '2' }, expected: false },
  { name: 'empty maps equal missing ones', now: { labels: {}, annotations: {}, finalizers: [] }, expected: false },
  { name: 'a change of spec wakes', now: { generation: 2 }, expected: true },
  { name: 'a started deletion wakes', now: { deletionTimestamp: '2026-01-01T00:00:00Z' }, expected: true },
  {
    name: 'a deletion that a list gave as Date and a watch as string is the same',
    previous: { deletionTimestamp: new Date(0) },
    now: { deletionTimestamp: '1970-01-01T00:00:00Z' },
    expected: false,
  },
  { name: 'a changed annotation wakes', now: { annotations: { a: 'b' } }, expected: true },
  { name: 'a changed label wakes', now: { labels: { a: 'b' } }, expected: true },
  { name: 'a removed finalizer wakes', previous: { finalizers: ['x'] }, now: {}, expected: true },
  { name: 'another object of the same name wakes', now: { uid: 'u2' }, expected: true },
])('$name', ({ now, previous = {}, expected }) => {
  const change = {
    type: 'updated',
    object: { metadata: { ...before, ...now } },
    previous: { metadata: { ...before, ...previous } },
  } as const;
  expect(needsReconcile(change)).toBe(expected);
});

test('a kind without generation always wakes, since its status cannot be told from the rest', () => {
  const object = { metadata: { name: 'sa', resourceVersion: '2' } };
  expect(needsReconcile({ type: 'updated', object, previous: object })).toBe(true);
});

test.each(['added', 'deleted'] as const)('an object that was %s wakes', (type) => {
  expect(needsReconcile({ type, object: { metadata: before } })).toBe(true);
});
