import { expect, test } from 'vitest';
import { identity } from '../../test/support/builders.ts';
import type { KubernetesClient } from './client.ts';
import { fencedWrites } from './fenced-writes.ts';
import { IDENTITIES } from './kinds.ts';

const signal = new AbortController().signal;
const name = { namespace: 'analytics', name: 'reports' };

test.each<{ title: string; write: (client: KubernetesClient) => Promise<unknown> }>([
  { title: 'create', write: (client) => client.create(IDENTITIES, identity(), signal) },
  { title: 'apply', write: (client) => client.apply(IDENTITIES, { metadata: name }, signal) },
  { title: 'applyStatus', write: (client) => client.applyStatus(IDENTITIES, { metadata: name }, signal) },
  { title: 'mergePatch', write: (client) => client.mergePatch(IDENTITIES, name, {}, signal) },
  { title: 'delete', write: (client) => client.delete(IDENTITIES, name, {}, signal) },
])('$title is not sent by a replica that leads no more [F14]', async ({ write }) => {
  let sent = 0;
  const api = new Proxy({} as KubernetesClient, { get: () => async () => void (sent += 1) });
  let isLeading = true;
  const client = fencedWrites(api, () => {
    if (!isLeading) throw new Error('leads no more');
  });
  await write(client);
  isLeading = false;
  await expect(write(client)).rejects.toThrow('leads no more');
  expect(sent).toBe(1);
});
