import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { identity, thrownBy } from '../../test/support/builders.ts';
import { type KubernetesClient, kubernetesClient, metadataWatch } from './client.ts';
import { ApiError } from './errors.ts';
import { IDENTITIES, SERVICE_ACCOUNTS } from './kinds.ts';

const signal = new AbortController().signal;
const name = { namespace: 'analytics', name: 'reports' };

interface Received {
  readonly method: string | undefined;
  readonly url: URL;
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly body: unknown;
}

interface Answer {
  readonly code?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client, and an API server that gives an answer to each request and remembers all of them. */
async function connect(answer: (request: Received) => Answer | undefined) {
  const received: Received[] = [];
  const server = createServer((request, response) => void handle(request, response));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = await request.toArray();
    const text = Buffer.concat(chunks).toString();
    const one: Received = {
      method: request.method,
      url: new URL(request.url ?? '', 'http://server'),
      contentType: request.headers['content-type'],
      accept: request.headers.accept,
      body: text === '' ? undefined : JSON.parse(text),
    };
    received.push(one);
    const given = answer(one);
    if (given === undefined) return; // never answers
    const { code = 200, body = {}, headers = {} } = given;
    response.writeHead(code, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const config = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  config.loadFromClusterAndUser({ name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true }, { name: 'u' });
  return { client: kubernetesClient(config), config, received };
}

describe('each request', () => {
  const requests: readonly { title: string; send: (client: KubernetesClient) => Promise<unknown>; expected: object }[] =
    [
      {
        title: 'get',
        send: (client) => client.get(IDENTITIES, name, signal),
        expected: { method: 'GET', body: undefined },
      },
      {
        title: 'create names the field manager and the kind',
        send: (client) => client.create(IDENTITIES, identity(), signal),
        expected: {
          method: 'POST',
          contentType: 'application/json',
          body: { apiVersion: 'federatedidentity.dev/v1alpha1', kind: 'AwsFederatedIdentity' },
        },
      },
      {
        title: 'apply is server-side',
        send: (client) => client.apply(IDENTITIES, { metadata: name }, signal),
        expected: {
          method: 'PATCH',
          contentType: 'application/apply-patch+yaml',
          body: { apiVersion: 'federatedidentity.dev/v1alpha1', kind: 'AwsFederatedIdentity', metadata: name },
        },
      },
      {
        title: 'mergePatch keeps null, which removes a key',
        send: (client) => client.mergePatch(IDENTITIES, name, { data: { gone: null } }, signal),
        expected: { method: 'PATCH', contentType: 'application/merge-patch+json', body: { data: { gone: null } } },
      },
      {
        title: 'delete names the very object',
        send: (client) => client.delete(IDENTITIES, name, { uid: 'u', resourceVersion: '7' }, signal),
        expected: {
          method: 'DELETE',
          body: { kind: 'DeleteOptions', preconditions: { uid: 'u', resourceVersion: '7' } },
        },
      },
    ];

  test.each(requests)('$title', async ({ send, expected }) => {
    const { client, received } = await connect(() => ({}));
    await send(client);
    expect(received).toMatchObject([expected]);
  });

  test.each([
    {
      title: 'apply',
      path: '/reports',
      search: '?fieldManager=federatedidentity.dev%2Foperator',
      how: 'never forces, so that a conflict is seen',
      send: (client: KubernetesClient) => client.apply(IDENTITIES, { metadata: name }, signal),
    },
    {
      title: 'applyStatus',
      path: '/reports/status',
      search: '?fieldManager=federatedidentity.dev%2Foperator&force=true',
      how: 'takes back what somebody else wrote',
      send: (client: KubernetesClient) => client.applyStatus(IDENTITIES, { metadata: name }, signal),
    },
  ])('$title names the field manager, and $how', async ({ path, search, send }) => {
    const { client, received } = await connect(() => ({}));
    await send(client);
    expect(received[0]?.url.pathname).toBe(
      `/apis/federatedidentity.dev/v1alpha1/namespaces/analytics/awsfederatedidentities${path}`,
    );
    expect(received[0]?.url.search).toBe(search);
  });

  test('for metadata asks for no more, in a list and in a watch, and takes no list at all for an empty one', async () => {
    const { client, config, received } = await connect(() => ({
      body: { items: null, metadata: { resourceVersion: '7' } },
    }));
    const pages = await Array.fromAsync(client.pages(SERVICE_ACCOUNTS, { metadataOnly: true }, signal));
    expect(pages).toEqual([{ items: [], resourceVersion: '7' }]);
    await new Promise((done) => {
      void metadataWatch(config).watch('/api/v1/serviceaccounts', {}, () => {}, done);
    });
    expect(received.map(({ accept }) => accept)).toEqual([
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    ]);
  });

  test('to a subresource has its path', async () => {
    const { client, received } = await connect(() => ({ body: { status: { token: 't' } } }));
    const request = { path: 'token', kind: 'TokenRequest' };
    expect(await client.createSubresource(SERVICE_ACCOUNTS, name, request, signal)).toEqual({ status: { token: 't' } });
    expect(received[0]?.url.pathname).toBe('/api/v1/namespaces/analytics/serviceaccounts/reports/token');
    expect(received[0]?.body).toEqual({ kind: 'TokenRequest' });
  });
});

test('a list is read page by page to its end, and has the version of the last page', async () => {
  const pages: Readonly<Record<string, object>> = {
    '': { items: [{ metadata: { name: 'a' } }], metadata: { resourceVersion: '5', continue: 'a b&c' } },
    'a b&c': { items: [{ metadata: { name: 'b' } }], metadata: { resourceVersion: '5' } },
  };
  const { client, received } = await connect(({ url }) => ({ body: pages[url.searchParams.get('continue') ?? ''] }));
  const { items, resourceVersion } = await client.list(IDENTITIES, { labelSelector: 'team=a' }, signal);
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  expect(resourceVersion).toBe('5');
  expect(received.map(({ url }) => [url.searchParams.get('limit'), url.searchParams.get('labelSelector')])).toEqual([
    ['500', 'team=a'],
    ['500', 'team=a'],
  ]);
});

test('pages come one by one, of a namespace, and perhaps as metadata', async () => {
  const { client, received } = await connect(({ url }) => ({
    body: {
      items: [{}],
      metadata: { resourceVersion: '5', ...(!url.searchParams.has('continue') && { continue: 'b' }) },
    },
  }));
  const requests: number[] = [];
  const query = { namespace: 'analytics', fieldSelector: 'a!=b', metadataOnly: true };
  for await (const { items } of client.pages(SERVICE_ACCOUNTS, query, signal))
    requests.push(items.length, received.length);
  expect(requests, 'the second is asked for when the first has been looked at').toEqual([1, 1, 1, 2]);
  expect(received[0]?.url.pathname).toBe('/api/v1/namespaces/analytics/serviceaccounts');
  expect([...(received[0]?.url.searchParams.keys() ?? [])]).toEqual(['fieldSelector', 'limit']);
  expect(received[0]?.accept).toContain('as=PartialObjectMetadataList');
});

describe('a failure', () => {
  const refused = { kind: 'Status', reason: 'NotFound', message: 'serviceaccounts "x" not found' };

  test.each([
    {
      title: 'has the reason and the message of the Status',
      answer: { code: 404, body: refused },
      expected: { code: 404, statusReason: 'NotFound', message: refused.message },
    },
    {
      title: 'of a proxy shows no body, which can be a page',
      answer: { code: 502, body: '<html>secret</html>' },
      expected: { code: 502, statusReason: '', message: 'HTTP 502' },
    },
    {
      title: 'with an empty body',
      answer: { code: 500, body: '' },
      expected: { code: 500, message: 'HTTP 500' },
    },
    {
      title: 'asks for patience in seconds',
      answer: { code: 429, body: {}, headers: { 'retry-after': '3' } },
      expected: { code: 429, retryAfterMs: 3_000 },
    },
    {
      title: 'asks for patience by a date, which is not understood and no reason to fail',
      answer: { code: 503, body: {}, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } },
      expected: { code: 503, retryAfterMs: undefined },
    },
  ])('$title', async ({ answer, expected }) => {
    const { client } = await connect(() => answer);
    const error = await thrownBy(() => client.get(SERVICE_ACCOUNTS, name, signal));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject(expected);
  });

  test('of the network is an error, and no ApiError', async () => {
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'c', server: 'http://127.0.0.1:1', skipTLSVerify: true }, { name: 'u' });
    const error = await thrownBy(() => kubernetesClient(config).get(SERVICE_ACCOUNTS, name, signal));
    expect(error).not.toBeInstanceOf(ApiError);
  });

  test('without a current cluster says what to set', async () => {
    const client = kubernetesClient(new KubeConfig());
    await expect(client.get(SERVICE_ACCOUNTS, name, signal)).rejects.toThrow('KUBECONFIG');
  });
});

test('a request that gets no answer ends with its signal [F6]', async () => {
  const stop = new AbortController();
  const { client } = await connect(() => {
    stop.abort(new Error('leadership is lost'));
    return undefined;
  });
  await expect(client.get(SERVICE_ACCOUNTS, name, stop.signal)).rejects.toThrow();
});
