import { expect, test } from 'vitest';
import { lifecycle } from './finalizer.ts';

const OURS = 'example.com/ours';
const deletionTimestamp = '2026-03-01T12:00:00Z';

test.each([
  { name: 'an object without finalizer is new', metadata: {}, expected: 'New' },
  {
    name: 'the finalizer of somebody else is not ours',
    metadata: { finalizers: ['example.com/other'] },
    expected: 'New',
  },
  { name: 'with our finalizer it is held', metadata: { finalizers: ['example.com/other', OURS] }, expected: 'Held' },
  {
    name: 'held and deleted, it is cleaned up',
    metadata: { finalizers: [OURS], deletionTimestamp },
    expected: 'Cleanup',
  },
  {
    name: 'deleted without our finalizer, it is gone for us',
    metadata: { finalizers: ['x'], deletionTimestamp },
    expected: 'Gone',
  },
  { name: 'deleted without any finalizer, it is gone', metadata: { deletionTimestamp }, expected: 'Gone' },
])('$name', ({ metadata, expected }) => {
  expect(lifecycle(metadata, OURS)).toBe(expected);
});
