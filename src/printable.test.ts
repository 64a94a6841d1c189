import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText, visible } from './cli/terminal.ts';
import { cutTo, printable } from './printable.ts';

const HOSTILE = [
  { name: 'the title of a window', text: '\u001b]0;owned\u0007' },
  { name: 'a cleared screen in red', text: '\u001b[2J\u001b[31m' },
  { name: 'a colour by one character', text: '\u009b31m' },
  { name: 'a second line', text: 'a\r\nREADY True' },
  { name: 'NUL and DEL', text: 'a\u0000b\u007f' },
  { name: 'a name that is turned round', text: '\u202etxt.exe' },
  { name: 'isolates and a line separator', text: '\u2066\u2069\u2028' },
];

test.each(HOSTILE)('$name is told on one line, and steers no terminal [F72 S15]', ({ text }) => {
  for (const shown of [printable(text), visible(text)]) expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028]/u);
});

test('what is shown to a person at the terminal can be told apart from what was written there', () => {
  expect(visible('a\u001b[31mb\u202e')).toBe('a\\u001b[31mb\\u202e');
});

test.each(HOSTILE)(
  '$name within JSON for a program is the same text to it, and steers no terminal [F72 S15]',
  ({ text }) => {
    const json = jsonText([{ text, [text]: 1 }]);
    expect(json).not.toMatch(/[^\P{Cc}\n]|[\p{Bidi_Control}\u2028]/u);
    expect(JSON.parse(json)).toEqual([{ text, [text]: 1 }]);
  },
);

test('what is stored is what the API server stores: no half characters, so that the next look finds it equal [F74]', () => {
  expect(printable('a\ud800b')).toBe('a\ufffdb');
  expect(cutTo('ab😀', 3)).toBe('ab\ufffd');
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '\ud83d', '\ude00', '😀', '\u001b') }),
      fc.nat(12),
      (text, length) => {
        const cut = cutTo(printable(text), length);
        expect(cut.isWellFormed()).toBe(true);
        expect(new TextDecoder().decode(new TextEncoder().encode(cut))).toBe(cut);
      },
    ),
  );
});
