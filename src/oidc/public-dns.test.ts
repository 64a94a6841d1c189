import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { publicDns } from './public-dns.ts';

const A = 1;
const never = new AbortController().signal;

/**
 * A name server that knows one IPv4 address, and counts questions by name. `rcode` 3: there is no such name. `dropsIpv6`: it
 * does not answer questions for IPv6, as some old ones.
 */
async function nameServer({ rcode = 0, isMute = false, dropsIpv6 = false } = {}) {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (question, { port, address }) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.subarray(at + 1, at + 1 + length).toString());
      at += 1 + length;
    }
    asked.push(labels.join('.'));
    const isIpv4 = question.readUInt16BE(at + 1) === A;
    if (isMute || (dropsIpv6 && !isIpv4)) return;
    const hasAnswer = rcode === 0 && isIpv4;
    const header = Buffer.from([
      ...question.subarray(0, 2),
      0x81,
      0x80 | rcode,
      0,
      1,
      0,
      hasAnswer ? 1 : 0,
      0,
      0,
      0,
      0,
    ]);
    const answer = hasAnswer ? [0xc0, 12, 0, A, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7] : [];
    socket.send(Buffer.concat([header, question.subarray(12, at + 5), Buffer.from(answer)]), port, address);
  });
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
  const dns = publicDns([`127.0.0.1:${socket.address().port}`]);
  return {
    dns,
    asked,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void socket.close(() => resolve())),
  };
}

test('a name is looked up as it is, without search domains', async () => {
  await using server = await nameServer();
  expect(await server.dns('oidc.example.com', never)).toEqual(['192.0.2.7']);
  expect(new Set(server.asked)).toEqual(new Set(['oidc.example.com']));
});

test('hosts of /etc/hosts, which AWS does not have, are not known', async () => {
  await using server = await nameServer({ rcode: 3 });
  expect(await thrownBy(() => server.dns('localhost', never))).toHaveProperty('code', 'ENOTFOUND');
});

test('a name that is not there is told by its code', async () => {
  await using server = await nameServer({ rcode: 3 });
  expect(await thrownBy(() => server.dns('oidc.example.com', never))).toHaveProperty('code', 'ENOTFOUND');
});

test('a server that drops questions for IPv6 costs a second, and not the time that the documents have', async () => {
  await using server = await nameServer({ dropsIpv6: true });
  const started = performance.now();
  expect(await server.dns('oidc.example.com', never)).toEqual(['192.0.2.7']);
  expect(performance.now() - started).toBeLessThan(1_900);
});

test('the signal ends the wait for a server that does not answer', async () => {
  await using server = await nameServer({ isMute: true });
  const started = performance.now();
  expect(await thrownBy(() => server.dns('oidc.example.com', AbortSignal.timeout(50)))).toHaveProperty(
    'code',
    'ECANCELLED',
  );
  expect(performance.now() - started).toBeLessThan(4_000);
});
