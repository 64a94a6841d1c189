import { createHash, X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate } from '../../dev/cluster/certificates.ts';

/** A web server with a certificate of an authority of its own, on a free port of the loopback address. */
export interface TlsServer extends AsyncDisposable {
  readonly port: number;
  /** `method path`, with the headers that came in. */
  readonly requests: { readonly line: string; readonly headers: NodeJS.Dict<string | string[]> }[];
  /** TCP connections that were made. */
  readonly connections: () => number;
  /** PEM. */
  readonly caCertificate: string;
  /** SHA-1 of the authority's certificate, and of the server's own. */
  readonly thumbprints: { readonly authority: string; readonly server: string };
}

interface TlsServerOptions {
  readonly host?: string;
  readonly address?: string;
  /** When the certificate was made; it is good for a year. */
  readonly certifiedAt?: Date;
  /** Whether the authority's certificate is served too. */
  readonly servesChain?: boolean;
}

export async function startTlsServer(answer: RequestListener, options: TlsServerOptions = {}): Promise<TlsServer> {
  const { host = 'oidc.example.com', address = '127.0.0.1', certifiedAt = new Date(), servesChain = true } = options;
  const authority = await createAuthority(certifiedAt);
  const certified = await issueCertificate(authority, { use: 'server', commonName: host, hosts: [host] }, certifiedAt);
  const requests: TlsServer['requests'] = [];
  let connections = 0;
  const cert = servesChain ? `${certified.certificate}\n${authority.certificate}` : certified.certificate;
  const server = createServer({ cert, key: certified.key }, (request, response) => {
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    answer(request, response);
  });
  server.on('connection', () => void (connections += 1));
  await new Promise<void>((resolve) => void server.listen(0, address, resolve));
  const thumbprint = (pem: string): string => createHash('sha1').update(new X509Certificate(pem).raw).digest('hex');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections: () => connections,
    caCertificate: authority.certificate,
    thumbprints: { authority: thumbprint(authority.certificate), server: thumbprint(certified.certificate) },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
