import 'reflect-metadata';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import { once } from 'node:events';
import * as x509 from '@peculiar/x509';
import { describe, expect, test } from 'vitest';
import { type CertificateRequest, createServingCertificate } from './serving-certificate.ts';

const now = new Date('2026-03-01T12:00:00.700Z');
const request: CertificateRequest = {
  replica: 'federated-identity-operator-5d9f-abcde',
  hosts: ['webhook.system.svc', '127.0.0.1', '::1', '2001:db8::7:0:1'],
  now,
  lifetimeMs: 86_400_000,
};

describe('a serving certificate', () => {
  test('is what OpenSSL reads as our request, signed by its own key', async () => {
    const { certificate, key } = await createServingCertificate(request);
    const read = new X509Certificate(certificate);
    expect(read.subject).toBe(`CN=${request.replica}`);
    expect(read.issuer).toBe(read.subject);
    expect(read.subjectAltName).toBe(
      'DNS:webhook.system.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:2001:DB8:0:0:0:7:0:1',
    );
    expect(read.validFromDate).toEqual(new Date('2026-03-01T11:59:00Z'));
    expect(read.validToDate).toEqual(new Date('2026-03-02T12:00:00Z'));
    expect(read.ca).toBe(false);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  test('has the extensions of a server that vouches for nobody, as another parser reads them', async () => {
    const { certificate } = await createServingCertificate(request);
    const read = new x509.X509Certificate(certificate);
    const constraints = read.getExtension(x509.BasicConstraintsExtension);
    expect([constraints?.ca, constraints?.critical]).toEqual([false, true]);
    const usage = read.getExtension(x509.KeyUsagesExtension);
    expect([usage?.usages, usage?.critical]).toEqual([x509.KeyUsageFlags.digitalSignature, true]);
    expect(read.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([x509.ExtendedKeyUsage.serverAuth]);
    expect(read.extensions).toHaveLength(4);
    expect(await read.verify({ signatureOnly: true })).toBe(true);
  });

  test.each([
    { year: '2026', expected: new Date('2026-06-01T00:00:00Z') },
    { year: '2049', expected: new Date('2049-06-01T00:00:00Z') },
    { year: '2050', expected: new Date('2050-06-01T00:00:00Z') },
  ])('names the year $year so that it is read as such', async ({ year, expected }) => {
    const until = new Date(`${year}-06-01T00:00:00Z`);
    const { certificate } = await createServingCertificate({ ...request, now: until, lifetimeMs: 0 });
    expect(new X509Certificate(certificate).validToDate).toEqual(expected);
  });

  test('of a replica with a long name keeps the end of it, which tells it from others', async () => {
    const replica = `${'x'.repeat(60)}-5d9f-abcde`;
    const { certificate } = await createServingCertificate({ ...request, replica });
    expect(new X509Certificate(certificate).subject).toBe(`CN=${replica.slice(-64)}`);
  });

  test('has its own serial number and key each time, and a serial number that is positive', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => createServingCertificate(request)));
    const read = made.map(({ certificate }) => new X509Certificate(certificate));
    expect(new Set(read.map(({ serialNumber }) => serialNumber)).size).toBe(20);
    expect(new Set(made.map(({ key }) => key)).size).toBe(20);
    for (const { serialNumber } of read) expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
  });

  test('serves TLS to a client that trusts it alone', async () => {
    const { certificate, key } = await createServingCertificate({ ...request, now: new Date() });
    const server = createServer({ cert: certificate, key, minVersion: 'TLSv1.2' }, (socket) => socket.end('hello'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const socket = connect({ port, host: '127.0.0.1', ca: certificate, servername: 'webhook.system.svc' });
      await once(socket, 'secureConnect');
      expect(socket.authorized).toBe(true);
      socket.destroy();
    } finally {
      server.close();
    }
  });
});
