import { describe, expect, test } from 'vitest';
import { diffDocuments } from './document-diff.ts';

const text = (have: unknown, want: unknown): readonly string[] =>
  diffDocuments(JSON.stringify(have), JSON.stringify(want)).map((line) => `${line.sign} ${line.text}`);

const statement = (action: unknown): object => ({ Effect: 'Allow', Action: action, Resource: '*' });

describe('diffDocuments', () => {
  test('shows the lines that differ, and three around them', () => {
    const before = { Version: '2012-10-17', Statement: [statement('s3:Get*'), statement('sqs:*')] };
    const after = { Version: '2012-10-17', Statement: [statement('s3:Get*'), statement('sns:*')] };
    expect(text(before, after)).toEqual([
      '… ',
      '      },',
      '      {',
      '        "Effect": "Allow",',
      '-       "Action": "sqs:*",',
      '+       "Action": "sns:*",',
      '        "Resource": "*"',
      '      }',
      '    ]',
      '… ',
    ]);
  });

  test.each([
    { name: 'the order of keys', other: { Resource: '*', Action: 'a:B', Effect: 'Allow' } },
    { name: 'a list of one', other: { Effect: 'Allow', Action: ['a:B'], Resource: ['*'] } },
  ])('$name is no difference', ({ other }) => {
    const lines = text({ Statement: [statement('a:B')] }, { Statement: other });
    expect(lines).toEqual(['… ']);
  });

  test('a line that moved in a list shows where it was and where it is', () => {
    const lines = text(
      { Statement: statement(['a:A', 'b:B', 'c:C']) },
      { Statement: statement(['b:B', 'a:A', 'c:C']) },
    );
    expect(lines.filter((line) => /^[+-]/.test(line)).toSorted()).toEqual(['+         "a:A",', '-         "a:A",']);
  });

  test('a document that is new, or goes, is shown whole', () => {
    expect(diffDocuments(undefined, '{"Statement":[]}').map(({ sign }) => sign)).toEqual(['+', '+', '+']);
    expect(diffDocuments('{"Statement":[]}', undefined).map(({ sign }) => sign)).toEqual(['-', '-', '-']);
  });

  test('text that is no JSON is compared as it is', () => {
    expect(diffDocuments('x', 'y')).toEqual([
      { sign: '-', text: 'x' },
      { sign: '+', text: 'y' },
    ]);
  });

  test('the longest documents of IAM are compared', () => {
    expect(diffDocuments(long('a'), long('b')).filter(({ sign }) => sign === '+')).toHaveLength(2000);
  });
});

const long = (prefix: string): string =>
  JSON.stringify({ Statement: statement(Array.from({ length: 2000 }, (_, index) => `${prefix}${index % 97}`)) });
