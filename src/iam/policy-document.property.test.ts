import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { document } from '../../test/support/builders.ts';
import { canonicalPolicyDocument, parsePolicyDocument, PolicyDocument, samePolicyDocument } from './policy-document.ts';

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Principal?: Readonly<Record<string, readonly string[]>>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

interface Policy {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '*', '/', ' '), minLength: 1, maxLength: 8 });
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 4 });
const action = fc.constantFrom('s3:GetObject', 's3:PutObject', 'sqs:*', 'kms:Decrypt', 'sts:AssumeRole');
const statement: fc.Arbitrary<Statement> = fc.record(
  {
    Sid: word,
    Effect: fc.constantFrom('Allow', 'Deny'),
    Action: fc.uniqueArray(action, { minLength: 1 }),
    Resource: words,
    Principal: fc.dictionary(fc.constantFrom('AWS', 'Federated', 'Service'), words, { minKeys: 1 }),
    Condition: fc.dictionary(
      fc.constantFrom('StringEquals', 'StringLike', 'Bool'),
      fc.dictionary(fc.constantFrom('aws:SourceIp', 'aws:userid', 's3:prefix'), words, { minKeys: 1 }),
      { minKeys: 1 },
    ),
  },
  { requiredKeys: ['Effect', 'Action', 'Resource'] },
);
const policy: fc.Arbitrary<Policy> = fc.record({
  Version: fc.constantFrom('2012-10-17', '2008-10-17'),
  Statement: fc.array(statement, { minLength: 1, maxLength: 4 }),
});

type Random = () => number;

/** A stream of numbers in 0..1 from a seed, so that a failing example can be replayed. */
function randomFrom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

const shuffled = <T>(items: readonly T[], random: Random): readonly T[] =>
  items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);

const shuffledKeys = (object: object, random: Random): object =>
  Object.fromEntries(shuffled(Object.entries(object), random));

const casing = (text: string, random: Random): string =>
  [...text].map((letter) => (random() < 0.5 ? letter.toUpperCase() : letter.toLowerCase())).join('');

/** A list in another order, perhaps with a repetition, perhaps as a scalar. */
function list(items: readonly string[], random: Random): unknown {
  const [only] = items;
  if (items.length === 1 && random() < 0.5) return only;
  return shuffled(random() < 0.3 ? [...items, ...items.slice(0, 1)] : items, random);
}

const respelledStatement = ({ Sid, Effect, Action, Resource, Principal, Condition }: Statement, random: Random) =>
  shuffledKeys(
    {
      Effect,
      Action: list(
        Action.map((one) => casing(one, random)),
        random,
      ),
      Resource: list(Resource, random),
      ...(Sid === undefined ? (random() < 0.5 ? { Sid: '' } : {}) : { Sid }),
      ...(Principal === undefined ? {} : { Principal: mapped(Principal, (key) => key, random) }),
      ...(Condition === undefined
        ? random() < 0.5
          ? { Condition: {} }
          : {}
        : { Condition: condition(Condition, random) }),
    },
    random,
  );

const condition = (operators: NonNullable<Statement['Condition']>, random: Random): object =>
  shuffledKeys(
    Object.fromEntries(
      Object.entries(operators).map(([operator, keys]) => [
        casing(operator, random),
        mapped(keys, (key) => casing(key, random), random),
      ]),
    ),
    random,
  );

const mapped = (
  lists: Readonly<Record<string, readonly string[]>>,
  rename: (key: string) => string,
  random: Random,
): object =>
  shuffledKeys(
    Object.fromEntries(Object.entries(lists).map(([key, items]) => [rename(key), list(items, random)])),
    random,
  );

function respelled({ Version, Statement }: Policy, random: Random): object {
  const statements = shuffled(Statement, random).map((one) => respelledStatement(one, random));
  const isScalar = statements.length === 1 && random() < 0.5;
  return shuffledKeys({ Version, Statement: isScalar ? statements[0] : statements }, random);
}

const seed = fc.integer({ min: 1, max: 2_147_483_647 });

describe('properties of the comparison', () => {
  test('a document equals each respelling of itself', () => {
    fc.assert(
      fc.property(policy, seed, (one, number) =>
        samePolicyDocument(document(one), document(respelled(one, randomFrom(number)))),
      ),
      { numRuns: 300 },
    );
  });

  const change = fc.constantFrom<(one: Statement) => Statement>(
    (one) => ({ ...one, Effect: one.Effect === 'Allow' ? 'Deny' : 'Allow' }),
    (one) => ({ ...one, Action: [...one.Action, 'iam:PassRole'] }),
    (one) => ({ ...one, Action: ['iam:PassRole', ...one.Action.slice(1)] }),
    (one) => ({ ...one, Resource: [...one.Resource, 'new'] }),
    (one) => ({ ...one, Resource: one.Resource.map((resource) => `${resource}x`) }),
    (one) => ({ ...one, Principal: { ...one.Principal, CanonicalUser: ['x'] } }),
    (one) => ({
      ...one,
      Condition: { ...one.Condition, StringEquals: { ...one.Condition?.['StringEquals'], new: ['x'] } },
    }),
    (one) => ({ ...one, Condition: { ...one.Condition, Null: { 'aws:userid': ['x'] } } }),
  );

  test('a change of one effect, action, resource, principal or condition makes another document [S17]', () => {
    fc.assert(
      fc.property(policy, change, fc.nat(), seed, (one, changed, index, number) => {
        const Statement = one.Statement.with(
          index % one.Statement.length,
          changed(one.Statement[index % one.Statement.length]!),
        );
        return !samePolicyDocument(document(one), document(respelled({ ...one, Statement }, randomFrom(number))));
      }),
      { numRuns: 300 },
    );
  });

  const text = fc.string({ unit: 'binary', maxLength: 40 });
  const junk = fc.jsonValue({ maxDepth: 6 }).map((value) => JSON.stringify(value));
  const hostile = fc.constantFrom(
    '{"__proto__":{"Statement":1},"Statement":[{"__proto__":["x"]}]}',
    '{"Statement":[{"Action":"a","Action":"b"}]}',
    '{"Statement":"\ud800"}',
    '{"Statement":[{"Action":["\u0000",null,{"toString":1}]}]}',
    `{"Statement":[${'[{"Condition":'.repeat(20)}1${'}]'.repeat(20)}]}`,
  );

  test('any text is compared without an error, and equals itself', () => {
    fc.assert(
      fc.property(fc.oneof(text, junk, hostile), fc.oneof(text, junk, hostile), (a, b) => {
        const [one, other] = [PolicyDocument.parse(a), PolicyDocument.parse(b)];
        return samePolicyDocument(one, one) && typeof samePolicyDocument(one, other) === 'boolean';
      }),
    );
  });

  test('any value is read or refused with an Error that says why [F74]', () => {
    fc.assert(
      fc.property(fc.oneof(text, junk, hostile, fc.anything()), (input) => {
        try {
          return typeof canonicalPolicyDocument(parsePolicyDocument(input)) === 'string';
        } catch (error) {
          return error instanceof Error && error.message.length > 0;
        }
      }),
    );
  });

  test('a document of 10 000 levels, which only AWS could send, is compared and not a crash [F74]', () => {
    const deep = PolicyDocument.parse(`{"Statement":${'['.repeat(10_000)}${']'.repeat(10_000)}}`);
    expect(samePolicyDocument(deep, PolicyDocument.parse('{"Statement":[]}'))).toBe(false);
  });
});
