import { describe, expect, test } from 'vitest';
import { and, type Cel, cel, code, conditional, exists, fieldOr, not, or, patchAdd, typed } from './cel.ts';

describe('cel', () => {
  test.each<{ name: string; expression: Cel; expected: string }>([
    { name: 'text becomes a quoted literal', expression: cel`a == ${'b'}`, expected: "a == 'b'" },
    { name: 'a quote in text is escaped', expression: cel`${"it's"}`, expected: String.raw`'it\'s'` },
    { name: 'a double quote in text needs no escape', expression: cel`${'"a"'}`, expected: `'"a"'` },
    { name: 'a backslash in text is escaped', expression: cel`${String.raw`C:\a`}`, expected: String.raw`'C:\\a'` },
    { name: 'a line break in text is escaped', expression: cel`${'a\nb'}`, expected: String.raw`'a\nb'` },
    {
      name: 'text that looks like an expression can not leave its literal',
      expression: cel`${String.raw`\' || true || '`}`,
      expected: String.raw`'\\\' || true || \''`,
    },
    {
      name: 'numbers, booleans and lists of text',
      expression: cel`${1} ${true} ${['a', 'b']}`,
      expected: "1 true ['a', 'b']",
    },
    { name: 'an expression stays as it is', expression: cel`size(${code('a.b')})`, expected: 'size(a.b)' },
  ])('$name', ({ expression, expected }) => {
    expect(expression.source).toBe(expected);
  });

  test.each<{ name: string; expression: Cel; expected: string }>([
    {
      name: 'an alternative inside a conjunction is grouped',
      expression: and(code('a'), or(code('b'), code('c'))),
      expected: 'a && (b || c)',
    },
    { name: 'a comparison under a negation is grouped', expression: not(cel`a == ${'b'}`), expected: "!(a == 'b')" },
    { name: 'a call under a negation is not', expression: not(cel`has(a.b)`), expected: '!has(a.b)' },
    { name: 'two bracketed halves are not one group', expression: not(cel`(a) && (b)`), expected: '!((a) && (b))' },
    { name: 'operators in quoted text do not count', expression: not(cel`f(${'a && b'})`), expected: "!f('a && b')" },
    { name: 'a choice is closed', expression: conditional(code('a'), 'b', 1), expected: "(a ? 'b' : 1)" },
    { name: 'an optional field', expression: fieldOr(code('a.b'), ''), expected: "(has(a.b) ? a.b : '')" },
    {
      name: 'an optional list',
      expression: exists(code('a.b'), cel`it == ${'c'}`),
      expected: "(has(a.b) && a.b.exists(it, it == 'c'))",
    },
    {
      name: 'a typed value',
      expression: typed('Object.a', { b: 'c', d: true }),
      expected: "Object.a{b: 'c', d: true}",
    },
    {
      name: 'a conditional patch is a list of one or none',
      expression: patchAdd(code('a'), '/b', cel`[]`),
      expected: "(a ? [JSONPatch{op: 'add', path: '/b', value: []}] : [])",
    },
  ])('$name', ({ expression, expected }) => {
    expect(expression.source).toBe(expected);
  });
});
