import { generateKeyPair, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import {
  bitString,
  boolean,
  context,
  contextBytes,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

/** What the server of one replica shows to API servers. The key is never written anywhere. */
export interface ServingCertificate {
  /** PEM of the certificate; goes into the `caBundle` of the webhook configuration. */
  readonly certificate: string;
  /** PEM (PKCS #8) of the private key. Secret. */
  readonly key: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface CertificateRequest {
  /** Name of the replica; becomes the common name, by which its older certificates are known. */
  readonly replica: string;
  /** Names and addresses by which API servers call: `<service>.<namespace>.svc`. */
  readonly hosts: readonly string[];
  readonly now: Date;
  readonly lifetimeMs: number;
}

/** OIDs of RFC 5280, RFC 5480 and RFC 5758. */
const OID = {
  commonName: '2.5.4.3',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** API servers whose clock is behind by less than this accept it from the first moment. */
const DATED_BACK_MS = 60_000;
/** Longest common name (RFC 5280, appendix A.1, ub-common-name). */
const MAX_NAME = 64;

/** The common name of a replica's certificates: the end of a long pod name is what tells it from others. */
export const commonNameOf = (replica: string): string => replica.slice(-MAX_NAME);

/**
 * A key (ECDSA P-256) and a certificate that it signs itself. No authority stands behind it: the certificate is its own root in
 * the `caBundle`, which Go's verifier takes for a leaf that is in the pool of roots, and CA:FALSE keeps it from vouching for others.
 */
export async function createServingCertificate(request: CertificateRequest): Promise<ServingCertificate> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const start = request.now.getTime();
  const notBefore = wholeSeconds(start - DATED_BACK_MS);
  const notAfter = wholeSeconds(start + request.lifetimeMs);
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const name = sequence(set(sequence(objectIdentifier(OID.commonName), utf8String(commonNameOf(request.replica)))));
  const toBeSigned = sequence(
    context(0, integer(Buffer.from([2]))), // v3
    integer(serialNumber()),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions(request.hosts))),
  );
  const signature = sign('sha256', toBeSigned, privateKey); // for EC keys in the DER form that X.509 wants
  return {
    certificate: pem(sequence(toBeSigned, algorithm, bitString(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    notBefore,
    notAfter,
  };
}

function extensions(hosts: readonly string[]): readonly Uint8Array[] {
  const critical = boolean(true);
  return [
    extension(OID.basicConstraints, critical, octetString(sequence())), // CA:FALSE is the default, which DER leaves out
    extension(OID.keyUsage, critical, octetString(namedBits(0))), // digitalSignature
    extension(OID.extendedKeyUsage, octetString(sequence(objectIdentifier(OID.serverAuth)))),
    extension(OID.subjectAltName, octetString(sequence(...hosts.map(generalName)))),
  ];
}

const extension = (oid: string, ...rest: readonly Uint8Array[]): Uint8Array => sequence(objectIdentifier(oid), ...rest);

/** `dNSName [2]` or `iPAddress [7]` (RFC 5280, 4.2.1.6). */
function generalName(host: string): Uint8Array {
  switch (isIP(host)) {
    case 4:
      return contextBytes(7, Buffer.from(host.split('.').map(Number)));
    case 6:
      return contextBytes(7, ipv6Bytes(host));
    default:
      return contextBytes(2, Buffer.from(host));
  }
}

/** The URL parser knows all spellings of an address; `::` stands for the groups that are missing. */
function ipv6Bytes(host: string): Uint8Array {
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}

const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));

/** Random and never zero, 127 bits (RFC 5280, 4.1.2.2, allows 20 bytes). */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

const wholeSeconds = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
