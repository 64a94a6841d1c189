import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';
import { policyArnPatterns } from './policy-arn-patterns.ts';

test.each([
  { glob: 'arn:aws:iam::aws:policy/AmazonS3*', patterns: ['arn:aws:iam::aws:policy/AmazonS3*'] },
  { glob: 'arn:aws:iam::111122223333:policy/team/a', patterns: ['arn:aws:iam::111122223333:policy/team/a'] },
  { glob: 'arn:aws:iam::*', patterns: ['arn:aws:iam::*:*'] },
  { glob: '*/AmazonS3*', patterns: ['arn:*:iam::*:*/AmazonS3*'] },
  { glob: 'arn:aws:*:policy/**', patterns: ['arn:aws:iam::*:policy/*'] },
  { glob: '*', patterns: ['arn:*:iam::*:*'] },
  { glob: 'AmazonS3ReadOnlyAccess', patterns: [] },
  { glob: 'arn:aws:s3:::bucket', patterns: [] },
  { glob: 'arn:aws:iam::aws:policy/a:b:*', patterns: [] },
])('$glob', ({ glob, patterns }) => {
  expect(policyArnPatterns(glob)).toEqual(patterns);
});

/** ArnLike as AWS documents it: part by part. */
const arnLike = (pattern: string, arn: string): boolean => {
  const [wanted, given] = [pattern.split(':'), arn.split(':')];
  return wanted.length === given.length && wanted.every((part, index) => matchesGlob(part, given[index] ?? ''));
};

test('the patterns match the ARNs of policies that the glob matches, and no others', () => {
  const arn = fc
    .tuple(fc.constantFrom('aws', 'aws-cn'), fc.constantFrom('aws', '111122223333'), fc.constantFrom('a', 'b/a', 'ab'))
    .map(([partition, owner, name]) => `arn:${partition}:iam::${owner}:policy/${name}`);
  const glob = fc
    .tuple(arn, fc.array(fc.tuple(fc.nat(45), fc.nat(12)), { maxLength: 4 }))
    .map(([text, cuts]) =>
      cuts.reduce((given, [start, length]) => `${given.slice(0, start)}*${given.slice(start + length)}`, text),
    );
  fc.assert(
    fc.property(glob, arn, (pattern, text) => {
      const isLike = policyArnPatterns(pattern).some((one) => arnLike(one, text));
      expect(isLike).toBe(matchesGlob(pattern, text));
    }),
    { numRuns: 2000 },
  );
});
