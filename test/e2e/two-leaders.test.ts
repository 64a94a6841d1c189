import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import type { OperatorProcess } from '../../dev/stack/operator-process.ts';
import { ACCOUNT } from '../../dev/stack/stack.ts';
import { identity, newNamespace, provider, S3_READ, SQS_READ, untilReady, useStack } from '../support/stories.ts';

// Two processes whose clocks differ stand for election, and the Lease is tampered with. Each has an access key of its own, so that
// AWS can tell who writes: never one after another whose term is later.
const stack = useStack();
const LEASE = ['lease', 'federated-identity-operator', '-n', 'federated-identity-system'] as const;
const PATIENCE = { timeout: 60_000, interval: 100 };
const COUNT = 15;
const role = { managedPolicyArns: [S3_READ, SQS_READ] };

interface Rival {
  readonly name: string;
  readonly process: OperatorProcess;
  /** How far its clock is ahead. */
  readonly skewMs: number;
}

let rivals: readonly Rival[] = [];

beforeAll(async () => {
  await stack().operator.stop();
  const right = await startRival('right-clock', 0);
  while ((await termsOf([right])).length === 0) await sleep(100); // the test's own limit ends it
  rivals = [right, await startRival('fast-clock', 300_000)];
  await stack().kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
});
afterAll(() => Promise.all(rivals.map(({ process }) => process.stop(0))));

async function startRival(name: string, skewMs: number): Promise<Rival> {
  const { account, clusterId, cluster, startReplica } = stack();
  const policy = operatorPolicy({ accountId: ACCOUNT, cluster: clusterId, issuer: cluster.issuer });
  const key = account.createUser(name, policy);
  const process = await startReplica(name, {
    AWS_ACCESS_KEY_ID: key.accessKeyId,
    AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    ...(skewMs === 0
      ? {}
      : { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(clockAhead(skewMs))}` }),
  });
  return { name, process, skewMs };
}

/** A module that sets the clock of the process that imports it. */
const clockAhead = (ms: number): string => `
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...given) { given.length === 0 ? super(Real.now() + ${ms}) : super(...given); }
    static now() { return Real.now() + ${ms}; }
  };`;

/** Who began to lead, in the order of time. */
async function termsOf(all: readonly Rival[] = rivals): Promise<readonly string[]> {
  const begins = await Promise.all(
    all.map(async ({ name, process, skewMs }) => {
      const lines = (await process.log()).filter(({ msg }) => msg === 'leading');
      return lines.map((line) => ({ name, at: Number(line['time']) - skewMs }));
    }),
  );
  return begins
    .flat()
    .toSorted((a, b) => a.at - b.at)
    .map(({ name }) => name);
}

/** Who sent each write to IAM since a mark. */
function writersSince(mark: number): readonly string[] {
  return stack()
    .aws.calls.since(mark)
    .filter(({ write, service }) => write && service === 'iam')
    .map(({ principal }) => principal.slice(principal.lastIndexOf('/') + 1))
    .filter((writer) => rivals.some(({ name }) => name === writer));
}

/** Writes of a process after one of a later term has written. */
async function staleWrites(mark: number): Promise<number> {
  const terms = await termsOf();
  let term = 0;
  let stale = 0;
  for (const writer of writersSince(mark)) {
    const next = terms.indexOf(writer, term);
    if (next === -1) stale += 1;
    else term = next;
  }
  return stale;
}

async function leader(): Promise<Rival> {
  const name = (await termsOf()).at(-1);
  const found = rivals.find((rival) => rival.name === name);
  if (found === undefined) throw new Error('nobody leads');
  return found;
}

/** More identities than the rate limit lets through at once. Resolves with what waits for them. */
async function manyIdentities(): Promise<() => Promise<void>> {
  const namespace = await newNamespace(stack());
  const names = Array.from({ length: COUNT }, (_, index) => `app-${index}`);
  const items = names.map((name) => identity(namespace, { role }, name));
  await stack().kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  return async () => {
    for (const name of names) await untilReady(stack(), `afi/${name}`, namespace);
    const roles = stack().account.roles();
    expect(roles.filter(({ name }) => name.startsWith(namespace))).toHaveLength(COUNT);
  };
}

const writesSince = (mark: number): number =>
  stack()
    .aws.calls.since(mark)
    .filter(({ write }) => write).length;

interface Story {
  readonly title: string;
  /** A process that is stopped between its look at the Lease and the sending of a request sends it when it goes on. */
  readonly mostStale: number;
  readonly happens: (leading: Rival) => Promise<() => unknown>;
}

test.each<Story>([
  {
    mostStale: 0,
    title: 'the Lease is deleted while it is held, again and again [F15]',
    happens: async () => {
      for (let index = 0; index < 4; index += 1) {
        await stack().kubectl(['delete', ...LEASE, '--ignore-not-found']);
        await sleep(700);
      }
      return () => {};
    },
  },
  {
    mostStale: 0,
    title: 'somebody else writes himself into the Lease [F15]',
    happens: async () => {
      const patch = JSON.stringify({ spec: { holderIdentity: 'somebody-else' } });
      await stack().kubectl(['patch', ...LEASE, '--type=merge', '-p', patch]);
      return () => {};
    },
  },
  {
    mostStale: 3,
    title: 'the leader is stopped, and goes on when another leads [F14]',
    happens: async (leading) => {
      const before = (await termsOf()).length;
      process.kill(leading.process.pid, 'SIGSTOP');
      await expect.poll(async () => (await termsOf()).length, PATIENCE).toBeGreaterThan(before);
      return () => void process.kill(leading.process.pid, 'SIGCONT');
    },
  },
])('$title', { timeout: 240_000 }, async ({ happens, mostStale }) => {
  const mark = stack().aws.calls.mark();
  const leading = await leader();
  const untilFirst = await manyIdentities();
  await expect.poll(() => writesSince(mark), PATIENCE).toBeGreaterThan(5);
  const end = await happens(leading);
  const untilSecond = await manyIdentities();
  await end();
  await untilFirst();
  await untilSecond();
  expect(await staleWrites(mark)).toBeLessThanOrEqual(mostStale);
});

test('a clock that is ahead ends no Lease [F15]', async () => {
  const held = (await leader()).name;
  const terms = await termsOf();
  await sleep(3_000); // both have looked at it by now
  const now = await termsOf();
  expect([(await leader()).name, now.length]).toEqual([held, terms.length]);
});
