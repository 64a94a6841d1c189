import { afterAll, expect, test } from 'vitest';
import type { OperatorProcess } from '../../dev/stack/operator-process.ts';
import {
  identity,
  newNamespace,
  operatorCalls,
  provider,
  S3_READ,
  SQS_READ,
  untilReady,
  useStack,
} from '../support/stories.ts';

// One replica works; when it goes in the middle of work another takes over, and nothing is written twice on the way.
const stack = useStack({ environment: { RESYNC_INTERVAL: '600' } });
const COUNT = 20;
const managedPolicyArns = [S3_READ, SQS_READ];
const CALLS = COUNT * (1 + managedPolicyArns.length);

const isWorkOf = (operator: OperatorProcess) => async () => {
  const lines = await operator.log();
  return lines.find(({ msg }) => msg === 'reconciled')?.['time'];
};

/** More identities than the rate limit lets through before the leader goes: each has a call under way or to come. */
async function manyIdentities(): Promise<readonly [string, readonly string[]]> {
  const namespace = await newNamespace(stack());
  const names = Array.from({ length: COUNT }, (_, index) => `app-${index}`);
  const items = names.map((name) => identity(namespace, { role: { managedPolicyArns } }, name));
  await stack().kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  return [namespace, names];
}

const replicas: OperatorProcess[] = [];
afterAll(() => Promise.all(replicas.map((replica) => replica.stop(0))));

interface Departure {
  readonly how: string;
  readonly withinMs: number;
  readonly leave: (leader: OperatorProcess) => void | Promise<void>;
  readonly comeBack?: (leader: OperatorProcess) => void;
}

test.each<Departure>([
  { how: 'SIGTERM', withinMs: 3_000, leave: (leader) => leader.stop() },
  { how: 'SIGKILL', withinMs: 17_000, leave: (leader) => leader.stop(0) },
  {
    how: 'SIGSTOP, to wake up later',
    withinMs: 17_000,
    leave: ({ pid }) => void process.kill(pid, 'SIGSTOP'),
    comeBack: ({ pid }) => void process.kill(pid, 'SIGCONT'),
  },
])('after $how another takes over within $withinMs ms [F13 F14 F16]', async ({ withinMs, leave, comeBack }) => {
  const { kubectl, aws, startReplica, account } = stack();
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  const leader = replicas.at(-1) ?? stack().operator;
  const standby = await startReplica(`standby-${replicas.length}`);
  replicas.push(standby);
  const mark = aws.calls.mark();
  const [namespace, names] = await manyIdentities();
  await expect.poll(() => operatorCalls(stack(), mark).length, { interval: 20 }).toBeGreaterThan(8);
  expect(await isWorkOf(standby)()).toBeUndefined();

  const leftAt = Date.now();
  const left = leave(leader);
  expect(operatorCalls(stack(), mark).length).toBeLessThan(CALLS);
  await expect.poll(isWorkOf(standby), { timeout: 25_000, interval: 50 }).toBeDefined();
  expect(Number(await isWorkOf(standby)()) - leftAt).toBeLessThanOrEqual(withinMs);
  comeBack?.(leader);
  await left;
  for (const name of names) await untilReady(stack(), `afi/${name}`, namespace);

  expect(account.roles().filter(({ name }) => name.startsWith(namespace))).toHaveLength(COUNT);
  // Whoever takes over looks before it writes what may be there already, and one that wakes up too late is not let write.
  const writes = operatorCalls(stack(), mark).filter(({ write, errorCode }) => write && errorCode === undefined);
  const iam = writes.filter(({ service }) => service === 'iam');
  const distinct = new Set(iam.map(({ operation, parameters }) => JSON.stringify([operation, parameters])));
  expect([iam.length, distinct.size]).toEqual([CALLS, CALLS]);
});

test('a replica that takes over looks at all roles at once, and asks for none on its own [F17]', async () => {
  const { aws, startReplica } = stack();
  await Promise.all([stack().operator, ...replicas].map((replica) => replica.stop()));
  const mark = aws.calls.mark();
  const next = await startReplica('fresh');
  replicas.push(next);
  const reconciled = async (): Promise<number> => {
    const lines = (await next.log()).filter(({ msg }) => msg === 'reconciled');
    return new Set(lines.map(({ object }) => object).filter((object) => String(object).includes('/app-'))).size;
  };
  await expect.poll(reconciled, { timeout: 30_000 }).toBe(3 * COUNT);
  const operations = operatorCalls(stack(), mark).map(({ operation }) => operation);
  expect(operations).toContain('GetAccountAuthorizationDetails');
  expect(operations.filter((operation) => /^(Get|List)\w*Role(Polic|$)/.test(operation))).toEqual([]);
});
