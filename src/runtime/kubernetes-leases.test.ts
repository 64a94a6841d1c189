import { KubeConfig } from '@kubernetes/client-node';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { LeaseRecord } from './leader-election.ts';
import { kubernetesLeases } from './kubernetes-leases.ts';

const signal = new AbortController().signal;
const record: LeaseRecord = {
  holderIdentity: 'a',
  leaseDurationSeconds: 15,
  acquireTime: new Date('2026-01-02T03:04:05.678Z'),
  renewTime: new Date('2026-01-02T03:04:06Z'),
  leaseTransitions: 2,
};
const spec = { ...record, acquireTime: '2026-01-02T03:04:05.678000Z', renewTime: '2026-01-02T03:04:06.000000Z' };

/** An API server that answers every request with `status`, and with the body it got or the Lease of above. */
async function setup(status: number) {
  const requests: { method: string | undefined; url: string | undefined; body: unknown }[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body =
      request.method === 'GET' ? { metadata: { name: 'operator', resourceVersion: '7' }, spec } : await json(request);
    requests.push({ method: request.method, url: request.url, body });
    if (status === 0) return;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => void answer(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'test' });
  return { leases: kubernetesLeases(config, 'system'), requests };
}

const collection = '/apis/coordination.k8s.io/v1/namespaces/system/leases';

test('a Lease is read with its version and times', async () => {
  const { leases, requests } = await setup(200);
  expect(await leases.get('operator', signal)).toEqual({ resourceVersion: '7', record });
  expect(requests[0]?.url).toBe(`${collection}/operator`);
});

test('a Lease is created with times in microseconds and no version', async () => {
  const { leases, requests } = await setup(201);
  await leases.create('operator', record, signal);
  expect(requests[0]).toMatchObject({
    method: 'POST',
    url: collection,
    body: { kind: 'Lease', metadata: { name: 'operator' }, spec },
  });
  expect(requests[0]?.body).not.toHaveProperty('metadata.resourceVersion');
});

test('an update carries the version that was read, so that the API server refuses it if it is old', async () => {
  const { leases, requests } = await setup(200);
  await leases.update('operator', { resourceVersion: '7', record: { ...record, holderIdentity: '' } }, signal);
  expect(requests[0]).toMatchObject({
    method: 'PUT',
    url: `${collection}/operator`,
    body: { metadata: { resourceVersion: '7' }, spec: { holderIdentity: '' } },
  });
});

test.each([
  { name: 'a missing Lease is undefined', status: 404, call: 'get' as const },
  { name: 'a lost race for an update is undefined', status: 409, call: 'update' as const },
  { name: 'an update of a deleted Lease is undefined', status: 404, call: 'update' as const },
  { name: 'a lost race for a create is undefined', status: 409, call: 'create' as const },
])('$name', async ({ status, call }) => {
  const { leases } = await setup(status);
  const calls = {
    get: () => leases.get('operator', signal),
    create: () => leases.create('operator', record, signal),
    update: () => leases.update('operator', { resourceVersion: '7', record }, signal),
  };
  expect(await calls[call]()).toBeUndefined();
});

test('a namespace that is missing or a forbidden Lease is an error', async () => {
  await expect((await setup(404)).leases.create('operator', record, signal)).rejects.toMatchObject({ code: 404 });
  await expect((await setup(403)).leases.get('operator', signal)).rejects.toMatchObject({ code: 403 });
});

test('a request that hangs ends with its signal', async () => {
  const { leases, requests } = await setup(0);
  const stop = new AbortController();
  const failure = leases.get('operator', stop.signal).catch((error: unknown) => error);
  await expect.poll(() => requests.length).toBe(1);
  stop.abort();
  expect(await failure).toMatchObject({ name: 'AbortError' });
});
