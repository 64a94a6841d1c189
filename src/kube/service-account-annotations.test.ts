import { expect, test } from 'vitest';
import { annotatedInjection } from './service-account-annotations.ts';

const ROLE = 'arn:aws:iam::111122223333:role/by-hand';
const defaults = {
  annotationPrefix: 'eks.amazonaws.com',
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 86_400,
  region: 'eu-west-1',
};
const ofDefaults = {
  roleArn: ROLE,
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 86_400,
  region: 'eu-west-1',
  stsRegionalEndpoints: true,
};

const annotated = (annotations: Readonly<Record<string, string>>) => ({ metadata: { name: 'app', annotations } });
const withRole = (suffix: string, value: string) =>
  annotated({ 'eks.amazonaws.com/role-arn': ROLE, [`eks.amazonaws.com/${suffix}`]: value });

test.each([
  { name: 'no annotation at all', annotations: {} },
  { name: 'an empty role', annotations: { 'eks.amazonaws.com/role-arn': '' } },
  { name: 'an audience without a role', annotations: { 'eks.amazonaws.com/audience': 'own' } },
  { name: 'a role of another prefix', annotations: { 'own.example/role-arn': ROLE } },
])('$name gives nothing', ({ annotations }) => {
  expect(annotatedInjection(annotated(annotations), defaults)).toEqual({ kind: 'none' });
});

test('an object without a map of annotations gives nothing', () => {
  expect(annotatedInjection({ metadata: { name: 'app' } }, defaults)).toEqual({ kind: 'none' });
});

test.each([
  { suffix: 'role-arn', value: ROLE, expected: {} },
  {
    suffix: 'role-arn',
    value: `${ROLE.replace('aws', 'aws-us-gov')}`,
    expected: { roleArn: 'arn:aws-us-gov:iam::111122223333:role/by-hand' },
  },
  {
    suffix: 'role-arn',
    value: 'arn:aws:iam::111122223333:role/a/path/x',
    expected: { roleArn: 'arn:aws:iam::111122223333:role/a/path/x' },
  },
  { suffix: 'audience', value: 'own', expected: { audience: 'own' } },
  { suffix: 'audience', value: '', expected: {} },
  { suffix: 'token-expiration', value: '3600', expected: { tokenExpirationSeconds: 3600 } },
  { suffix: 'token-expiration', value: '10', expected: { tokenExpirationSeconds: 600 } },
  { suffix: 'token-expiration', value: '0', expected: { tokenExpirationSeconds: 600 } },
  { suffix: 'token-expiration', value: '86401', expected: { tokenExpirationSeconds: 86_400 } },
  { suffix: 'token-expiration', value: '99999999999999999999', expected: {} },
  { suffix: 'token-expiration', value: '1h', expected: {} },
  { suffix: 'token-expiration', value: '-3600', expected: {} },
  { suffix: 'token-expiration', value: '', expected: {} },
  { suffix: 'sts-regional-endpoints', value: 'false', expected: { stsRegionalEndpoints: false } },
  { suffix: 'sts-regional-endpoints', value: 'F', expected: { stsRegionalEndpoints: false } },
  { suffix: 'sts-regional-endpoints', value: '0', expected: { stsRegionalEndpoints: false } },
  { suffix: 'sts-regional-endpoints', value: 'true', expected: {} },
  { suffix: 'sts-regional-endpoints', value: 'no', expected: {} },
  { suffix: 'region', value: 'us-east-1', expected: {} },
])('$suffix "$value" changes $expected', ({ suffix, value, expected }) => {
  const injection = { ...ofDefaults, ...expected };
  expect(annotatedInjection(withRole(suffix, value), defaults)).toEqual({ kind: 'injection', injection });
});

test.each([
  { own: 'us-east-1', fallback: 'eu-west-1', expected: 'us-east-1' },
  { own: '', fallback: 'eu-west-1', expected: 'eu-west-1' },
  { own: undefined, fallback: undefined, expected: undefined },
])('the region is $expected of our annotation "$own" and the default $fallback', ({ own, fallback, expected }) => {
  const region = own === undefined ? {} : { 'federatedidentity.dev/region': own };
  const given = annotatedInjection(annotated({ 'eks.amazonaws.com/role-arn': ROLE, ...region }), {
    ...defaults,
    region: fallback,
  });
  expect(given).toMatchObject({ injection: { region: expected } });
});

test.each([
  { annotations: { 'eks.amazonaws.com/role-arn': 'by-hand' }, key: 'eks.amazonaws.com/role-arn', value: 'by-hand' },
  { annotations: { 'eks.amazonaws.com/role-arn': `${ROLE} ` }, key: 'eks.amazonaws.com/role-arn', value: `${ROLE} ` },
  {
    annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/x' },
    key: 'eks.amazonaws.com/role-arn',
    value: '1:role/x',
  },
  {
    annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::111122223333:user/x' },
    key: 'eks.amazonaws.com/role-arn',
    value: ':user/x',
  },
  {
    annotations: { 'eks.amazonaws.com/role-arn': ROLE, 'eks.amazonaws.com/audience': 'a b' },
    key: 'eks.amazonaws.com/audience',
    value: 'a b',
  },
  {
    annotations: { 'eks.amazonaws.com/role-arn': ROLE, 'eks.amazonaws.com/audience': 'x'.repeat(256) },
    key: 'eks.amazonaws.com/audience',
    value: `${'x'.repeat(100)}…", but must be at most 255 characters`,
  },
  {
    annotations: { 'eks.amazonaws.com/role-arn': ROLE, 'federatedidentity.dev/region': 'eu\nwest' },
    key: 'federatedidentity.dev/region',
    value: 'eu\nwest',
  },
])('$annotations is refused by the name of $key', ({ annotations, key, value }) => {
  const given = annotatedInjection(annotated(annotations), defaults);
  expect(given).toMatchObject({ kind: 'invalid', problem: expect.stringContaining(`Annotation ${key} is "`) });
  expect(given).toMatchObject({ problem: expect.stringContaining(value) });
  expect(given).toMatchObject({ problem: expect.stringMatching(/Correct or remove it\.$/) });
});

test('a prefix of its own takes the place of eks.amazonaws.com', () => {
  const given = annotatedInjection(annotated({ 'own.example/role-arn': ROLE }), {
    ...defaults,
    annotationPrefix: 'own.example',
  });
  expect(given).toEqual({ kind: 'injection', injection: ofDefaults });
});
