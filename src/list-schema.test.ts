import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { listOf, textsByName } from './list-schema.ts';

const problems = ({ error }: z.ZodSafeParseResult<unknown>): readonly string[] =>
  error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('a list', () => {
  const schema = z.object({ list: listOf(z.object({ name: z.string().default('x') })) });

  test('is read item by item, with defaults and without what is not asked for', () => {
    expect(schema.parse({ list: [{ name: 'a', more: 1 }, {}] })).toEqual({ list: [{ name: 'a' }, { name: 'x' }] });
    expect(schema.parse({ list: [] })).toEqual({ list: [] });
  });

  test('of many wrong items is refused at the first [F57 F73 S9]', () => {
    const list = [{}, ...Array.from({ length: 100_000 }, () => ({ name: 1 }))];
    expect(problems(schema.safeParse({ list }))).toEqual([
      'list.1.name: Invalid input: expected string, received number',
    ]);
  });

  test.each([undefined, null, {}, 'a'])('is not %j', (list) => {
    expect(problems(schema.safeParse({ list }))).toEqual(['list: is no list']);
  });
});

describe('texts by name', () => {
  test('are read, but for a prototype', () => {
    const texts = textsByName.parse(JSON.parse('{"__proto__":"a","constructor":"b","c":"d"}'));
    expect(Object.entries(texts)).toEqual([
      ['constructor', 'b'],
      ['c', 'd'],
    ]);
    expect(Object.getPrototypeOf(texts)).toBe(Object.prototype);
  });

  test('are refused at the first that is no text [F57 F73 S9]', () => {
    const wrong = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`n${index}`, index]));
    expect(problems(textsByName.safeParse({ a: 'b', ...wrong }))).toEqual(['n0: is no string']);
  });

  test.each([undefined, null, [], 'a'])('are not %j', (texts) => {
    expect(problems(textsByName.safeParse(texts))).toEqual([': is no object']);
  });
});
