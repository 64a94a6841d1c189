import { expect, test } from 'vitest';
import { Narrator, StepFailed, wantsColors, wrapped } from './narrator.ts';

function told(colors = false): { readonly narrator: Narrator; readonly text: () => string } {
  let text = '';
  return { narrator: new Narrator({ colors, write: (part) => void (text += part) }), text: () => text };
}

test('chapters are numbered, commands marked and output indented', async () => {
  const { narrator, text } = told();
  await narrator.chapter('A cluster');
  narrator.command('kubectl get afi');
  narrator.show('NAME\nreports\n');
  await narrator.chapter('A pod', 'It starts.');
  expect(text()).toBe('\n1. A cluster\n\n$ kubectl get afi\n  NAME\n  reports\n\n2. A pod\n\nIt starts.\n\n');
});

test('the reader gets time before every chapter but the first', async () => {
  let pauses = 0;
  const narrator = new Narrator({ colors: false, write: () => {}, pause: async () => void (pauses += 1) });
  await narrator.chapter('one');
  expect(pauses).toBe(0);
  await narrator.chapter('two');
  expect(pauses).toBe(1);
});

test('an expectation that does not hold ends the story with what was seen', () => {
  const { narrator, text } = told();
  narrator.expect('it is there', true, {});
  expect(text()).toBe('✓ it is there\n');
  expect(narrator.held).toBe(1);
  expect(() => narrator.expect('the list is empty', false, ['a'])).toThrow(StepFailed);
  expect(() => narrator.expect('the list is empty', false, ['a'])).toThrow(/expected: the list is empty\nseen: +\[/);
  expect(() => narrator.expect('there is a role', false, undefined)).toThrow(/seen: +nothing/);
  expect(narrator.held).toBe(1);
});

test('colours come only when asked for', () => {
  const plain = told();
  plain.narrator.expect('it holds', true, {});
  expect(plain.text()).not.toContain('\u001b');
  const coloured = told(true);
  coloured.narrator.expect('it holds', true, {});
  expect(coloured.text()).toContain('\u001b[32m✓');
});

test('prose is wrapped, a line to be copied is not', () => {
  const { narrator, text } = told();
  const long = 'word '.repeat(30).trim();
  narrator.say(long, `  ${long}`);
  expect(
    text()
      .split('\n')
      .map(({ length }) => length),
  ).toEqual([99, 49, 151, 0]);
});

test('after the end nothing is said any more', () => {
  const { narrator, text } = told();
  narrator.end();
  narrator.say('too late');
  expect(text()).toBe('');
});

test.each([
  { name: 'a short line stays', text: 'a b', columns: 5, expected: ['a b'] },
  { name: 'a line that fits exactly stays', text: 'ab cd', columns: 5, expected: ['ab cd'] },
  { name: 'a long line breaks between words', text: 'ab cd ef', columns: 5, expected: ['ab cd', 'ef'] },
  { name: 'a word that is too long stands alone', text: 'a abcdefgh b', columns: 4, expected: ['a', 'abcdefgh', 'b'] },
  { name: 'line breaks and indents stay', text: '  ab\n\ncd', columns: 9, expected: ['  ab', '', 'cd'] },
])('wrapping: $name', ({ text, columns, expected }) => {
  expect(wrapped(text, columns)).toEqual(expected);
});

test.each([
  { terminal: true, environment: {}, expected: true },
  { terminal: true, environment: { NO_COLOR: '1' }, expected: false },
  { terminal: true, environment: { NO_COLOR: '' }, expected: true },
  { terminal: true, environment: { TERM: 'dumb' }, expected: false },
  { terminal: false, environment: {}, expected: false },
])('colours: terminal $terminal, environment $environment: $expected', ({ terminal, environment, expected }) => {
  expect(wantsColors(terminal, environment)).toBe(expected);
});
