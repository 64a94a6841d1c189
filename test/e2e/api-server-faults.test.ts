import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperatorProcess } from '../../dev/stack/operator-process.ts';
import {
  type ApiServerProxy,
  type Fault,
  type ProxiedRequest,
  type ProxyKubeconfig,
  startApiServerProxy,
} from '../support/api-server-proxy.ts';
import { identity, newNamespace, provider, read, S3_READ, SQS_READ, untilReady, useStack } from '../support/stories.ts';

// Whatever happens on the way to the API server: one process lives through it all, misses nothing and does not flood.
const stack = useStack();
const NAMESPACE = 'federated-identity-system';
const NAME = 'federated-identity-operator';
/** On a machine that others use too. */
const PATIENCE = { timeout: 100_000, interval: 250 };

let proxy: ApiServerProxy;
let operator: OperatorProcess;
let kubeconfig: ProxyKubeconfig;

beforeAll(async () => {
  const { cluster, kubectl, startReplica } = stack();
  await stack().operator.stop();
  proxy = await startApiServerProxy(cluster);
  const direct = await cluster.kubeconfigFor({ serviceAccount: `${NAMESPACE}/${NAME}` });
  kubeconfig = await proxy.kubeconfigOf(direct, cluster.folder);
  await kubectl(['create', 'secret', 'generic', 'first-token', '-n', NAMESPACE]);
  await writeFile(
    kubeconfig.tokenFile,
    await newToken('--bound-object-kind=Secret', '--bound-object-name=first-token'),
  );
  operator = await startReplica('behind-a-proxy', { KUBECONFIG: kubeconfig.file });
  await writeFile(kubeconfig.tokenFile, await newToken()); // for the last story: the file is read again each minute
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
});
afterAll(async () => {
  await operator?.stop(0);
  await proxy?.[Symbol.asyncDispose]();
});

const newToken = (...more: readonly string[]): Promise<string> =>
  stack().kubectl(['create', 'token', NAME, '-n', NAMESPACE, ...more]);

const apply = (object: object): Promise<string> => stack().kubectl(['apply', '-f', '-'], object);
const withPolicies = (namespace: string, name: string, arns: readonly string[]): object =>
  identity(namespace, { role: { managedPolicyArns: arns, tags: { greeting: 'grüße/日本' } } }, name);

/** What the role of an identity has in AWS. */
async function policiesOf(roleArn: string | undefined): Promise<string> {
  const RoleName = roleArn?.slice(roleArn.lastIndexOf('/') + 1);
  return JSON.stringify(await stack().account.perform('ListAttachedRolePolicies', { RoleName }));
}

/** What users want while there is trouble: one identity is changed, one made and one deleted. Resolves when all is carried out. */
async function usersGetTheirWay(trouble: () => Promise<() => unknown>): Promise<void> {
  const { kubectl } = stack();
  const namespace = await newNamespace(stack());
  for (const name of ['changed', 'deleted']) await apply(withPolicies(namespace, name, [S3_READ]));
  for (const name of ['changed', 'deleted']) await untilReady(stack(), `afi/${name}`, namespace);
  const before = proxy.requests.length;
  const end = await trouble();
  await apply(withPolicies(namespace, 'changed', [SQS_READ]));
  await apply(withPolicies(namespace, 'made', [S3_READ]));
  await kubectl(['delete', 'afi/deleted', '-n', namespace, '--wait=false']);
  await end();
  const roleOf = async (name: string): Promise<string | undefined> => {
    const { metadata, status } = await read(stack(), `afi/${name}`, '-n', namespace);
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' && ready.observedGeneration === metadata.generation ? status?.roleArn : undefined;
  };
  await expect.poll(() => roleOf('made'), PATIENCE).toBeDefined();
  await expect.poll(() => roleOf('changed'), PATIENCE).toBeDefined();
  expect(await policiesOf(await roleOf('changed'))).toMatch(SQS_READ);
  await kubectl(['wait', 'afi/deleted', '-n', namespace, '--for=delete', '--timeout=100s']);
  const roles = stack()
    .account.roles()
    .filter(({ name }) => name.startsWith(namespace));
  const greetings = roles.map(({ tags }) => tags.find(({ Key }) => Key === 'greeting')?.Value);
  expect(greetings).toEqual(['grüße/日本', 'grüße/日本']);
  await expectOneLife();
  for (const [collection, lists] of listsSince(before))
    expect([collection, lists <= MOST_LISTS]).toEqual([collection, true]);
}

/** The pauses between them double from half a second. */
const MOST_LISTS = 6;

/** Lists of whole collections, which the reflectors ask for; the stock-take of pods asks by namespace. */
function listsSince(mark: number): ReadonlyMap<string, number> {
  const lists = proxy.requests
    .slice(mark)
    .filter(({ verb, path }) => verb === 'list' && !path.includes('/namespaces/'));
  return new Map([...Map.groupBy(lists, ({ path }) => path)].map(([path, list]) => [path, list.length]));
}

async function expectOneLife(): Promise<void> {
  process.kill(operator.pid, 0); // throws when there is none
  const lines = await operator.log();
  expect(lines.filter(({ msg }) => msg === 'federated-identity-operator starts')).toHaveLength(1);
  expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
}

/** A hook that strikes the first requests of each path. */
function strike(
  matches: (request: ProxiedRequest) => boolean,
  fault: Fault,
  { times = Infinity, when = 'beforeRequest' }: { times?: number; when?: 'beforeRequest' | 'afterResponse' } = {},
): Disposable {
  const counts = new Map<string, number>();
  const verdict = (request: ProxiedRequest): Fault | undefined => {
    if (!matches(request)) return undefined;
    const count = (counts.get(request.path) ?? 0) + 1;
    counts.set(request.path, count);
    return count <= times ? fault : undefined;
  };
  return proxy.hook({ [when]: verdict });
}

