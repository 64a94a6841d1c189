import { describe, expect, test } from 'vitest';
import { type BucketView, judgeDocuments, type Publication, type PublicObject } from './documents.ts';

const ISSUER = 'https://oidc.example.com/cluster-a';
const DISCOVERY = 'here/.well-known/openid-configuration';
const JWKS = 'here/openid/v1/jwks';
const KEY = { kid: 'one', n: 'AQ' };
const FORMER = { kid: 'former', n: 'AQ' };

const object = (body: object, fields: Partial<PublicObject> = {}): PublicObject => ({
  body: JSON.stringify(body),
  contentType: 'application/json',
  cacheControl: 'public, max-age=300',
  metadata: { 'federatedidentity-cluster': 'cluster' },
  ...fields,
});
const discovery = object({ issuer: ISSUER, jwks_uri: `${ISSUER}/openid/v1/jwks` });
const jwks = (...keys: readonly object[]): PublicObject => object({ keys });
const retired = object(
  { keys: [KEY, FORMER] },
  { metadata: { 'federatedidentity-cluster': 'cluster', 'federatedidentity-missing': '0a1b2c3d=29000000' } },
);
const theirs: BucketView = new Map([['here/openid/v1/notes', object({})]]);

const bucket = (objects: Readonly<Record<string, PublicObject>>): BucketView =>
  new Map([...theirs, ...Object.entries(objects)]);
const published = bucket({ [JWKS]: jwks(KEY), [DISCOVERY]: discovery });

const publication = (fields: Partial<Publication> = {}): Publication => ({
  cluster: 'cluster',
  issuer: ISSUER,
  prefix: 'here',
  withdrawnFrom: undefined,
  served: [KEY],
  retired: [],
  before: theirs,
  ...fields,
});
const withdrawn = publication({ prefix: undefined, withdrawnFrom: 'here', before: published });
const leftBehind = publication({ prefix: undefined, before: published });

test.each<{ name: string; moments: readonly BucketView[]; asked?: Publication }>([
  { name: 'keys, then the document', moments: [theirs, bucket({ [JWKS]: jwks(KEY) }), published] },
  { name: 'the document goes first', moments: [published, bucket({ [JWKS]: jwks(KEY) }), theirs], asked: withdrawn },
  { name: 'both stay', moments: [published], asked: leftBehind },
  {
    name: 'a key that is out of use stays',
    moments: [bucket({ [JWKS]: retired, [DISCOVERY]: discovery })],
    asked: publication({ retired: [FORMER] }),
  },
])('nothing is wrong: $name', ({ moments, asked = publication() }) => {
  expect(judgeDocuments(moments, asked)).toEqual([]);
});

describe('a broken state is told', () => {
  test.each<{ name: string; moments: readonly BucketView[]; asked?: Publication; kind: string; says: string }>([
    {
      name: 'the document comes before the keys',
      moments: [bucket({ [DISCOVERY]: discovery }), published],
      kind: 'torn',
      says: 'lack one',
    },
    {
      name: 'the keys go before the document',
      moments: [bucket({ [DISCOVERY]: discovery }), theirs],
      asked: withdrawn,
      kind: 'torn',
      says: 'lack one',
    },
    {
      name: 'a key in use is missing for a moment',
      moments: [bucket({ [JWKS]: jwks(FORMER), [DISCOVERY]: discovery }), published],
      kind: 'torn',
      says: 'lack one',
    },
    {
      name: 'a key out of use is gone too soon',
      moments: [published],
      asked: publication({ retired: [FORMER] }),
      kind: 'torn',
      says: 'lack former',
    },
    {
      name: 'a key out of use stays for ever',
      moments: [bucket({ [JWKS]: retired, [DISCOVERY]: discovery })],
      kind: 'unfinished',
      says: 'has the keys one,former',
    },
    {
      name: 'nobody wrote down since when a key is out of use',
      moments: [bucket({ [JWKS]: jwks(KEY, FORMER), [DISCOVERY]: discovery })],
      asked: publication({ retired: [FORMER] }),
      kind: 'unfinished',
      says: 'has the marks undefined for 1 keys',
    },
    {
      name: 'something beside the documents',
      moments: [new Map([...published, ['here/more', object({})]])],
      kind: 'foreign write',
      says: 'here/more',
    },
    {
      name: 'an object of somebody else, for a moment',
      moments: [new Map([...published, ['here/openid/v1/notes', object({ a: 1 })]]), published],
      kind: 'foreign write',
      says: 'here/openid/v1/notes',
    },
    {
      name: 'documents elsewhere that were to stay',
      moments: [theirs],
      asked: leftBehind,
      kind: 'foreign write',
      says: DISCOVERY,
    },
    { name: 'no document', moments: [bucket({ [JWKS]: jwks(KEY) })], kind: 'unfinished', says: `${DISCOVERY} is not` },
    { name: 'no keys', moments: [bucket({ [DISCOVERY]: discovery })], kind: 'unfinished', says: `${JWKS} is not` },
    {
      name: 'another issuer',
      moments: [bucket({ [JWKS]: jwks(KEY), [DISCOVERY]: object({ issuer: 'https://x', jwks_uri: 'https://x/y' }) })],
      kind: 'unfinished',
      says: 'https://x',
    },
    {
      name: 'a header that is not as it should be',
      moments: [bucket({ [JWKS]: { ...jwks(KEY), cacheControl: 'no-store' }, [DISCOVERY]: discovery })],
      kind: 'unfinished',
      says: 'no-store',
    },
    {
      name: 'no owner',
      moments: [bucket({ [JWKS]: jwks(KEY), [DISCOVERY]: { ...discovery, metadata: {} } })],
      kind: 'unfinished',
      says: `${DISCOVERY} has the headers`,
    },
    {
      name: 'one of two that was to go',
      moments: [published, bucket({ [JWKS]: jwks(KEY) })],
      asked: withdrawn,
      kind: 'orphan',
      says: JWKS,
    },
  ])('$name: $kind', ({ moments, asked = publication(), kind, says }) => {
    expect(judgeDocuments(moments, asked)).toContainEqual({ kind, what: expect.stringContaining(says) });
  });
});
