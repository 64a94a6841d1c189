import { describe, expect, test } from 'vitest';
import { document } from '../../test/support/builders.ts';
import {
  canonicalPolicyDocument,
  decodePolicyDocument,
  effectsOf,
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

describe('another document [F74 S17]', () => {
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
    {
      name: 'a key that hides behind one of another case',
      a: when({ StringEquals: { 'x:sub': 'theirs', 'X:SUB': 'ours' } }),
      b: when({ StringEquals: { 'x:sub': 'ours' } }),
    },
    {
      name: 'an operator that hides behind one of another case',
      a: when({ StringEquals: { 'x:sub': 'theirs' }, STRINGEQUALS: { 'x:sub': 'ours' } }),
      b: when({ StringEquals: { 'x:sub': 'ours' } }),
    },
    { name: 'a letter that only looks like another', a: allow({ Action: 's3:Get\u041ebject' }), b: allow() },
    { name: 'an action with a blank at its end', a: allow({ Action: 's3:GetObject ' }), b: allow() },
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

  test('colons and quotes within strings are no keys [F74]', () => {
    const text = JSON.stringify(allow({ Sid: '":{"a":1}', Resource: ['arn:aws:s3:::a', '\\":'] }));
    expect(parsePolicyDocument(text)).toBe(text);
  });

  test('`__proto__` is a key like any other, and reaches IAM, which refuses it [F74]', () => {
    const text = '{"Statement":[],"__proto__":{"polluted":true}}';
    expect(parsePolicyDocument(text)).toBe(text);
    expect(parsePolicyDocument(JSON.parse(text))).toBe(text);
    expect({}).not.toHaveProperty('polluted');
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
    {
      name: 'a key that is there twice, of which a reviewer sees the first',
      input: '{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Action":"*","Resource":"*"}]}',
      message: 'a key twice',
    },
    {
      name: 'a key that is there twice by an escape',
      input: '{"Statement":[],"\\u0053tatement":[{"a:\\"b":1}]}',
      message: 'a key twice',
    },
    {
      name: 'a number that JSON in JavaScript rounds',
      input: '{"Statement":[{"Condition":{"NumericEquals":{"x":9007199254740993}}}]}',
      message: 'the number at Statement.0.Condition.NumericEquals.x',
    },
    {
      name: 'a character that IAM does not take',
      input: { Statement: [{ Resource: 'arn:aws:s3:::bucket/\u{1f4c1}/*' }] },
      message: 'this one has \u{1f4c1}: put * or ? in its place',
    },
    { name: 'a number that becomes infinite', input: '{"Statement":[{"a":-1e999}]}', message: 'Statement.0.a' },
  ])('$name is refused [F74]', ({ input, message }) => {
    expect(() => parsePolicyDocument(input)).toThrow(message);
  });

  test('takes the characters of Latin-1, as IAM does', () => {
    expect(parsePolicyDocument({ Statement: [{ Resource: 'arn:aws:s3:::bucket/\u00ff' }] })).toContain('\u00ff');
  });

  test.each([
    { name: 'one statement in no list', Statement: { Effect: 'Deny' }, effects: ['Deny'] },
    { name: 'two statements', Statement: [{ Effect: 'Allow' }, { Effect: 'Deny' }], effects: ['Allow', 'Deny'] },
    { name: 'no statement', Statement: [], effects: [] },
    { name: 'a statement whose effect is not understood', Statement: [{ Effect: 'deny' }], effects: ['Allow', 'Deny'] },
    { name: 'a statement that is none', Statement: ['x'], effects: ['Allow', 'Deny'] },
  ])('the effects of $name are $effects', ({ Statement, effects }) => {
    expect([...effectsOf(document({ Statement }))]).toEqual(effects);
  });

  test('what is no document may have either effect, and has the size of its text', () => {
    const odd = PolicyDocument.parse('{ no JSON');
    expect([...effectsOf(odd), sizeOfPolicyDocument(odd)]).toEqual(['Allow', 'Deny', 9]);
  });

  test('the size counts strings with their white space and nothing else', () => {
    const spaced = PolicyDocument.parse('{ "Statement" : [ { "Sid" : "a b" } ] }');
    expect(sizeOfPolicyDocument(spaced)).toBe('{"Statement":[{"Sid":"a b"}]}'.length);
  });
});

describe('what only looks alike', () => {
  test.each([
    { name: 'another Id', a: { ...allow(), Id: 'a' }, b: { ...allow(), Id: 'b' } },
    { name: 'an Id and none', a: { ...allow(), Id: 'a' }, b: allow() },
    {
      name: 'another NotPrincipal',
      a: allow({ NotPrincipal: { AWS: 'a' } }),
      b: allow({ NotPrincipal: { AWS: 'b' } }),
    },
    {
      name: 'the ARN of a root within another text',
      a: trusting({ AWS: 'x:arn:aws:iam::111122223333:root' }),
      b: trusting({ AWS: '111122223333' }),
    },
    { name: 'an object and its text', a: allow({ Action: [{ a: 1 }] }), b: allow({ Action: ['{"a":1}'] }) },
    { name: 'a list of two and one of both', a: allow({ Resource: ['a', 'b'] }), b: allow({ Resource: ['ab'] }) },
    {
      name: 'a list and an object with its indices',
      a: allow({ Principal: ['a'] }),
      b: allow({ Principal: { 0: 'a' } }),
    },
  ])('$name is another document', ({ a, b }) => {
    expect(samePolicyDocument(document(a), document(b))).toBe(false);
  });

  test('a list in NotPrincipal equals a single value', () => {
    const of = (principal: unknown) => document(allow({ NotPrincipal: principal }));
    expect(samePolicyDocument(of('*'), of({ AWS: ['*'] }))).toBe(true);
  });
});

describe('the canonical form', () => {
  test('is a document in which lists are sorted, and case and spelling are one', () => {
    const given = {
      Statement: {
        Resource: ['b', 'a'],
        Action: ['s3:B', 'S3:A', 's3:a'],
        Effect: 'Allow',
        Principal: '*',
        Condition: { StringEquals: { 'AWS:Name': [2, 'x', true] } },
      },
      Id: 'i',
      Extra: { b: [1, null], a: {} },
    };
    expect(canonicalPolicyDocument(document(given))).toBe(
      '{"Extra":{"a":{},"b":[1,null]},"Id":"i","Statement":[{"Action":["s3:a","s3:b"],"Condition":{"stringequals":{"aws:name":["2","true","x"]}},"Effect":"Allow","Principal":{"AWS":["*"]},"Resource":["a","b"]}],"Version":"2008-10-17"}',
    );
  });

  test.each(['', 'no JSON', '[]', '1', 'null'])('of %j, which is no document, is the text itself', (text) => {
    expect(canonicalPolicyDocument(PolicyDocument.parse(text))).toBe(text);
  });

  test('of a document that is too deep is its text, and of one that is just not, is not', () => {
    const nested = (levels: number) =>
      PolicyDocument.parse(`{ "Statement":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`);
    expect(canonicalPolicyDocument(nested(32))).not.toBe(nested(32));
    expect(canonicalPolicyDocument(nested(33))).toBe(nested(33));
    expect(parsePolicyDocument(nested(32))).toBe(`{"Statement":${'['.repeat(31)}${']'.repeat(31)}}`);
    expect(() => parsePolicyDocument(nested(33))).toThrow('more than 32 levels');
  });
});

test('numbers that JSON keeps exactly are sent as they are', () => {
  const text = `{"Statement":[{"a":${Number.MAX_SAFE_INTEGER},"b":-${Number.MAX_SAFE_INTEGER},"c":0,"d":null,"e":[1.5]}]}`;
  expect(parsePolicyDocument(text)).toBe(text);
});

test('what IAM returns is decoded once', () => {
  expect(decodePolicyDocument('%7B%22a%22%3A%22%2525%22%7D')).toBe('{"a":"%25"}');
  expect(decodePolicyDocument()).toBe('');
});
