import { expect, test } from 'vitest';
import { parseLabelSelector, selects } from './label-selector.ts';

const labels = { team: 'a', tier: 'web' };
const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', key: string, values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

test.each([
  { name: 'an empty selector takes all', selector: {}, expected: true },
  { name: 'labels must be equal', selector: { matchLabels: { team: 'a' } }, expected: true },
  { name: 'each label must be equal', selector: { matchLabels: { team: 'a', tier: 'db' } }, expected: false },
  { name: 'a label must be there', selector: { matchLabels: { other: '' } }, expected: false },
  { name: 'In takes one of several', selector: expression('In', 'team', ['b', 'a']), expected: true },
  { name: 'In refuses others', selector: expression('In', 'team', ['b']), expected: false },
  { name: 'In refuses what is missing', selector: expression('In', 'other', ['a']), expected: false },
  { name: 'NotIn refuses one of several', selector: expression('NotIn', 'team', ['a']), expected: false },
  { name: 'NotIn takes what is missing', selector: expression('NotIn', 'other', ['a']), expected: true },
  { name: 'Exists', selector: expression('Exists', 'team'), expected: true },
  { name: 'Exists refuses what is missing', selector: expression('Exists', 'other'), expected: false },
  { name: 'DoesNotExist', selector: expression('DoesNotExist', 'other'), expected: true },
  { name: 'DoesNotExist refuses what is there', selector: expression('DoesNotExist', 'team'), expected: false },
  {
    name: 'labels and expressions must both hold',
    selector: { matchLabels: { team: 'a' }, ...expression('Exists', 'other') },
    expected: false,
  },
])('$name', ({ selector, expected }) => {
  expect(selects(selector, labels)).toBe(expected);
});

test.each([
  { text: '', expected: {} },
  { text: 'a=b', expected: expression('In', 'a', ['b']) },
  { text: 'a==b', expected: expression('In', 'a', ['b']) },
  { text: 'a=', expected: expression('In', 'a', ['']) },
  { text: ' example.com/a != b ', expected: expression('NotIn', 'example.com/a', ['b']) },
  { text: 'a in (b, c)', expected: expression('In', 'a', ['b', 'c']) },
  { text: 'a notin (b)', expected: expression('NotIn', 'a', ['b']) },
  { text: 'a', expected: expression('Exists', 'a') },
  { text: '!a', expected: expression('DoesNotExist', 'a') },
  {
    text: 'a in (b,c),d!=e',
    expected: {
      matchExpressions: [
        ...expression('In', 'a', ['b', 'c']).matchExpressions,
        ...expression('NotIn', 'd', ['e']).matchExpressions,
      ],
    },
  },
])('the text "$text" is read as kubectl does', ({ text, expected }) => {
  expect(parseLabelSelector(text)).toEqual(expected);
});

test.each(['a b', 'a>1', '=b', 'a in b', 'a in (b!)', 'a=b,', 'a=-'])('the text "%s" is refused', (text) => {
  expect(() => parseLabelSelector(text)).toThrow(/is no requirement of a label selector; write key=value/);
});
