import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ISSUER, PROVIDER_ARN } from '../../test/support/builders.ts';
import { IssuerUrl, OidcProviderArn } from './arn.ts';
import { closedTrustPolicy, subject, trustPolicy, type TrustPolicyInput } from './trust-policy.ts';

const input = (fields: Partial<TrustPolicyInput> = {}): TrustPolicyInput => ({
  issuers: [{ providerArn: PROVIDER_ARN, issuer: ISSUER }],
  audience: 'sts.amazonaws.com',
  namespace: 'analytics',
  serviceAccount: 'reports',
  ...fields,
});

const conditionOf = (fields: Partial<TrustPolicyInput> = {}): unknown =>
  JSON.parse(trustPolicy(input(fields))).Statement[0].Condition;

test('even with the longest names it stays below the 2048 characters that IAM takes by default [F36]', () => {
  const issuer = IssuerUrl.parse(`https://${'i'.repeat(247)}`);
  const providerArn = OidcProviderArn.parse(`arn:aws-us-gov:iam::111122223333:oidc-provider/${'i'.repeat(247)}`);
  const longest = {
    issuers: [{ issuer, providerArn }] as const,
    audience: 'a'.repeat(255),
    namespace: 'n'.repeat(63),
    serviceAccount: 's'.repeat(253),
  };
  expect(trustPolicy(longest).length).toBeLessThan(2048);
});

describe('the trust policy', () => {
  test('lets in one ServiceAccount with one audience, and says nothing else', () => {
    expect(JSON.parse(trustPolicy(input()))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: 'arn:aws:iam::111122223333:oidc-provider/oidc.example.com/cluster-a' },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: {
              'oidc.example.com/cluster-a:aud': 'sts.amazonaws.com',
              'oidc.example.com/cluster-a:sub': 'system:serviceaccount:analytics:reports',
            },
          },
        },
      ],
    });
  });

  test('has a statement for each issuer, with conditions of its own and the same subject', () => {
    const former = {
      providerArn: OidcProviderArn.parse('arn:aws:iam::111122223333:oidc-provider/former.example.com'),
      issuer: IssuerUrl.parse('https://former.example.com'),
    };
    const both = JSON.parse(trustPolicy(input({ issuers: [{ providerArn: PROVIDER_ARN, issuer: ISSUER }, former] })));
    expect(both.Statement).toEqual([
      JSON.parse(trustPolicy(input())).Statement[0],
      JSON.parse(trustPolicy(input({ issuers: [former] }))).Statement[0],
    ]);
  });

  test.each([
    { name: 'demands the subject, else each ServiceAccount of the cluster could assume the role', key: 'sub' },
    { name: 'demands the audience, else a token for another service could be used', key: 'aud' },
  ])('$name', ({ key }) => {
    expect(conditionOf()).toHaveProperty(['StringEquals', `oidc.example.com/cluster-a:${key}`]);
  });

  test('keeps the trailing slash of an AKS issuer in the condition keys', () => {
    const issuer = IssuerUrl.parse('https://westeurope.oic.prod-aks.azure.com/tenant/cluster/');
    expect(conditionOf({ issuers: [{ providerArn: PROVIDER_ARN, issuer }] })).toEqual({
      StringEquals: {
        'westeurope.oic.prod-aks.azure.com/tenant/cluster/:aud': 'sts.amazonaws.com',
        'westeurope.oic.prod-aks.azure.com/tenant/cluster/:sub': 'system:serviceaccount:analytics:reports',
      },
    });
  });

  test('never matches by pattern, whatever the names are [F70 S3]', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '-', '.', '*', '?', '"', '\\', '$', '{'), minLength: 1 });
    fc.assert(
      fc.property(name, name, (namespace, serviceAccount) => {
        const condition = conditionOf({ namespace, serviceAccount });
        expect(condition).toEqual({
          StringEquals: {
            'oidc.example.com/cluster-a:aud': 'sts.amazonaws.com',
            'oidc.example.com/cluster-a:sub': subject(namespace, serviceAccount),
          },
        });
      }),
    );
  });
});

test('a closed trust policy denies whom it let in, and is the same otherwise', () => {
  const open = trustPolicy(input());
  const { Statement, ...others } = JSON.parse(open) as { readonly Statement: readonly object[] };
  expect(JSON.parse(closedTrustPolicy(open))).toEqual({
    ...others,
    Statement: Statement.map((statement) => ({ ...statement, Effect: 'Deny' })),
  });
});
