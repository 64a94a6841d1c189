import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { CLIENT_OPTIONS } from './calls.ts';

afterEach(() => void vi.unstubAllEnvs());

/** A proxy that refuses every tunnel and remembers where it should have led. */
async function refusingProxy(): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer();
  server.on('connect', ({ url = '' }, socket) => {
    asked.push(url);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const call = (): Promise<unknown> => {
  const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'none' };
  const endpoint = 'https://sts.invalid'; // RFC 2606: DNS knows nobody by this name
  const client = new STSClient({ region: 'eu-west-1', credentials, endpoint, ...CLIENT_OPTIONS });
  return client.send(new GetCallerIdentityCommand({}));
};

test('calls to AWS go through HTTPS_PROXY', async () => {
  const proxy = await refusingProxy();
  vi.stubEnv('HTTPS_PROXY', proxy.url);
  await expect(call()).rejects.toThrow('403 Forbidden');
  expect(proxy.asked).toEqual(['sts.invalid:443']);
});

test('NO_PROXY names hosts that are called without it', async () => {
  const proxy = await refusingProxy();
  vi.stubEnv('HTTPS_PROXY', proxy.url);
  vi.stubEnv('NO_PROXY', 'sts.invalid');
  await expect(call()).rejects.toThrow('sts.invalid');
  expect(proxy.asked).toEqual([]);
});
