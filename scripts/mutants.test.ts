import { describe, expect, test } from 'vitest';
import { instrument } from './mutants.ts';

/** The mutants of an expression, as `kind: replacement`. */
const mutantsOf = (expression: string): readonly string[] =>
  instrument('a.ts', `const x = ${expression};`, 0).mutants.map(({ kind, replacement }) => `${kind}: ${replacement}`);

/** What a function of the source gives with a mutant in force. */
function valueOf(source: string, active: number, ...args: readonly unknown[]): unknown {
  const { code } = instrument('a.ts', source, 0);
  // oxlint-disable-next-line no-new-func -- the instrumented program is what is tested
  const make = new Function('__mutant', '__step', `${code}; return f;`) as (
    ...given: unknown[]
  ) => (...given: unknown[]) => unknown;
  return make(
    (id: number) => id === active,
    () => {},
  )(...args);
}

describe('the mutants', () => {
  test.each([
    { of: 'a === b', are: ['comparison: (a) !== (b)', 'condition: true', 'condition: false'] },
    { of: 'a < b', are: ['comparison: (a) <= (b)', 'comparison: (a) >= (b)', 'condition: true', 'condition: false'] },
    { of: 'a && b', are: ['logic: (a) || (b)', 'logic: a'] },
    { of: 'a ?? b', are: ['logic: (a) && (b)', 'logic: a'] },
    { of: '!a', are: ['negation: a'] },
    { of: 'true', are: ['boolean: false'] },
    { of: '7', are: ['number: 8'] },
    { of: `'a'`, are: [`text: ''`] },
    { of: `''`, are: [`text: 'mutant'`] },
    { of: '`a${b}`', are: ['text: ``'] },
    { of: '[a, ...b]', are: ['spread: nothing', 'list: []'] },
    { of: '{ a: b }', are: ['object: {}'] },
    { of: 'a ? b : c', are: ['condition: b', 'condition: c'] },
    { of: 'a?.b', are: ['chain: a.b'] },
    { of: 'a.filter(b)', are: ['method: a'] },
    { of: 'a.some(b)', are: ['method: a.every(b)'] },
    { of: '/^a$/', are: ['pattern: /a$/', 'pattern: /^a/'] },
    { of: '() => a', are: ['result: undefined'] },
    { of: 'a as string', are: [] },
    { of: 'a', are: [] },
  ])('of $of are $are', ({ of, are }) => {
    expect(mutantsOf(of)).toEqual(are);
  });

  test('know their file and line', () => {
    const { mutants } = instrument('a.ts', 'const a = b;\nconst c = 1;', 0);
    expect(mutants).toEqual([{ file: 'a.ts', line: 2, kind: 'number', original: '1', replacement: '2' }]);
  });
});

describe('an instrumented program', () => {
  const source = `function f(a) { for (const x of [1]) { if (a > x) { return 'more'; } } return \`\${a}\`; }`;
  const { mutants } = instrument('a.ts', source, 0);
  const idOf = (kind: string, replacement: string): number =>
    mutants.findIndex((mutant) => mutant.kind === kind && mutant.replacement === replacement);

  test('does the same as before while no mutant is in force', () => {
    expect([valueOf(source, -1, 5), valueOf(source, -1, 1)]).toEqual(['more', '1']);
  });

  test('does otherwise with one', () => {
    expect(valueOf(source, idOf('condition', 'false'), 5)).toBe('5');
    expect(valueOf(source, idOf('comparison', '(a) <= (x)'), 5)).toBe('5');
    expect(valueOf(source, idOf('text', "''"), 5)).toBe('');
    expect(valueOf(source, idOf('list', '[]'), 5)).toBe('5');
    expect(valueOf(source, idOf('block', 'nothing'), 5)).toBe('5');
    expect(valueOf(source, idOf('body', 'nothing'), 5)).toBeUndefined();
  });

  test('has ids that go on where those of the file before ended', () => {
    expect(instrument('a.ts', 'const a = 1;', 41).code).toBe('const a = (__mutant(41) ? (2) : (1));');
  });
});
