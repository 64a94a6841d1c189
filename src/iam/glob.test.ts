import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';

const ARN = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';

test.each([
  { name: 'a pattern without star is the text itself', pattern: ARN, expected: true },
  { name: 'a star at the end stands for the rest', pattern: 'arn:aws:iam::aws:policy/AmazonS3*', expected: true },
  { name: 'a star alone is everything', pattern: '*', expected: true },
  { name: 'a star in the middle crosses slashes', pattern: 'arn:*/AmazonS3ReadOnlyAccess', expected: true },
  { name: 'a star may stand for nothing', pattern: `*${ARN}*`, expected: true },
  { name: 'the pattern is anchored at the start', pattern: 'AmazonS3*', expected: false },
  { name: 'the pattern is anchored at the end', pattern: 'arn:aws:iam::aws:policy/AmazonS3', expected: false },
  { name: 'the case counts', pattern: 'arn:aws:iam::aws:policy/amazons3*', expected: false },
  { name: 'a dot is a dot', pattern: 'arn.aws*', expected: false },
  { name: 'an empty pattern matches nothing', pattern: '', expected: false },
  { name: 'head and tail must not overlap', pattern: `${ARN.slice(0, -3)}*${ARN.slice(-6)}`, expected: false },
])('$name', ({ pattern, expected }) => {
  expect(matchesGlob(pattern, ARN)).toBe(expected);
});

test('agrees with the regular expression that the pattern stands for', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (glob, candidate) => {
      const oracle = new RegExp(`^${glob.split('*').map(RegExp.escape).join('.*')}$`, 's');
      return matchesGlob(glob, candidate) === oracle.test(candidate);
    }),
    { numRuns: 2_000 },
  );
});

test('a pattern that makes a backtracking matcher hang is answered [F73]', () => {
  expect(matchesGlob('*a'.repeat(500), 'a'.repeat(100_000).concat('b'))).toBe(false);
});
