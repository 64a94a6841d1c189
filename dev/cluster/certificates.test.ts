import { X509Certificate, createPrivateKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type KeyAndCertificate,
  createAuthority,
  createTokenSigningKey,
  issueCertificate,
  servingHosts,
} from './certificates.ts';

const now = new Date('2026-11-24T12:00:00Z');
const issuer = 'https://oidc.test.example/path';

describe('certificates', () => {
  let authority: KeyAndCertificate;
  let server: X509Certificate;
  let client: X509Certificate;
  beforeAll(async () => {
    authority = await createAuthority(now);
    const hosts = servingHosts(issuer);
    const serving = await issueCertificate(authority, { use: 'server', commonName: 'kube-apiserver', hosts }, now);
    server = new X509Certificate(serving.certificate);
    const admin = { use: 'client', commonName: 'admin', organization: 'system:masters' } as const;
    client = new X509Certificate((await issueCertificate(authority, admin, now)).certificate);
  });

  test.each(['oidc.test.example', 'localhost', 'kubernetes.default.svc'])('the API server is %s', (host) => {
    expect(server.checkHost(host)).toBe(host);
  });

  test('the API server is 127.0.0.1 by an IP entry: clients ignore a DNS entry with an address', () => {
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  });

  test('the API server is nobody else', () => {
    expect(server.checkHost('sts.amazonaws.com')).toBeUndefined();
  });

  test('both leaves are signed by the authority and are no authority themselves', () => {
    const ca = new X509Certificate(authority.certificate);
    for (const leaf of [server, client]) {
      expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
      expect(leaf.ca).toBe(false);
    }
    expect(ca.ca).toBe(true);
  });

  test('keys are ECDSA P-256, and the private key is the certificate’s', async () => {
    expect(server.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(new X509Certificate(authority.certificate).checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
  });

  test('a client certificate carries user and group as Kubernetes reads them, for clients only', () => {
    expect(client.subject.split('\n').toSorted()).toEqual(['CN=admin', 'O=system:masters']);
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test('a certificate is valid from a minute ago, for a year', () => {
    expect(server.validFromDate).toEqual(new Date('2026-11-24T11:59:00Z'));
    expect(server.validToDate).toEqual(new Date('2027-11-24T12:00:00Z'));
  });
});

test('the token signing key is RSA 2048, as AWS accepts RS256 from every cluster', async () => {
  const key = createPrivateKey(await createTokenSigningKey());
  expect([key.asymmetricKeyType, key.asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 2048]);
});
