import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { cut, runsOf } from './ansi.ts';

const styled = (style: Parameters<typeof styleText>[0], text: string): string =>
  styleText(style, text, { validateStream: false });

test.each([
  { name: 'plain text', line: 'a <b> & c', runs: [{ text: 'a <b> & c', styles: [] }] },
  {
    name: 'styles that begin and end',
    line: `${styled('green', '✓')} it holds`,
    runs: [
      { text: '✓', styles: ['green'] },
      { text: ' it holds', styles: [] },
    ],
  },
  {
    name: 'two styles at once',
    line: styled(['bold', 'cyan'], '1. A cluster'),
    runs: [{ text: '1. A cluster', styles: ['bold', 'cyan'] }],
  },
  {
    name: 'several codes in a sequence, and a reset',
    line: '\u001b[1;31mbad\u001b[m good',
    runs: [
      { text: 'bad', styles: ['bold', 'red'] },
      { text: ' good', styles: [] },
    ],
  },
  {
    name: 'a style that is not known',
    line: '\u001b[45mtext',
    runs: [{ text: 'text', styles: [] }],
  },
  {
    name: 'cursor movements, titles of windows and control characters',
    line: '\u001b[2K\u001b]0;title\u0007a\u0008b\u001b[1;5Hc',
    runs: [
      { text: 'a', styles: [] },
      { text: 'b', styles: [] },
      { text: 'c', styles: [] },
    ],
  },
])('$name', ({ line, runs }) => {
  expect(runsOf(line)).toEqual(runs);
});

test('a line that fits stays; a longer one ends in …', () => {
  const runs = runsOf(`${styled('bold', 'abc')}def`);
  expect(cut(runs, 6)).toEqual(runs);
  expect(
    cut(runs, 5)
      .map(({ text }) => text)
      .join(''),
  ).toBe('abcd…');
});
