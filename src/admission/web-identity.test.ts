import { expect, test } from 'vitest';
import { defaultAdmissionOptions } from './options.ts';
import { skippedNames } from './web-identity.ts';

const skipped = (list: string): readonly string[] => [
  ...skippedNames({ 'eks.amazonaws.com/skip-containers': list }, defaultAdmissionOptions),
];

test.each([
  { list: 'a, b ,,a', names: ['a', 'b'] },
  { list: '\u0085a\u00a0,\u2003b', names: ['a', 'b'] },
  { list: 'a b,c', names: ['c'] },
  { list: '\uFEFFa', names: ['\uFEFFa'] },
  { list: ' ,', names: [] },
  { list: '', names: [] },
])('$list names the containers $names', ({ list, names }) => {
  expect(skipped(list)).toEqual(names);
});

test('a list that the table gate denies for its length is not read [S9]', () => {
  expect(skipped(`a${','.repeat(9_999)}`)).toEqual(['a']);
  expect(skipped(`a${','.repeat(10_000)}`)).toEqual([]);
});

test('a pod without annotations skips nothing', () => {
  expect([...skippedNames(undefined, defaultAdmissionOptions)]).toEqual([]);
});
