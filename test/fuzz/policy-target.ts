import assert from 'node:assert/strict';
import { canonicalPolicyDocument, parsePolicyDocument, PolicyDocument } from '../../src/iam/policy-document.ts';
import { type FuzzTarget, randomFrom } from './fuzz.ts';
import { jsonWith } from './json.ts';

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The same JSON with the members of each object, and the statements, in another order. */
function reordered(value: unknown, random: () => number, isStatements = false): unknown {
  const shuffle = <T>(items: readonly T[]): readonly T[] =>
    items
      .map((item) => [random(), item] as const)
      .toSorted(([a], [b]) => a - b)
      .map(([, item]) => item);
  if (Array.isArray(value)) {
    const items = value.map((item) => reordered(item, random));
    return isStatements ? shuffle(items) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => [key, reordered(member, random)] as const);
  return Object.fromEntries(shuffle(members));
}

const POLICY_WORDS = [
  'Version',
  '2012-10-17',
  'Id',
  'Statement',
  'Sid',
  'Effect',
  'Allow',
  'Deny',
  'Principal',
  'NotPrincipal',
  'AWS',
  'Federated',
  'Service',
  '*',
  'Action',
  'NotAction',
  's3:GetObject',
  'S3:getobject',
  'Resource',
  'NotResource',
  'arn:aws:iam::111122223333:root',
  '111122223333',
  'Condition',
  'StringEquals',
  'stringequals',
  'StringLike',
  'aws:userid',
  'AWS:UserId',
  '',
];

export const policyDocument: FuzzTarget = {
  name: 'policy-document',
  words: POLICY_WORDS.map((word) => JSON.stringify(word)),
  likely: jsonWith(POLICY_WORDS),
  check: (input) => {
    try {
      const document = parsePolicyDocument(input);
      assert.equal(parsePolicyDocument(document), document, 'what is sent is read as it is');
    } catch (error) {
      assert.ok(error instanceof Error && error.constructor === Error, 'only plain errors say what is wrong');
      assert.ok(error.message.length < 1000 + input.length, 'a message is no longer than what it is about');
    }
    const canonical = canonicalPolicyDocument(PolicyDocument.parse(input));
    assert.equal(canonicalPolicyDocument(PolicyDocument.parse(canonical)), canonical, 'canonical is canonical');
    const json = tryJson(input);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
    const other = reordered(json, randomFrom(input.length));
    const statements = reordered(Object.entries(json).find(([key]) => key === 'Statement')?.[1], randomFrom(1), true);
    const respelled = statements === undefined ? other : { ...(other as object), Statement: statements };
    if (canonical === input) return; // too deep to be compared but as text
    assert.equal(
      canonicalPolicyDocument(PolicyDocument.parse(JSON.stringify(respelled))),
      canonical,
      'order is of no matter',
    );
  },
};
