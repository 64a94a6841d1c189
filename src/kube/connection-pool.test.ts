import { KubeConfig } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { startTlsServer, type TlsServer } from '../../test/support/tls-server.ts';
import { kubernetesClient } from './client.ts';
import { sharingConnections } from './connection-pool.ts';

const signal = new AbortController().signal;
const startServer = (): Promise<TlsServer> =>
  startTlsServer((_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));

function configOf({ port, caCertificate }: TlsServer, token = 'token'): KubeConfig {
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

test('another authority is another pool, so that what the old one vouched for is not used on', async () => {
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
