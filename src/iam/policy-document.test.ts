import { describe, expect, test } from 'vitest';
import { document } from '../../test/support/builders.ts';
import {
  canonicalPolicyDocument,
  parsePolicyDocument,
  PolicyDocument,
  samePolicyDocument,
  sizeOfPolicyDocument,
} from './policy-document.ts';

const statement = (fields: object = {}): object => ({
  Effect: 'Allow',
  Action: 's3:GetObject',
  Resource: '*',
  ...fields,
});
const allow = (fields: object = {}): object => ({ Version: '2012-10-17', Statement: [statement(fields)] });
const when = (condition: object): object => allow({ Condition: condition });
const trusting = (principal: unknown): object => allow({ Principal: principal });

describe('the same document', () => {
  test.each([
    {
      name: 'a single statement equals a list of one',
      a: { Version: '2012-10-17', Statement: statement() },
      b: allow(),
    },
    {
      name: 'the order of statements is nothing',
      a: { Version: '2012-10-17', Statement: [statement({ Sid: 'A' }), statement({ Sid: 'B' })] },
      b: { Version: '2012-10-17', Statement: [statement({ Sid: 'B' }), statement({ Sid: 'A' })] },
    },
    { name: 'an action equals a list of it', a: allow({ Action: ['s3:GetObject'] }), b: allow() },
    { name: 'a resource equals a list of it', a: allow({ Resource: ['*'] }), b: allow() },
    {
      name: 'order and repetition in a list of actions are nothing',
      a: allow({ Action: ['s3:B', 's3:A', 's3:B'] }),
      b: allow({ Action: ['s3:A', 's3:B'] }),
    },
    { name: 'the case of actions is nothing', a: allow({ Action: 'S3:getobject' }), b: allow() },
    {
      name: 'NotAction and NotResource are lists too',
      a: allow({ NotAction: 'iam:PassRole', NotResource: 'b' }),
      b: allow({ NotAction: ['IAM:PassRole'], NotResource: ['b'] }),
    },
    { name: 'principal * is everybody of AWS', a: trusting('*'), b: trusting({ AWS: '*' }) },
    {
      name: 'an account id is stored as the ARN of its root',
      a: trusting({ AWS: '111122223333' }),
      b: trusting({ AWS: ['arn:aws:iam::111122223333:root'] }),
    },
    {
      name: 'the case of condition operators and keys is nothing',
      a: when({ STRINGEQUALS: { 'AWS:SourceVpc': 'vpc-1' } }),
      b: when({ StringEquals: { 'aws:sourcevpc': ['vpc-1'] } }),
    },
    {
      name: 'booleans and numbers in conditions compare as strings',
      a: when({ Bool: { 'aws:SecureTransport': true }, NumericLessThan: { 's3:max-keys': 10 } }),
      b: when({ NumericLessThan: { 's3:max-keys': '10' }, Bool: { 'aws:SecureTransport': ['true'] } }),
    },
    { name: 'without Version it is 2008-10-17', a: { Statement: [] }, b: { Version: '2008-10-17', Statement: [] } },
    { name: 'an empty Sid is none', a: allow({ Sid: '' }), b: allow() },
    { name: 'an empty Id is none', a: { ...allow(), Id: '' }, b: allow() },
    { name: 'an empty condition is none', a: when({}), b: allow() },
  ])('$name', ({ a, b }) => {
    expect(samePolicyDocument(document(a), document(b))).toBe(true);
    expect(canonicalPolicyDocument(document(a))).toBe(canonicalPolicyDocument(document(b)));
  });
});

