import { describe, expect, test } from 'vitest';
import { faultMatrix, gapsOf, heldFaults, readTests, testsIn } from './fault-matrix.ts';
import { FAULTS } from './faults.ts';

describe('the matrix of faults', () => {
  test('has a test for each fault, or says why not', () => {
    expect(gapsOf(readTests())).toEqual([]);
  });

  test('has 78 faults and 17 threats', () => {
    const ids = FAULTS.flatMap(({ faults }) => faults.map(({ id }) => id));
    const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
    expect(ids).toEqual([...numbered('F', 78), ...numbered('S', 17)]);
  });

  test('tells a fault without a test, and a test of no fault', () => {
    const all = readTests();
    const without = all.map((one) => ({ ...one, faults: one.faults.filter((id) => id !== 'F13') }));
    expect(gapsOf(without)).toContain(
      'F13 (the process is killed at any point) has neither a test whose title ends with [F13] nor a reason why not',
    );
    expect(gapsOf([...all, { file: 'a.test.ts', title: 'x', faults: ['F99'] }])).toContain(
      'a.test.ts: "x" names F99, which is no fault',
    );
  });

  test('finds titles in each kind of quotes, and nothing else', () => {
    const title = String.raw`test('it\'s gone [F1 S2]', () => {}); describe("a [F3]"); const x = ["F4"]; // [F5]`;
    expect(testsIn('a.test.ts', title).map(({ title: text, faults }) => [text, faults])).toEqual([
      ["it's gone", ['F1', 'S2']],
      ['a', ['F3']],
    ]);
  });

  test('is held by a run as far as all tests of a fault have passed', () => {
    const ran = (fullName: string, status = 'passed') => ({ fullName, status });
    const line = heldFaults([
      ran('a [F1 F2] > b [F3]'),
      ran('c [F2]', 'failed'),
      ...Array.from({ length: 74 }, (_, index) => ran(`d [F${index + 5}]`)),
      ...Array.from({ length: 17 }, (_, index) => ran(`e [S${index + 1}]`)),
    ]);
    expect(line).toBe('faults and attacks held: 93 of 95; not: F2, F4');
  });

  test('has a row for each fault, with links that a table can hold', () => {
    const page = faultMatrix([{ file: 'src/a.test.ts', title: 'a | b', faults: ['F1', 'S17'] }]);
    expect(page.split('\n').filter((line) => /^\| [FS][0-9]/.test(line))).toHaveLength(95);
    expect(page).toContain(String.raw`[a \| b](../src/a.test.ts)`);
  });
});