const isWatch = ({ verb }: ProxiedRequest): boolean => verb === 'watch';
const isWatchOfIdentities = ({ verb, resource }: ProxiedRequest): boolean =>
  verb === 'watch' && resource === 'awsfederatedidentities';
const isList = ({ verb }: ProxiedRequest): boolean => verb === 'list';
const isWrite = ({ verb, resource }: ProxiedRequest): boolean =>
  ['create', 'patch', 'delete'].includes(verb) && resource !== 'leases' && resource !== 'events';

const status = (code: number, reason: string): object => ({ kind: 'Status', status: 'Failure', code, reason });
const GONE: Fault = {
  kind: 'answer',
  status: 200,
  body: `${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`,
};

interface Trouble {
  readonly title: string;
  /** Begins it; the result ends it, if it does not end by itself. */
  readonly begin: () => Promise<() => unknown>;
}

/** Until `after` has passed, or users are done. */
const hooks =
  (after: Disposable[]): (() => void) =>
  () =>
    after.forEach((hook) => hook[Symbol.dispose]());

test.each<Trouble>([
  {
    title: 'connections are reset, again and again [F1]',
    begin: async () => {
      for (let index = 0; index < 3; index += 1) {
        proxy.relay.cut();
        await sleep(300);
      }
      return () => proxy.relay.cut();
    },
  },
  {
    title: 'answers to writes are lost [F25]',
    begin: async () => hooks([strike(isWrite, { kind: 'reset' }, { times: 1, when: 'afterResponse' })]),
  },
  {
    title: 'the connection is dead, and nobody says so [F5 F6]',
    begin: async () => {
      proxy.relay.deaden();
      return () => {};
    },
  },
  {
    title: 'not a byte comes through for longer than the Lease is good [F5]',
    begin: async () => {
      const frozen = proxy.relay.freeze();
      return async () => {
        await sleep(16_000);
        frozen[Symbol.dispose]();
      };
    },
  },
  {
    title: 'the version of each watch is too old [F2]',
    begin: async () => {
      const gone = strike(isWatch, GONE, { times: 1 });
      proxy.relay.cut();
      return hooks([gone]);
    },
  },
  {
    title: 'the API server is busy: 429 [F3]',
    begin: async () => {
      const busy: Fault = {
        kind: 'answer',
        status: 429,
        headers: { 'retry-after': '2' },
        body: status(429, 'TooManyRequests'),
      };
      const all = [strike(isWatch, busy, { times: 1 }), strike(isWrite, busy, { times: 1 })];
      proxy.relay.cut();
      return hooks(all);
    },
  },
  {
    title: 'writes conflict [F4]',
    begin: async () =>
      hooks([strike(isWrite, { kind: 'answer', status: 409, body: status(409, 'Conflict') }, { times: 2 })]),
  },
  {
    title: 'the watch comes byte by byte, each character in pieces [F7]',
    begin: async () => {
      const pieces = strike(isWatchOfIdentities, { kind: 'pieces', bytes: 1, everyMs: 0 }, { when: 'afterResponse' });
      proxy.relay.cut();
      return () => {
        pieces[Symbol.dispose]();
        proxy.relay.cut(); // what is under way still comes in pieces
      };
    },
  },
  {
    title: 'answers end in the middle [F7]',
    begin: async () => {
      const gone = strike(({ path, verb }) => verb === 'watch' && path.endsWith('/configmaps'), GONE, { times: 1 });
      const cuts = [
        strike(isWatchOfIdentities, { kind: 'truncate', bytes: 300, how: 'ends' }, { times: 2, when: 'afterResponse' }),
        strike(
          isWatchOfIdentities,
          { kind: 'truncate', bytes: 301, how: 'breaks' },
          { times: 3, when: 'afterResponse' },
        ),
        strike(isList, { kind: 'truncate', bytes: 40, how: 'ends' }, { times: 1, when: 'afterResponse' }),
        strike(isWrite, { kind: 'truncate', bytes: 40, how: 'breaks' }, { times: 1, when: 'afterResponse' }),
      ];
      proxy.relay.cut();
      return hooks([gone, ...cuts]);
    },
  },
  {
    title: 'its rights are taken away and given back [F9]',
    begin: async () => {
      const { account, kubectl } = stack();
      const binding = await kubectl(['get', 'clusterrolebinding', NAME, '-o', 'json']);
      await kubectl(['delete', 'clusterrolebinding', NAME]);
      const roles = account.roles().length;
      proxy.relay.cut();
      return async () => {
        await sleep(3_000);
        expect(account.roles(), 'what it may not see is not gone').toHaveLength(roles);
        await kubectl(['create', '-f', '-'], binding);
      };
    },
  },
  {
    title: 'the authority of the API server is another one [F10]',
    begin: async () => {
      const authority = await proxy.rotateAuthority();
      proxy.relay.cut();
      return async () => {
        await sleep(2_000);
        await writeFile(kubeconfig.authorityFile, authority);
      };
    },
  },
])('$title', { timeout: 240_000 }, ({ begin }) => usersGetTheirWay(begin));

test('its token is replaced, and the first one is not good any more [F10]', { timeout: 240_000 }, async () => {
  const { kubectl } = stack();
  await usersGetTheirWay(async () => {
    await kubectl(['delete', 'secret', 'first-token', '-n', NAMESPACE]);
    proxy.relay.cut();
    return () => {};
  });
});
