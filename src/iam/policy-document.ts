import * as z from 'zod';

/** The JSON text of a policy document without white space, as it is sent to IAM. */
export const PolicyDocument = z.string().brand('PolicyDocument');
export type PolicyDocument = z.infer<typeof PolicyDocument>;

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const MAX_DEPTH = 32;

/**
 * Reads a document as users write it, an object or a string of JSON, into the text that IAM gets.
 * Throws an Error whose message says what is wrong; IAM itself judges the contents.
 */
export function parsePolicyDocument(input: unknown): PolicyDocument {
  const value: unknown = typeof input === 'string' ? parseJson(input) : input;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('a policy document is a JSON object with Version and Statement');
  }
  if (!('Statement' in value)) throw new Error('the policy document has no Statement');
  if (depthOf(value) > MAX_DEPTH) throw new Error(`the policy document is nested more than ${MAX_DEPTH} levels deep`);
  const inexact = inexactNumber(value, '');
  if (inexact !== undefined)
    throw new Error(`the number at ${inexact} cannot be sent as it was written: put it between quotes`);
  const text = JSON.stringify(value);
  const [foreign] = NOT_LATIN_1.exec(text) ?? [];
  if (foreign !== undefined)
    throw new Error(
      `IAM takes no character beyond Latin-1 in a policy document, and this one has ${foreign}: put * or ? in its place`,
    );
  return PolicyDocument.parse(text);
}

/** What IAM refuses in a document (IAM API model, policyDocumentType), beside control characters, which JSON writes out. */
const NOT_LATIN_1 = /[\u0100-\u{10ffff}]/u;

/** A document as IAM returns it, percent-encoded (RFC 3986). Decoded exactly once: a `%` in a value survives. */
export const decodePolicyDocument = (encoded = ''): PolicyDocument => PolicyDocument.parse(decodeURIComponent(encoded));

/** Number of characters as IAM counts them against its quotas: without white space outside of strings. */
export const sizeOfPolicyDocument = (document: PolicyDocument): number =>
  (JSON.stringify(tryParse(document)) ?? document).length;

/** What the statements of a document do. One that cannot be read may do either. */
export function effectsOf(document: PolicyDocument): ReadonlySet<'Allow' | 'Deny'> {
  const parsed = tryParse(document);
  if (!isObject(parsed)) return new Set(['Allow', 'Deny']);
  return new Set(
    listOf(parsed['Statement'] ?? []).flatMap((statement) => {
      const effect = isObject(statement) ? statement['Effect'] : undefined;
      return effect === 'Allow' || effect === 'Deny' ? [effect] : (['Allow', 'Deny'] as const);
    }),
  );
}

/**
 * Whether two documents mean the same to IAM, whatever their spelling: a value and a list of one, the order of lists,
 * statements and keys, the case of actions, condition operators and keys, an account id and its root ARN, an empty Sid
 * (IAM User Guide, "Grammar of the IAM JSON policy language").
 */
export const samePolicyDocument = (a: PolicyDocument, b: PolicyDocument): boolean =>
  a === b || canonicalPolicyDocument(a) === canonicalPolicyDocument(b);

/**
 * One text for all spellings of a document. Text that is no JSON object, or nested deeper than any policy, is its own
 * canonical form.
 */
export function canonicalPolicyDocument(document: PolicyDocument): string {
  const parsed = tryParse(document);
  if (!isObject(parsed) || depthOf(parsed) > MAX_DEPTH) return document;
  const { Version = '2008-10-17', Id, Statement = [], ...others } = parsed;
  return stable({
    ...others,
    Version,
    ...(Id === undefined || Id === '' ? {} : { Id }),
    Statement: sorted(listOf(Statement).map(canonicalStatement)),
  });
}

