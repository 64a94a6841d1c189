import 'reflect-metadata';
import { generateKeyPair, type webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** PEM of a certificate and of its private key (PKCS #8). */
export interface KeyAndCertificate {
  readonly certificate: string;
  readonly key: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** A self-signed certificate authority, ECDSA P-256, valid for ten years from `now`. */
export async function createAuthority(now: Date): Promise<KeyAndCertificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=federated-identity development CA',
    ...validity(now, 3650),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await privateKeyPem(keys.privateKey) };
}

export type CertificateRequest =
  | { readonly use: 'server'; readonly commonName: string; readonly hosts: readonly string[] }
  /** Kubernetes takes the user from CN and the groups from O. */
  | { readonly use: 'client'; readonly commonName: string; readonly organization: string };

/** A certificate of the authority, valid for a year from `now`. */
export async function issueCertificate(
  authority: KeyAndCertificate,
  request: CertificateRequest,
  now: Date,
): Promise<KeyAndCertificate> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(authority.key), ALGORITHM, false, [
    'sign',
  ]);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const organization = request.use === 'client' ? [{ O: [request.organization] }] : [];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...organization, { CN: [request.commonName] }],
    issuer: issuer.subject,
    ...validity(now, 365),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        request.use === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth,
      ]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(request.use === 'server' ? [new SubjectAlternativeNameExtension(request.hosts.map(generalName))] : []),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await privateKeyPem(keys.privateKey) };
}

/**
 * Names that the API server's certificate carries: the loopback address, the in-cluster names, and the issuer's
 * host, so that a client can fetch the issuer's discovery document from this API server.
 */
export function servingHosts(issuer: string): readonly string[] {
  const issuerHost = new URL(issuer).hostname;
  return [...new Set(['127.0.0.1', 'localhost', 'kubernetes.default', 'kubernetes.default.svc', issuerHost])];
}

/** PEM of an RSA key of 2048 bits, with which the API server signs ServiceAccount tokens (RS256). */
export async function createTokenSigningKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function generalName(host: string): { type: 'ip' | 'dns'; value: string } {
  return { type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host };
}

/** Dated back by a minute against clocks that differ. */
function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - 60_000), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

/** Random, 63 bits, positive (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
