import { describe, expect, test } from 'vitest';
import { after, CLUSTER, NOW } from '../../test/support/builders.ts';
import { foundObject } from '../../test/support/in-memory-s3.ts';
import { IssuerUrl } from '../iam/arn.ts';
import type { FoundObject, ObservedObject } from '../s3/bucket-objects.ts';
import { discoveryDocument, documentText, jwksDocument } from './published-documents.ts';
import type { Jwk } from './published-keys.ts';
import { type Documents, planPublishing, type Publishing, type PublishPlan } from './publish-plan.ts';

const ISSUER = IssuerUrl.parse('https://my-oidc.s3.eu-west-1.amazonaws.com/a');
const ABSENT: ObservedObject = { kind: 'absent' };
const OURS = { 'federatedidentity-cluster': CLUSTER };
const key = (kid: string): Jwk => ({ kid, kty: 'RSA', alg: 'RS256', use: 'sig', n: `n-of-${kid}`, e: 'AQAB' });
const publishing = (fields: Partial<Publishing> = {}): Publishing => ({
  issuer: ISSUER,
  target: { bucket: 'my-oidc', region: 'eu-west-1', prefix: 'a' },
  served: [key('one')],
  cluster: CLUSTER,
  now: NOW,
  ...fields,
});
const jwks = (kids: readonly string[], metadata: Readonly<Record<string, string>> = OURS): FoundObject =>
  foundObject({ body: documentText(jwksDocument(kids.map(key))), metadata }, '"jwks"');
const discovery = (fields: object = {}, metadata: Readonly<Record<string, string>> = OURS): FoundObject =>
  foundObject(
    { body: documentText({ ...discoveryDocument(ISSUER, [key('one')]), ...fields }), metadata },
    '"discovery"',
  );
const applied = (plan: PublishPlan): Extract<PublishPlan, { kind: 'apply' }> => {
  if (plan.kind === 'refuse') throw new Error(plan.message);
  return plan;
};
/** The writes of a plan as `key: precondition`. */
const writesOf = (plan: PublishPlan): readonly string[] =>
  applied(plan).writes.map(
    ({ key: path, precondition }) =>
      `${path}: ${precondition.kind === 'found' ? precondition.etag : precondition.kind}`,
  );

describe('the first publication', () => {
  test.each(['absent', 'hidden'] as const)('of what is %s writes the keys first, and only where nothing is', (kind) => {
    expect(writesOf(planPublishing(publishing(), { jwks: { kind }, discovery: { kind } }))).toEqual([
      'a/openid/v1/jwks: absent',
      'a/.well-known/openid-configuration: absent',
    ]);
  });

  test('carries the owner, the content type and five minutes of cache, and the issuer byte for byte', () => {
    const issuer = IssuerUrl.parse(`${ISSUER}/`);
    const { writes } = applied(planPublishing(publishing({ issuer }), { jwks: ABSENT, discovery: ABSENT }));
    const served = { contentType: 'application/json', cacheControl: 'public, max-age=300', metadata: OURS };
    expect(writes.map(({ object }) => object)).toEqual([1, 2].map(() => ({ ...served, body: expect.any(String) })));
    expect(writes.map(({ object }) => JSON.parse(object.body))).toEqual([
      { keys: [key('one')] },
      {
        issuer,
        jwks_uri: `${ISSUER}/openid/v1/jwks`,
        authorization_endpoint: 'urn:kubernetes:programmatic_authorization',
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        claims_supported: ['sub', 'iss'],
      },
    ]);
  });
});

describe('what was published already', () => {
  test('is not written again while it says the same, however it is laid out', () => {
    const minified = { ...jwks(['one']), body: JSON.stringify(jwksDocument([key('one')])) };
    expect(writesOf(planPublishing(publishing(), { jwks: minified, discovery: discovery() }))).toEqual([]);
  });

  test.each([
    { name: 'a new key', served: [key('one'), key('two')], observed: {}, writes: ['a/openid/v1/jwks: "jwks"'] },
    {
      name: 'another content type',
      observed: { jwks: { ...jwks(['one']), contentType: 'text/plain' } },
      writes: ['a/openid/v1/jwks: "jwks"'],
    },
    {
      name: 'a longer cache',
      observed: { discovery: { ...discovery(), cacheControl: 'max-age=86400' } },
      writes: ['a/.well-known/openid-configuration: "discovery"'],
    },
    {
      name: 'a body that is no JSON',
      observed: { jwks: { ...jwks(['one']), body: '<html>' } },
      writes: ['a/openid/v1/jwks: "jwks"'],
    },
    {
      name: 'an earlier issuer of the same cluster',
      observed: { discovery: discovery({ issuer: 'https://earlier.example' }) },
      writes: ['a/.well-known/openid-configuration: "discovery"'],
    },
  ])('is written over the very version that was seen, after $name', ({ served = [key('one')], observed, writes }) => {
    const documents: Documents = { jwks: jwks(['one']), discovery: discovery(), ...observed };
    expect(writesOf(planPublishing(publishing({ served }), documents))).toEqual(writes);
  });

  test('keeps a retired key for 24 hours and says since when it is missed, across restarts', () => {
    const rotated = publishing({ served: [key('two')] });
    const [write] = applied(planPublishing(rotated, { jwks: jwks(['one', 'two']), discovery: discovery() })).writes;
    const stored = foundObject(write!.object, '"marked"');
    const later = (hours: number): PublishPlan =>
      planPublishing({ ...rotated, now: after(hours * 3_600_000) }, { jwks: stored, discovery: discovery() });
    expect(JSON.parse(stored.body)).toEqual({ keys: [key('one'), key('two')] });
    expect(writesOf(later(24))).toEqual([]);
    const [removal] = applied(later(25)).writes;
    expect(JSON.parse(removal!.object.body)).toEqual({ keys: [key('two')] });
    expect(removal!.object.metadata).toEqual(OURS);
  });
});

