import { expect, test } from 'vitest';
import { wantsColors } from './terminal.ts';

test.each([
  { name: 'a terminal has colours', isTerminal: true, environment: {}, expected: true },
  { name: 'a pipe has none', isTerminal: false, environment: {}, expected: false },
  { name: 'NO_COLOR takes them away', isTerminal: true, environment: { NO_COLOR: '1' }, expected: false },
  {
    name: 'an empty NO_COLOR counts as none (no-color.org)',
    isTerminal: true,
    environment: { NO_COLOR: '' },
    expected: true,
  },
  { name: 'a dumb terminal shows none', isTerminal: true, environment: { TERM: 'dumb' }, expected: false },
])('$name', ({ isTerminal, environment, expected }) => {
  expect(wantsColors(isTerminal, environment)).toBe(expected);
});
