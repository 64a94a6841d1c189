import { describe, expect, test } from 'vitest';
import { ACCOUNT } from '../../test/support/builders.ts';
import {
  AccountId,
  issuerWithoutScheme,
  IssuerUrl,
  OidcProviderArn,
  oidcProviderArn,
  ownerOfArn,
  Partition,
  PolicyArn,
  RoleArn,
  RoleName,
  RolePath,
} from './arn.ts';

describe('names of IAM', () => {
  test.each([
    {
      schema: AccountId,
      good: ['000000000001'],
      bad: ['1', '1111222233334', '11112222333a', ' 111122223333', '111122223333\n'],
    },
    {
      schema: Partition,
      good: ['aws', 'aws-cn', 'aws-us-gov', 'aws-iso-b', 'aws-eusc'],
      bad: ['', 'AWS', 'aws-', 'gcp', 'aws:'],
    },
    { schema: RoleName, good: ['a', 'A+=,.@-_9', 'a'.repeat(64)], bad: ['', 'a/b', 'a b', 'a'.repeat(65), 'ä', 'a\n'] },
    { schema: RolePath, good: ['/', '/a/', '/a/b/'], bad: ['', 'a', '/a', 'a/', '/ /', `/${'a'.repeat(512)}/`] },
    {
      schema: PolicyArn,
      good: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess', 'arn:aws-cn:iam::111122223333:policy/team/a'],
      bad: [
        'arn:aws:iam::aws:role/x-xxxxxxxxxxx',
        'AmazonS3ReadOnlyAccess',
        'arn:aws:iam::aws:policy/*',
        'arn:gcp:iam::aws:policy/xxxx',
      ],
    },
    {
      schema: RoleArn,
      good: ['arn:aws:iam::111122223333:role/a', 'arn:aws-us-gov:iam::111122223333:role/p/a'],
      bad: [
        'arn:aws:iam::aws:role/a-xxxxxx',
        'arn:aws:sts::111122223333:assumed-role/a',
        'arn:aws:iam::111122223333:role/',
      ],
    },
    {
      schema: OidcProviderArn,
      good: ['arn:aws:iam::111122223333:oidc-provider/x.example/'],
      bad: ['arn:aws:iam::111122223333:saml-provider/x', 'arn:aws:iam::111122223333:oidc-provider/a b'],
    },
    {
      schema: IssuerUrl,
      good: ['https://a.example', 'https://a.example/'],
      bad: ['http://a.example', 'a.example', 'https://', 'https://a b', `https://${'a'.repeat(250)}`],
    },
  ])('are parsed or refused ($good.0)', ({ schema, good, bad }) => {
    expect(good.filter((text) => !schema.safeParse(text).success)).toEqual([]);
    expect(bad.filter((text) => schema.safeParse(text).success)).toEqual([]);
  });
});

describe('the ARN of an OIDC provider', () => {
  test.each([
    {
      name: 'GKE, whose issuer has a path',
      issuer: 'https://container.googleapis.com/v1/projects/p/locations/l/clusters/c',
      path: 'container.googleapis.com/v1/projects/p/locations/l/clusters/c',
    },
    {
      name: 'AKS, whose trailing slash stays',
      issuer: 'https://westeurope.oic.prod-aks.azure.com/t/c/',
      path: 'westeurope.oic.prod-aks.azure.com/t/c/',
    },
  ])('is the issuer without its scheme: $name', ({ issuer, path }) => {
    const url = IssuerUrl.parse(issuer);
    expect(issuerWithoutScheme(url)).toBe(path);
    expect(oidcProviderArn(Partition.parse('aws'), ACCOUNT, url)).toBe(`arn:aws:iam::${ACCOUNT}:oidc-provider/${path}`);
  });

  test('has the partition of the caller [F47]', () => {
    const arn = oidcProviderArn(Partition.parse('aws-cn'), ACCOUNT, IssuerUrl.parse('https://a.example'));
    expect(arn).toMatch(/^arn:aws-cn:/);
  });
});

test.each([
  { arn: 'arn:aws:sts::111122223333:assumed-role/operator/session', partition: 'aws' },
  { arn: 'arn:aws-us-gov:iam::111122223333:user/admin', partition: 'aws-us-gov' },
])('account and partition are read from $arn', ({ arn, partition }) => {
  expect(ownerOfArn(arn)).toEqual({ partition, account: '111122223333' });
});

test.each(['', 'nonsense', 'arn:aws:s3:::bucket'])('an ARN without account is refused: "%s"', (arn) => {
  expect(() => ownerOfArn(arn)).toThrow();
});