describe('a JWKS in which a key is none that AWS takes, as the copy without kid of which AWS once advised', () => {
  const odd = (metadata: Readonly<Record<string, string>>): FoundObject => {
    const { kid: _, ...copy } = key('one');
    const edwards = { kid: 'ed', kty: 'OKP', crv: 'Ed25519', x: 'AA' };
    const body = documentText({ keys: [key('one'), copy, { ...copy, kid: '' }, edwards, key('retired')] });
    return foundObject({ body, metadata }, '"jwks"');
  };

  test('is used where it is of somebody else and has the key of this cluster', () => {
    const plan = planPublishing(publishing(), { jwks: odd({}), discovery: discovery({}, {}) });
    expect(applied(plan)).toMatchObject({ writes: [], foreign: ['a/openid/v1/jwks', expect.any(String)] });
  });

  test('loses no other key when it is ours, or was handed over: running tokens are signed with it', () => {
    const [write] = applied(planPublishing(publishing(), { jwks: odd(OURS), discovery: discovery() })).writes;
    expect(JSON.parse(write!.object.body)).toEqual({ keys: [key('one'), key('retired')] });
  });
});

describe('documents of somebody else', () => {
  test.each([
    {
      name: 'another cluster',
      observed: { jwks: jwks(['one'], { 'federatedidentity-cluster': 'other-uid' }) },
      says: 'belongs to the cluster other-uid',
    },
    {
      name: 'a JWKS without our key',
      observed: { jwks: jwks(['theirs'], {}) },
      says: 'lacks the key one of this cluster',
    },
    {
      name: 'a JWKS with another key under our name',
      observed: { jwks: foundObject({ body: JSON.stringify({ keys: [{ ...key('one'), n: 'theirs' }] }) }) },
      says: 'lacks the key one',
    },
    { name: 'no JWKS at all', observed: { jwks: foundObject({ body: 'hello' }) }, says: 'it is no JSON Web Key Set' },
    {
      name: 'another issuer, with a slash more',
      observed: { jwks: ABSENT, discovery: discovery({ issuer: `${ISSUER}/` }, {}) },
      says: `its issuer is "${ISSUER}/"`,
    },
    {
      name: 'keys at another path',
      observed: { discovery: discovery({ jwks_uri: `${ISSUER}/keys.json` }, {}) },
      says: `its jwks_uri is "${ISSUER}/keys.json"`,
    },
  ])('are never written, not even beside: $name', ({ observed, says }) => {
    const documents: Documents = { jwks: jwks(['one']), discovery: ABSENT, ...observed };
    expect(planPublishing(publishing(), documents)).toMatchObject({
      kind: 'refuse',
      reason: 'PublishConflict',
      message: expect.stringContaining(says),
    });
  });

  test('are used where they say the right thing, as an OIDC provider that existed before', () => {
    const plan = planPublishing(publishing(), { jwks: jwks(['one', 'more'], {}), discovery: discovery({}, {}) });
    expect(applied(plan)).toMatchObject({
      writes: [],
      foreign: ['a/openid/v1/jwks', 'a/.well-known/openid-configuration'],
    });
  });
});

describe('the bound of AWS', () => {
  const many = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `old-${index}`);

  test('100 keys are published', () => {
    const plan = planPublishing(publishing(), { jwks: jwks(many(99)), discovery: discovery() });
    expect(applied(plan).ring.keys).toHaveLength(100);
  });

  test('more are refused before AWS refuses them, and nothing is written', () => {
    expect(planPublishing(publishing(), { jwks: jwks(many(100)), discovery: discovery() })).toMatchObject({
      kind: 'refuse',
      reason: 'TooManyKeys',
      message: expect.stringMatching(/101 keys \(1 of them in use\).*goes at 2026-03-02T13:00/),
    });
  });
});