describe('another document', () => {
  test.each([
    { name: 'another action', a: allow({ Action: 's3:PutObject' }), b: allow() },
    { name: 'one action more', a: allow({ Action: ['s3:GetObject', 's3:PutObject'] }), b: allow() },
    { name: 'Deny for Allow', a: allow({ Effect: 'Deny' }), b: allow() },
    {
      name: 'a resource in another case',
      a: allow({ Resource: 'arn:aws:s3:::A' }),
      b: allow({ Resource: 'arn:aws:s3:::a' }),
    },
    { name: 'NotAction for Action', a: { Statement: [{ NotAction: 'a' }] }, b: { Statement: [{ Action: 'a' }] } },
    { name: 'a Sid', a: allow({ Sid: 'A' }), b: allow() },
    { name: 'a Sid in another case', a: allow({ Sid: 'A' }), b: allow({ Sid: 'a' }) },
    { name: 'a statement twice', a: { Statement: [statement(), statement()] }, b: { Statement: [statement()] } },
    { name: 'another account', a: trusting({ AWS: '111122223333' }), b: trusting({ AWS: '444455556666' }) },
    {
      name: 'a role for its account',
      a: trusting({ AWS: 'arn:aws:iam::111122223333:role/r' }),
      b: trusting({ AWS: '111122223333' }),
    },
    { name: 'Federated for AWS', a: trusting({ Federated: 'x' }), b: trusting({ AWS: 'x' }) },
    { name: 'a condition less', a: when({ StringEquals: { a: '1' } }), b: allow() },
    { name: 'StringLike for StringEquals', a: when({ StringLike: { a: '1' } }), b: when({ StringEquals: { a: '1' } }) },
    {
      name: 'a condition value in another case',
      a: when({ StringEquals: { a: 'X' } }),
      b: when({ StringEquals: { a: 'x' } }),
    },
    {
      name: 'a key more in a condition',
      a: when({ StringEquals: { a: '1', b: '1' } }),
      b: when({ StringEquals: { a: '1' } }),
    },
    { name: 'the newer Version', a: { Version: '2012-10-17', Statement: [] }, b: { Statement: [] } },
    { name: 'a key that the grammar does not know', a: { ...allow(), Extra: 1 }, b: allow() },
    { name: 'an own key __proto__', a: JSON.parse('{"Statement":[{"__proto__":{"a":1}}]}'), b: { Statement: [{}] } },
  ])('$name', ({ a, b }) => {
    expect(samePolicyDocument(document(a), document(b))).toBe(false);
  });
});

const deep = (depth: number): string => `{"Statement":${'['.repeat(depth)}${']'.repeat(depth)}}`;

describe('reading what a user wrote', () => {
  test.each([
    { name: 'an object', input: allow() },
    { name: 'a string of JSON', input: JSON.stringify(allow()) },
    { name: 'a string with white space, as a YAML block has it', input: `\n${JSON.stringify(allow(), null, 2)}\n` },
  ])('$name becomes the text without white space', ({ input }) => {
    expect(parsePolicyDocument(input)).toBe(JSON.stringify(allow()));
  });

  test('white space within strings stays', () => {
    expect(JSON.parse(parsePolicyDocument(allow({ Sid: 'two words' })))).toEqual(allow({ Sid: 'two words' }));
  });

  test.each([
    { name: 'undefined', input: undefined, message: 'JSON object' },
    { name: 'null', input: null, message: 'JSON object' },
    { name: 'a list', input: [allow()], message: 'JSON object' },
    { name: 'a number', input: 1, message: 'JSON object' },
    { name: 'a string of a string', input: '"{}"', message: 'JSON object' },
    { name: 'no JSON', input: '{"Statement":', message: 'not JSON' },
    { name: 'an empty string', input: '', message: 'not JSON' },
    { name: 'a NUL', input: '\u0000', message: 'not JSON' },
    { name: 'a policy without statement', input: { Version: '2012-10-17' }, message: 'no Statement' },
    { name: 'a policy of 40 levels', input: deep(40), message: 'levels deep' },
    { name: 'a policy of 10 000 levels', input: deep(10_000), message: 'levels deep' },
  ])('$name is refused', ({ input, message }) => {
    expect(() => parsePolicyDocument(input)).toThrow(message);
  });

  test('the size counts strings with their white space and nothing else', () => {
    const spaced = PolicyDocument.parse('{ "Statement" : [ { "Sid" : "a b" } ] }');
    expect(sizeOfPolicyDocument(spaced)).toBe('{"Statement":[{"Sid":"a b"}]}'.length);
  });
});
