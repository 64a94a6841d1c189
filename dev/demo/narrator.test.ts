import { expect, test } from 'vitest';
import { Narrator, StepFailed, until, wantsColors } from './narrator.ts';

function told(colors = false): { readonly narrator: Narrator; readonly text: () => string } {
  let text = '';
  return { narrator: new Narrator({ colors, write: (part) => void (text += part) }), text: () => text };
}

test('chapters are numbered, commands marked and output indented', () => {
  const { narrator, text } = told();
  narrator.chapter('A cluster');
  narrator.command('kubectl get afi');
  narrator.show('NAME\nreports\n');
  narrator.chapter('A pod');
  expect(text()).toBe('\n1. A cluster\n\n$ kubectl get afi\n  NAME\n  reports\n\n2. A pod\n\n');
});

test('an expectation that does not hold ends the story with what was seen', () => {
  const { narrator } = told();
  narrator.expect('it is there', true, {});
  expect(narrator.held).toBe(1);
  expect(() => narrator.expect('the list is empty', false, ['a'])).toThrow(StepFailed);
  expect(() => narrator.expect('the list is empty', false, ['a'])).toThrow(/expected: the list is empty\nseen: \[/);
});

test.each([
  { terminal: true, environment: {}, expected: true },
  { terminal: true, environment: { NO_COLOR: '1' }, expected: false },
  { terminal: true, environment: { NO_COLOR: '' }, expected: true },
  { terminal: false, environment: {}, expected: false },
])('colours: terminal $terminal, environment $environment: $expected', ({ terminal, environment, expected }) => {
  expect(wantsColors(terminal, environment)).toBe(expected);
});

test('until asks again, and gives the last answer when its patience ends', async () => {
  let count = 0;
  expect(
    await until(
      () => (count += 1),
      (answer) => answer === 3,
    ),
  ).toBe(3);
  expect(
    await until(
      () => 'no',
      (answer) => answer === 'yes',
      0,
    ),
  ).toBe('no');
});
