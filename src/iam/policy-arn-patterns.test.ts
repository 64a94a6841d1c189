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

test.each(['a*'.repeat(1_000), '*a'.repeat(9), `arn:aws:${'*a'.repeat(500)}policy/*`])(
  'a glob whose stars may stand for colons in too many ways is refused, and not written out [F73]',
  (glob) => {
    expect(() => policyArnPatterns(glob)).toThrow('use at most 8 stars');
  },
);

test('stars within the name of a policy may be many [F73]', () => {
  const glob = `arn:aws:iam::aws:policy/${'*a'.repeat(1_000)}`;
  expect(policyArnPatterns(glob)).toEqual([glob]);
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

test.each([
  { name: 'a glob without stars and with too few colons', glob: 'arn:aws:iam::policy/a', patterns: [] },
  { name: 'a glob with a colon too many', glob: 'arn:aws:iam::aws:policy/a:*', patterns: [] },
  { name: 'another region', glob: 'arn:aws:iam:eu-west-1:aws:policy/*', patterns: [] },
  { name: 'another service', glob: 'arn:aws:s3::aws:policy/*', patterns: [] },
  { name: 'what is no ARN', glob: 'urn:aws:iam::aws:policy/*', patterns: [] },
  { name: 'a slash before the name', glob: 'arn:aws/x:iam::aws:policy/*', patterns: [] },
])('$name gives $patterns', ({ glob, patterns }) => {
  expect(policyArnPatterns(glob)).toEqual(patterns);
});

test('eight stars that may stand for colons are written out, nine are refused with the beginning of the glob', () => {
  const glob = (stars: number): string => `arn:aws:iam::${'*'.padEnd(2 * stars - 1, 'a*')}`;
  expect(policyArnPatterns(glob(8)).length).toBeGreaterThan(0);
  expect(() => policyArnPatterns(glob(9))).toThrow(/^"arn:aws:iam::\*a.* has 9 stars, .* use at most 8 stars\.$/);
  const long = `*${'a'.repeat(200)}${'*a'.repeat(9)}`;
  expect(() => policyArnPatterns(long)).toThrow(`"${long.slice(0, 100)}" in guardrails`);
});
