import { expect, test } from 'vitest';
import { nameList } from './name-list.ts';

test.each([
  { names: [], text: '' },
  { names: ['a'], text: 'a' },
  { names: ['a', 'b'], text: 'a, b' },
  { names: ['a', 'b', 'c'], text: 'a, b and 1 more' },
])('two of $names.length names at most: $text', ({ names, text }) => {
  expect(nameList(names, 2)).toBe(text);
});
