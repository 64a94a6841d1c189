import { KubeConfig } from '@kubernetes/client-node';
import { once } from 'node:events';
import { createSecureServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '../../dev/cluster/certificates.ts';
import { startTlsServer, type TlsServer } from '../../test/support/tls-server.ts';
import { kubernetesClient } from './client.ts';
import { sharingConnections } from './connection-pool.ts';

const signal = new AbortController().signal;
const startServer = (): Promise<TlsServer> =>
  startTlsServer((_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));

function configOf({ port, caCertificate }: Pick<TlsServer, 'port' | 'caCertificate'>, token = 'token'): KubeConfig {
  const config = new KubeConfig();
  const cluster = { name: 'c', server: `https://127.0.0.1:${port}`, tlsServerName: 'oidc.example.com' };
  const caData = Buffer.from(caCertificate).toString('base64');
  config.loadFromClusterAndUser({ ...cluster, caData, skipTLSVerify: false }, { name: 'u', token });
  return config;
}

test('requests one after the other share their connections, whichever client sends them', async () => {
  await using server = await startServer();
  const config = sharingConnections(configOf(server));
  const clients = [kubernetesClient(config), kubernetesClient(config, 'another-manager')];
  for (let index = 0; index < 6; index += 1) await clients[index % 2]?.getPath('/version', signal);
  expect(server.requests).toHaveLength(6);
  expect(server.connections()).toBeLessThanOrEqual(2); // a second one while the first is not yet given back
  expect(server.requests.at(-1)?.headers['authorization']).toBe('Bearer token');
});

test('another authority is another pool, so that what the old one vouched for is not used on [F10]', async () => {
  await using server = await startServer();
  await using other = await startServer();
  const plain = configOf(server);
  const config = sharingConnections(plain);
  await kubernetesClient(config).getPath('/version', signal);
  const cluster = { ...plain.clusters[0]!, caData: Buffer.from(other.caCertificate).toString('base64') };
  plain.clusters = [cluster];
  await expect(kubernetesClient(config).getPath('/version', signal)).rejects.toThrow();
  expect(server.requests).toHaveLength(1);
});

test('a connection on which answers fail to come is left for another, and what is under way on it may end [F5]', async () => {
  const authority = await createAuthority(new Date());
  const request = { use: 'server', commonName: 'c', hosts: ['oidc.example.com'] } as const;
  const { certificate: cert, key } = await issueCertificate(authority, request, new Date());
  const slow = Promise.withResolvers<void>();
  const sessions: Http2Session[] = [];
  const server = createSecureServer({ cert, key }, (incoming, response) => {
    response.setHeader('content-type', 'application/json');
    if (incoming.url === '/slow') void slow.promise.then(() => response.end('"late"'));
    else response.end('{}');
  });
  server.on('session', (session) => void sessions.push(session));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo; // TCP
  const config = sharingConnections(configOf({ port, caCertificate: authority.certificate }), 50);
  const client = kubernetesClient(config);
  const late = client.getPath('/slow', signal);
  await client.getPath('/version', signal);
  expect(sessions).toHaveLength(1);
  await expect
    .poll(
      async () => {
        await client.getPath('/version', signal);
        return sessions.length;
      },
      { timeout: 30_000 },
    )
    .toBe(2);
  slow.resolve();
  expect(await late).toBe('late');
  for (const session of sessions) session.destroy();
  server.close();
});
