import { describe, expect, test } from 'vitest';
import { IssuerUrl, OidcProviderArn } from '../../iam/arn.ts';
import { PolicyDocument } from '../../iam/policy-document.ts';
import { trustPolicy } from '../../iam/trust-policy.ts';
import { trustDifferences } from './trust-difference.ts';

const issuer = (path: string) => ({
  providerArn: OidcProviderArn.parse(`arn:aws:iam::111122223333:oidc-provider/oidc.example.com/${path}/`),
  issuer: IssuerUrl.parse(`https://oidc.example.com/${path}/`),
});
const input = {
  issuers: [issuer('a')] as const,
  audience: 'sts.amazonaws.com',
  namespace: 'analytics',
  serviceAccount: 'reports',
};
const want = trustPolicy(input);

/** The wanted policy with another text in the place of one. */
const having = (from: string, to: string): PolicyDocument => PolicyDocument.parse(want.replaceAll(from, to));
const document = (value: object): PolicyDocument => PolicyDocument.parse(JSON.stringify(value));

test.each([
  { name: 'the same', have: want, says: [] },
  {
    name: 'another spelling of the same',
    have: document({
      Statement: (JSON.parse(want) as { Statement: object[] }).Statement[0] ?? {},
      Version: '2012-10-17',
    }),
    says: [],
  },
  {
    name: 'another ServiceAccount',
    have: having('analytics:reports', 'analytics:other'),
    says: [
      'StringEquals oidc.example.com/a/:sub is "system:serviceaccount:analytics:other", and should be "system:serviceaccount:analytics:reports"',
    ],
  },
  {
    name: 'condition keys without the slash at the end of the issuer',
    have: having('oidc.example.com/a/:', 'oidc.example.com/a:'),
    says: [
      'StringEquals oidc.example.com/a/:aud is missing, and should be "sts.amazonaws.com"',
      'StringEquals oidc.example.com/a/:sub is missing, and should be "system:serviceaccount:analytics:reports"',
      'StringEquals oidc.example.com/a:aud is "sts.amazonaws.com", and should not be there',
      'StringEquals oidc.example.com/a:sub is "system:serviceaccount:analytics:reports", and should not be there',
    ],
  },
  {
    name: 'the provider of another cluster',
    have: having('oidc-provider/oidc.example.com/a/', 'oidc-provider/oidc.example.com/b/'),
    says: [
      'Principal.Federated is "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/b/", and should be "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/a/"',
    ],
  },
  {
    name: 'a blank at the end of the audience',
    have: having('"sts.amazonaws.com"', '"sts.amazonaws.com "'),
    says: ['StringEquals oidc.example.com/a/:aud is "sts.amazonaws.com ", and should be "sts.amazonaws.com"'],
  },
  {
    name: 'a wildcard for all ServiceAccounts',
    have: having('StringEquals', 'StringLike'),
    says: [
      'StringEquals oidc.example.com/a/:aud is missing, and should be "sts.amazonaws.com"',
      'StringEquals oidc.example.com/a/:sub is missing, and should be "system:serviceaccount:analytics:reports"',
      'StringLike oidc.example.com/a/:aud is "sts.amazonaws.com", and should not be there',
      'StringLike oidc.example.com/a/:sub is "system:serviceaccount:analytics:reports", and should not be there',
    ],
  },
  { name: 'a closed door', have: having('"Allow"', '"Deny"'), says: ['Effect is "Deny", and should be "Allow"'] },
  {
    name: 'a role for EC2',
    have: document({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    }),
    says: ['no statement allows sts:AssumeRoleWithWebIdentity to an OIDC provider'],
  },
  {
    name: 'one more statement, for somebody else',
    have: document({
      Version: '2012-10-17',
      Statement: [
        ...(JSON.parse(want) as { Statement: object[] }).Statement,
        { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    }),
    says: ['it has other statements beside the one that is wanted'],
  },
  {
    name: 'text that is no JSON',
    have: PolicyDocument.parse('{'),
    says: ['no statement allows sts:AssumeRoleWithWebIdentity to an OIDC provider'],
  },
])('$name', ({ have, says }) => {
  expect(trustDifferences(want, have)).toEqual(says);
});

describe('while the issuer changes', () => {
  const both = trustPolicy({ ...input, issuers: [issuer('b'), issuer('a')] });
  test.each([
    { name: 'the statement of one is missing', have: want, says: [/^no statement allows it to ".*\/b\/"$/] },
    {
      name: 'the statement of one has another subject',
      have: PolicyDocument.parse(both.replace('analytics:reports', 'analytics:other')),
      says: [/^StringEquals oidc.example.com\/b\/:sub is ".*other", and should be ".*reports"$/],
    },
    {
      name: 'a third one is let in',
      have: trustPolicy({ ...input, issuers: [issuer('c'), issuer('b'), issuer('a')] }),
      says: ['1 more statements allow it'],
    },
  ])('$name', ({ have, says }) => {
    expect(trustDifferences(both, have)).toEqual(
      says.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))),
    );
  });
});
