import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import fc from 'fast-check';
import { createAuthority, issueCertificate } from '../../dev/cluster/certificates.ts';
import { pinnedFetch } from '../../src/oidc/pinned-fetch.ts';
import { checkVerdict } from './text-targets.ts';
import type { FuzzTarget } from './fuzz.ts';

const HOST = 'oidc.example.com';
const DOCUMENT = new URL(`https://${HOST}/.well-known/openid-configuration`);
const MAX_BYTES = 64 * 1024;
const WORDS = [
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 301 Moved\r\n',
  'Content-Length: 2\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Location: https://169.254.169.254/\r\n',
  'Cache-Control: no-store\r\n',
  'Content-Encoding: gzip\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  '\r\n',
  '{}',
  'ffffffff\r\n',
  '0\r\n\r\n',
  '2\r\n{}\r\n',
];

/** A server that speaks TLS and answers each request with the input, byte by byte what it is, and closes. */
export async function fetchTarget(): Promise<FuzzTarget & AsyncDisposable> {
  const authority = await createAuthority(new Date());
  const { certificate, key } = await issueCertificate(
    authority,
    { use: 'server', commonName: HOST, hosts: [HOST] },
    new Date(),
  );
  let answer = '';
  const server = createServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => {}); // whoever asked has given up
    socket.once('data', () => socket.end(Buffer.from(answer)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const fetchDocument = pinnedFetch({
    resolve: async () => ['127.0.0.1'],
    reach: { port, forbidden: () => undefined },
    timeoutMs: 30_000,
  });
  return {
    name: 'fetched-answer',
    words: WORDS,
    likely: fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join('')),
    share: 5,
    check: async (input) => {
      answer = input;
      const fetched = await fetchDocument(DOCUMENT, new AbortController().signal);
      assert.ok(['answered', 'too-large', 'failed'].includes(fetched.kind), fetched.kind);
      if (fetched.kind === 'answered') assert.ok(Buffer.byteLength(fetched.body) <= 3 * MAX_BYTES);
      checkVerdict(fetched, undefined);
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
