import { describe, expect, test } from 'vitest';
import { ISSUER, PROVIDER_ARN, providerOwner, providerSpec, thrownBy } from '../../../test/support/builders.ts';
import { IssuerUrl, Partition } from '../../iam/arn.ts';
import { ownerTags } from '../../iam/tags.ts';
import { acceptedIssuer, desiredProvider } from './desired.ts';

const AKS = 'https://westeurope.oic.prod-aks.azure.com/tenant/cluster/';
const spec = (url?: string) => providerSpec(url === undefined ? {} : { issuer: { url } });

describe('the issuer', () => {
  test.each([
    { name: 'of the tokens is taken where the spec says nothing', wanted: undefined, tokens: ISSUER },
    { name: 'of the tokens may be repeated in the spec', wanted: ISSUER, tokens: ISSUER },
    { name: 'keeps its trailing slash', wanted: undefined, tokens: AKS },
  ])('$name', ({ wanted, tokens }) => {
    expect(acceptedIssuer(spec(wanted), tokens)).toBe(tokens);
  });

  test.each([
    { name: 'another issuer', wanted: 'https://other.example', hint: false },
    { name: 'the same without its slash', wanted: AKS.slice(0, -1), hint: true },
    { name: 'the same in another case', wanted: AKS.replace('west', 'West'), hint: false },
  ])('that the spec contradicts is refused: $name [F65]', async ({ wanted, hint }) => {
    const error = await thrownBy(() => acceptedIssuer(spec(wanted), AKS));
    expect(error).toMatchObject({
      reason: 'IssuerMismatch',
      disposition: { kind: 'terminal' },
      message: expect.stringContaining(
        `spec.issuer.url is ${wanted}, but the tokens of this cluster are issued by ${AKS}`,
      ),
    });
    expect(String(error).includes('trailing slash')).toBe(hint);
  });

  test('that AWS cannot use is refused, though spec and tokens agree', async () => {
    const url = 'https://kubernetes.default.svc.cluster.local';
    expect(await thrownBy(() => acceptedIssuer(spec(url), url))).toMatchObject({ reason: 'IssuerNotPublic' });
  });
});

const desired = (fields: object = {}) =>
  desiredProvider(providerSpec(fields), ISSUER, Partition.parse('aws'), providerOwner());

describe('the OIDC provider that is asked for', () => {
  test('has the audience of STS and our tags, and leaves the thumbprints to IAM', () => {
    expect(desired()).toEqual({
      arn: PROVIDER_ARN,
      issuer: ISSUER,
      clientIds: new Set(['sts.amazonaws.com']),
      thumbprints: undefined,
      tags: ownerTags(providerOwner()),
    });
  });

  test('has thumbprints in lower case, as IAM keeps them', () => {
    expect(desired({ thumbprints: ['A'.repeat(40)] }).thumbprints).toEqual(['a'.repeat(40)]);
  });

  test('has an ARN of the partition of the caller', () => {
    const arn = desiredProvider(providerSpec(), IssuerUrl.parse(AKS), Partition.parse('aws-cn'), providerOwner()).arn;
    expect(arn).toBe('arn:aws-cn:iam::111122223333:oidc-provider/westeurope.oic.prod-aks.azure.com/tenant/cluster/');
  });
});

test.each([
  { wanted: 'https://other.example', says: `${AKS}. Leave` },
  { wanted: AKS.slice(0, -1), says: `${AKS}. They differ only in the trailing slash, which counts. Leave` },
])('what is said of $wanted', async ({ wanted, says }) => {
  expect(await thrownBy(() => acceptedIssuer(spec(wanted), AKS))).toMatchObject({
    message: expect.stringContaining(says),
  });
});

test('a slash too many in the spec is told, too', async () => {
  const error = await thrownBy(() => acceptedIssuer(spec(`${ISSUER}/`), ISSUER));
  expect(error).toMatchObject({ message: expect.stringContaining('trailing slash') });
});
