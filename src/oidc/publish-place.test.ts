import { describe, expect, test } from 'vitest';
import { IssuerUrl } from '../iam/arn.ts';
import { bucketUrl, objectKey, placeOf, type PublishTarget, targetUri } from './publish-place.ts';

const target = (fields: Partial<PublishTarget> = {}): PublishTarget => ({
  bucket: 'my-oidc',
  region: 'eu-west-1',
  prefix: 'cluster-a',
  ...fields,
});
const TOP = { prefix: '' };

describe('an issuer that is the address of the bucket', () => {
  test.each([
    ['https://my-oidc.s3.eu-west-1.amazonaws.com/cluster-a', {}],
    ['https://my-oidc.s3.eu-west-1.amazonaws.com/cluster-a/', {}],
    ['https://my-oidc.s3.eu-west-1.amazonaws.com', TOP],
    ['https://my-oidc.s3.dualstack.eu-west-1.amazonaws.com/cluster-a', {}],
    ['https://my-oidc.s3-eu-west-1.amazonaws.com/cluster-a', {}],
    ['https://s3.eu-west-1.amazonaws.com/my-oidc/cluster-a', {}],
    ['https://s3.eu-west-1.amazonaws.com/my.oidc', { bucket: 'my.oidc', ...TOP }],
    ['https://my-oidc.s3.amazonaws.com/cluster-a', { region: 'us-east-1' }],
    ['https://my-oidc.s3.cn-north-1.amazonaws.com.cn/cluster-a', { region: 'cn-north-1' }],
    ['https://my-oidc.s3.us-gov-west-1.amazonaws.com/a/b', { region: 'us-gov-west-1', prefix: 'a/b' }],
  ])('%s', (issuer, fields) => {
    expect(placeOf(IssuerUrl.parse(issuer), target(fields))).toEqual({ kind: 'bucket' });
  });
});

describe('an issuer of S3 that never serves these objects', () => {
  test.each([
    [
      'https://other.s3.eu-west-1.amazonaws.com/cluster-a',
      {},
      'its bucket is "other", but that of spec.issuer.publish.s3 is "my-oidc"',
    ],
    ['https://my-oidc.s3.us-east-1.amazonaws.com/cluster-a', {}, 'its region is "us-east-1"'],
    ['https://my-oidc.s3.amazonaws.com/cluster-a', {}, 'its region is "us-east-1"'],
    ['https://my-oidc.s3.eu-west-1.amazonaws.com', {}, 'its prefix is ""'],
    ['https://my-oidc.s3.eu-west-1.amazonaws.com/Cluster-A', {}, 'its prefix is "Cluster-A"'],
    ['https://my.oidc.s3.eu-west-1.amazonaws.com', { bucket: 'my.oidc', ...TOP }, 'certificate'],
    ['https://my-oidc.s3-website-eu-west-1.amazonaws.com', TOP, 'HTTPS'],
    ['https://my-oidc.s3-website.eu-central-1.amazonaws.com', TOP, 'HTTPS'],
  ])('%s', (issuer, fields, why) => {
    expect(placeOf(IssuerUrl.parse(issuer), target(fields))).toMatchObject({
      kind: 'mismatch',
      why: expect.stringContaining(why),
    });
  });
});

test.each([
  'https://d111111abcdef8.cloudfront.net',
  'https://oidc.example.com/cluster-a',
  'https://s3.example.com/my-oidc',
  'https://s3.eu-west-1.amazonaws.com.example.com/my-oidc',
])('an issuer of another host is served elsewhere: %s', (issuer) => {
  expect(placeOf(IssuerUrl.parse(issuer), target())).toEqual({ kind: 'elsewhere', host: new URL(issuer).host });
});

test.each([
  [{}, 'https://my-oidc.s3.eu-west-1.amazonaws.com/cluster-a'],
  [TOP, 'https://my-oidc.s3.eu-west-1.amazonaws.com'],
  [{ bucket: 'my.oidc' }, 'https://s3.eu-west-1.amazonaws.com/my.oidc/cluster-a'],
  [{ region: 'cn-north-1' }, 'https://my-oidc.s3.cn-north-1.amazonaws.com.cn/cluster-a'],
  [{ region: 'eusc-de-east-1' }, 'https://my-oidc.s3.eusc-de-east-1.amazonaws.eu/cluster-a'],
])('the issuer to configure for %j is %s, and it is the bucket', (fields, url) => {
  expect(bucketUrl(target(fields))).toBe(url);
  expect(placeOf(IssuerUrl.parse(url), target(fields))).toEqual({ kind: 'bucket' });
});

test('keys and names of the place', () => {
  expect(objectKey(target(), '/openid/v1/jwks')).toBe('cluster-a/openid/v1/jwks');
  expect(objectKey(target(TOP), '/openid/v1/jwks')).toBe('openid/v1/jwks');
  expect([targetUri(target()), targetUri(target(TOP))]).toEqual(['s3://my-oidc/cluster-a', 's3://my-oidc']);
});
