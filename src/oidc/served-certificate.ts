import { createHash } from 'node:crypto';
import { isIP, type LookupFunction } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type DetailedPeerCertificate,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';

/** What a server shows of itself in TLS. */
export type ServedCertificate =
  /** By an authority that is trusted publicly, so by AWS too. */
  | { readonly kind: 'trusted' }
  /**
   * AWS compares the top of the chain with thumbprints. `isTrustedHere`: by an authority that whoever installed the operator
   * has it trust (NODE_EXTRA_CA_CERTS), so that nobody on the way can have put in a chain of his own.
   */
  | {
      readonly kind: 'untrusted';
      readonly code: string;
      readonly topThumbprint: string;
      readonly isTrustedHere: boolean;
    }
  | { readonly kind: 'invalid'; readonly why: 'expired' | 'not valid yet' | 'for another name' };

/** Where a certificate was served, to look once more. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly lookup: LookupFunction;
}

/** Trusts the public authorities alone, as Node brings them. Takes some milliseconds to make. */
export const publicTrust = (): SecureContext =>
  createSecureContext({ ca: [...rootCertificates], minVersion: 'TLSv1.2' });

/** Looks at the chain that a server sent over a connection under `publicTrust`. */
export function servedCertificate(socket: TLSSocket, host: string): ServedCertificate {
  const certificate = socket.getPeerCertificate(true);
  if (checkServerIdentity(host, certificate) !== undefined) return { kind: 'invalid', why: 'for another name' };
  const now = Date.now();
  if (Date.parse(certificate.valid_to) < now) return { kind: 'invalid', why: 'expired' };
  if (Date.parse(certificate.valid_from) > now) return { kind: 'invalid', why: 'not valid yet' };
  if (socket.authorized) return { kind: 'trusted' };
  const code = String(socket.authorizationError);
  if (code === 'CERT_HAS_EXPIRED') return { kind: 'invalid', why: 'expired' }; // one further up in the chain
  return { kind: 'untrusted', code, topThumbprint: thumbprintOf(topOf(certificate)), isTrustedHere: false };
}

/** Connects once more, under all authorities that this process trusts, and asks for nothing. */
export function isTrustedHere({ host, port, lookup }: Server, deadline: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, lookup, servername: isIP(host) === 0 ? host : '', minVersion: 'TLSv1.2' });
  const end = (isTrusted: boolean) => (): void => {
    socket.destroy();
    resolve(isTrusted);
  };
  socket.on('secureConnect', end(true));
  socket.on('error', end(false)); // of the certificate, mostly: the connection has just worked
  if (deadline.aborted) end(false)();
  else deadline.addEventListener('abort', end(false), { once: true });
  return promise;
}

/** The last certificate of the served chain; no root of ours can be in it, since none has signed it. */
function topOf(certificate: DetailedPeerCertificate): DetailedPeerCertificate {
  let top = certificate;
  // A self-signed certificate is its own issuer.
  while (top.issuerCertificate !== undefined && top.issuerCertificate.fingerprint256 !== top.fingerprint256)
    top = top.issuerCertificate;
  return top;
}

/** As IAM wants it: SHA-1 of the DER, 40 hex digits (IAM User Guide, "Obtain the thumbprint"). */
const thumbprintOf = ({ raw }: DetailedPeerCertificate): string => createHash('sha1').update(raw).digest('hex');