function canonicalStatement(statement: Json): Json {
  if (!isObject(statement)) return statement;
  const entries = Object.entries(statement).flatMap(([key, value]): readonly (readonly [string, Json])[] => {
    switch (key) {
      case 'Sid':
        return value === '' ? [] : [[key, value]];
      case 'Action':
      case 'NotAction':
        return [[key, setOf(value, (action) => action.toLowerCase())]];
      case 'Resource':
      case 'NotResource':
        return [[key, setOf(value)]];
      case 'Principal':
      case 'NotPrincipal':
        return [[key, canonicalPrincipal(value)]];
      case 'Condition':
        return isObject(value) && Object.keys(value).length === 0 ? [] : [[key, canonicalCondition(value)]];
      default:
        return [[key, value]];
    }
  });
  return Object.fromEntries(entries);
}

function canonicalPrincipal(principal: Json): Json {
  if (principal === '*') return { AWS: ['*'] };
  if (!isObject(principal)) return principal;
  return Object.fromEntries(Object.entries(principal).map(([type, value]) => [type, setOf(value, accountOfRoot)]));
}

/** IAM stores an account id as the ARN of the account's root. */
const accountOfRoot = (principal: string): string =>
  /^arn:aws[a-z-]*:iam::([0-9]{12}):root$/.exec(principal)?.[1] ?? principal;

function canonicalCondition(condition: Json): Json {
  if (!isObject(condition)) return condition;
  return lowercased(condition, (keys) => (isObject(keys) ? lowercased(keys, (value) => setOf(value)) : keys));
}

/** Keys that differ in nothing but their case are left as they are: none of them may hide behind another. */
function lowercased(object: { readonly [key: string]: Json }, canonical: (value: Json) => Json): Json {
  const entries = Object.entries(object).map(([key, value]) => [key, canonical(value)] as const);
  const isAmbiguous = new Set(entries.map(([key]) => key.toLowerCase())).size < entries.length;
  return Object.fromEntries(isAmbiguous ? entries : entries.map(([key, value]) => [key.toLowerCase(), value]));
}

/** A value or list as a sorted list without duplicates; numbers and booleans compare as strings, as IAM does. */
function setOf(value: Json, normalise: (text: string) => string = (text) => text): Json {
  const items = listOf(value).map((item) => (isScalar(item) ? normalise(String(item)) : item));
  return sorted([...new Map(items.map((item) => [stable(item), item])).values()]);
}

/** In the order of their text, whatever they are. */
function sorted(items: readonly Json[]): readonly Json[] {
  const texts = items.map((item) => [stable(item), item] as const);
  return texts.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))).map(([, item]) => item);
}

const listOf = (value: Json): readonly Json[] => (Array.isArray(value) ? value : [value]);

const isScalar = (value: Json): value is string | number | boolean => typeof value !== 'object';

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON with sorted keys. */
function stable(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${stable(value[key] ?? null)}`);
  return `{${members.join(',')}}`;
}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`the policy document is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (depthOf(value) <= MAX_DEPTH && membersOf(value) < membersWritten(text))
    throw new Error('the policy document has a key twice in one object, of which only the last would count');
  return value;
}

/** Of JSON text, each member has one colon outside of strings. */
const membersWritten = (text: string): number => text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').match(/:/g)?.length ?? 0;

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, member) => sum + membersOf(member), own);
}

/** The place of a number that JavaScript has rounded already, or made infinite; undefined where there is none. */
function inexactNumber(value: unknown, place: string): string | undefined {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER ? place : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, member] of Object.entries(value)) {
    const found = inexactNumber(member, place === '' ? key : `${place}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function tryParse(text: string): Json | undefined {
  try {
    const parsed: Json = JSON.parse(text);
    return parsed;
  } catch {
    return undefined; // not JSON: it is compared as text
  }
}

function depthOf(value: unknown): number {
  let depth = 0;
  for (let level: unknown[] = [value]; level.length > 0 && depth <= MAX_DEPTH; depth += 1) {
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return depth;
}
