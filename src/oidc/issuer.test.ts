import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { parseIssuer, readToken } from './issuer.ts';

describe('an issuer that AWS can use is kept byte for byte', () => {
  test.each([
    { name: 'GKE', issuer: 'https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c' },
    {
      name: 'AKS, with its trailing slash',
      issuer: 'https://westeurope.oic.prod-aks.azure.com/11111111-2222/33333333-4444/',
    },
    { name: 'EKS', issuer: 'https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF' },
    { name: 'EKS in China', issuer: 'https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0123' },
    { name: 'a bucket', issuer: 'https://my-oidc.s3.eu-west-1.amazonaws.com/cluster-a' },
    { name: 'a path with a colon, which is no port', issuer: 'https://oidc.example.com/a:1/b' },
    { name: 'a host with upper case', issuer: 'https://OIDC.example.com/X' },
    { name: 'the longest', issuer: `https://oidc.example.com/${'a'.repeat(230)}` },
  ])('$name', ({ issuer }) => {
    expect(parseIssuer(issuer)).toBe(issuer);
  });
});

describe('an issuer that AWS cannot use is refused with what to do', () => {
  test.each([
    {
      name: 'kubeadm, kind and k3s',
      issuer: 'https://kubernetes.default.svc.cluster.local',
      reason: 'IssuerNotPublic',
    },
    { name: 'an old kubeadm', issuer: 'https://kubernetes.default.svc', reason: 'IssuerNotPublic' },
    {
      name: 'a cluster with another domain',
      issuer: 'https://kubernetes.default.svc.corp.example',
      reason: 'IssuerNotPublic',
    },
    { name: 'an old API server', issuer: 'kubernetes/serviceaccount', reason: 'IssuerNotPublic' },
    { name: 'no URL', issuer: 'api', reason: 'IssuerNotPublic' },
    { name: 'nothing', issuer: '', reason: 'IssuerNotPublic' },
    { name: 'http', issuer: 'http://oidc.example.com', reason: 'IssuerNotPublic' },
    { name: 'a port', issuer: 'https://oidc.example.com:6443', reason: 'IssuerHasPort' },
    { name: 'the standard port, written out', issuer: 'https://oidc.example.com:443/', reason: 'IssuerHasPort' },
    { name: 'an IPv4 address', issuer: 'https://192.0.2.1/x', reason: 'IssuerNotPublic' },
    { name: 'an IPv6 address', issuer: 'https://[2001:db8::1]/x', reason: 'IssuerNotPublic' },
    { name: 'localhost', issuer: 'https://localhost', reason: 'IssuerNotPublic' },
    { name: 'a bare host name', issuer: 'https://master', reason: 'IssuerNotPublic' },
    { name: 'an internal name', issuer: 'https://ip-10-0-0-1.compute.internal', reason: 'IssuerNotPublic' },
    { name: 'a query', issuer: 'https://oidc.example.com/?cluster=a', reason: 'IssuerNotPublic' },
    {
      name: 'an internal name as an absolute one',
      issuer: 'https://kubernetes.default.svc.',
      reason: 'IssuerNotPublic',
    },
    { name: 'a fragment', issuer: 'https://oidc.example.com/#a', reason: 'IssuerNotPublic' },
    { name: 'a space', issuer: 'https://oidc.example.com/a b', reason: 'IssuerNotPublic' },
    {
      name: 'more characters than IAM takes',
      issuer: `https://oidc.example.com/${'a'.repeat(232)}`,
      reason: 'IssuerNotPublic',
    },
  ])('$name', async ({ issuer, reason }) => {
    const error = await thrownBy(() => parseIssuer(issuer));
    expect(error).toMatchObject({ reason, disposition: { kind: 'terminal' } });
    expect(error).toHaveProperty('message', expect.stringContaining('--service-account-issuer'));
    expect(error).toHaveProperty('message', expect.stringContaining(issuer));
    expect(String(error).length).toBeLessThan(1024); // of a condition, so that the remedy is not cut
  });
});

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (claims: unknown, header: unknown = {}): string => `${encode(header)}.${encode(claims)}.signature`;

describe('a token of this cluster', () => {
  test('names its issuer, byte for byte, and the key that signed it', () => {
    expect(readToken(token({ iss: 'https://a.example/ü/' }, { kid: 'k1', alg: 'RS256' }))).toEqual({
      issuer: 'https://a.example/ü/',
      key: { kid: 'k1', algorithm: 'RS256' },
    });
  });

  test('may have no kid, as before Kubernetes 1.16', () => {
    expect(readToken(token({ iss: 'https://a.example' })).key).toEqual({ kid: undefined, algorithm: 'none' });
  });

  test.each([
    { name: 'a token without iss', text: token({ sub: 'x' }) },
    { name: 'a token whose iss is no text', text: token({ iss: 1 }) },
    { name: 'a token of null', text: token(null, null) },
    { name: 'no token', text: 'nonsense' },
    { name: 'a token that is no JSON', text: 'e30.!!!.x' },
    { name: 'nothing', text: '' },
  ])('is asked of $name in vain, without the token in the message', async ({ text }) => {
    const error = await thrownBy(() => readToken(text));
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toContain(text === '' ? 'signature' : text);
  });
});
