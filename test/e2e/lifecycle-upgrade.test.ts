import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { startService } from '../../dev/cluster/process.ts';
import type { OperatorProcess } from '../../dev/stack/operator-process.ts';
import { type Release, releaseBefore, thisRelease } from '../support/release.ts';
import {
  identity,
  newNamespace,
  operatorCalls,
  pod,
  provider,
  S3_READ,
  type StatusObject,
  untilReady,
  useStack,
} from '../support/stories.ts';

// 50 identities of the release before get this one and go back. Nobody in AWS or in the cluster may notice.
const NAMESPACES = 5;
const COUNT = 50;
const RESYNC_SECONDS = 2;
const BORN_NOW = 'app-born-now';
const IDENTITIES = 'awsfederatedidentities';

const folder = await mkdtemp(join(tmpdir(), 'federated-identity-release-'));
afterAll(() => rm(folder, { recursive: true }));
const releases: Readonly<Record<'before' | 'now', Release>> = {
  before: await releaseBefore(folder),
  now: await thisRelease(folder),
};
vi.setConfig({ testTimeout: 300_000 }); // as long as all its waits together on a machine that others use too
const stack = useStack({
  config: releases.before.config,
  program: releases.before.program,
  environment: { AWS_CALLS_PER_SECOND: '100', RESYNC_INTERVAL: String(RESYNC_SECONDS), LEADER_ELECTION: 'on' },
});

const namespaces: string[] = [];
let running: OperatorProcess;
afterAll(() => running?.stop(0));

beforeAll(async () => {
  const { kubectl } = stack();
  running = stack().operator;
  await kubectl(['apply', '-f', '-'], provider());
  await untilReady(stack(), 'aop/default');
  for (let index = 0; index < NAMESPACES; index += 1) namespaces.push(await newNamespace(stack()));
  const items = Array.from({ length: COUNT }, (_, index) =>
    identity(namespaceOf(index), { role: { managedPolicyArns: [S3_READ] } }, `app-${index}`),
  );
  await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
  await kubectl(['wait', 'afi', '--all', '-A', '--for=condition=Ready', '--timeout=110s']);
}, 300_000);

const namespaceOf = (index: number): string => namespaces[index % NAMESPACES] ?? '';

interface Named extends StatusObject {
  readonly kind: string;
  readonly metadata: StatusObject['metadata'] & { readonly namespace?: string; readonly name: string };
}

interface State {
  readonly conditions: readonly (readonly [type: string, ...rest: unknown[]])[];
  readonly [field: string]: unknown;
}

/** The states without conditions of types that the others do not have: one of two releases may not know them. */
function inTermsOf(
  others: Readonly<Record<string, State>>,
  states: Readonly<Record<string, State>>,
): Readonly<Record<string, State>> {
  const known = (name: string): ReadonlySet<string> => new Set(others[name]?.conditions.map(([type]) => type));
  return Object.fromEntries(
    Object.entries(states).map(([name, one]) => [
      name,
      { ...one, conditions: one.conditions.filter(([type]) => known(name).has(type)) },
    ]),
  );
}

/** What nobody may see change: generation and conditions with their times; messages may be worded better. */
async function state(): Promise<Readonly<Record<string, State>>> {
  const list: { readonly items: readonly Named[] } = JSON.parse(
    await stack().kubectl(['get', 'aop,afi', '-A', '-o', 'json']),
  );
  const rows = list.items.map(({ kind, metadata: { namespace, name, generation, labels }, status }) => [
    `${kind} ${namespace ?? ''}/${name}`,
    {
      generation,
      labels,
      roleId: status?.roleId,
      conditions: (status?.conditions ?? []).map((one) => [one.type, one.status, one.reason, one.lastTransitionTime]),
    },
  ]);
  return Object.fromEntries(rows);
}

/** A pod as the API server would store it; the volume of its own token has a random name. */
async function admitted(): Promise<string> {
  const create = ['create', '--dry-run=server', '-o', 'jsonpath={.spec.containers}{.spec.volumes}', '-f', '-'];
  const stored = await stack().kubectl(create, pod(namespaceOf(0), 'app-0'));
  return stored.replaceAll(/kube-api-access-\w+/g, 'kube-api-access');
}

interface WatchEvent {
  readonly object: Named;
}

/** Every state of an identity that the API server tells of while `work` runs; a condition that comes and goes is seen. */
async function watched(work: () => Promise<void>): Promise<ReadonlySet<string>> {
  const { kubectl, kubeconfig, folder: logs } = stack().cluster;
  const logFile = join(logs, `watch-${randomUUID()}`);
  const watch = await startService({
    name: 'kubectl get --raw',
    program: kubectl,
    args: ['get', '--raw', `/apis/federatedidentity.dev/v1alpha1/${IDENTITIES}?watch=true`],
    logFile,
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  const states = async (): Promise<ReadonlySet<string>> => {
    const lines = (await readFile(logFile, 'utf8')).split('\n').slice(0, -1); // the last one may still be written
    return new Set(
      lines
        .map((line): WatchEvent => JSON.parse(line))
        .map(({ object: { metadata, status } }) => {
          const conditions = status?.conditions?.map(({ type, status: value, reason }) => [type, value, reason]);
          return JSON.stringify([metadata.namespace, metadata.name, metadata.labels, conditions]);
        }),
    );
  };
  try {
    await expect.poll(async () => (await states()).size, { timeout: 60_000 }).toBe(COUNT);
    await work();
    return await states();
  } finally {
    await watch.stop(0);
  }
}

/** Waits until an operator has looked at each identity, and has swept the account twice since `mark`. */
async function untilItKnowsAll(operator: OperatorProcess): Promise<void> {
  const reconciled = async (): Promise<number> => {
    const lines = (await operator.log()).filter(({ msg }) => msg === 'reconciled');
    return new Set(lines.map(({ object }) => String(object)).filter((object) => object.includes('/app-'))).size;
  };
  await expect.poll(reconciled, { timeout: 60_000 }).toBe(COUNT);
  const mark = stack().aws.calls.mark();
  const sweeps = (): number =>
    operatorCalls(stack(), mark).filter(({ operation }) => operation === 'GetAccountAuthorizationDetails').length;
  await expect.poll(sweeps, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
}

/** CRDs, rights and policies first, then the Deployment, which starts a new replica before it stops the old one. */
async function change(to: Release, name: string): Promise<void> {
  const { kubectl, startReplica } = stack();
  await kubectl(['apply', '--server-side', '-k', to.config]);
  const next = await startReplica(name, {}, to.program);
  await running.stop();
  running = next;
  await untilItKnowsAll(next);
}

const writesToAws = (mark: number): readonly string[] =>
  operatorCalls(stack(), mark)
    .filter(({ write, service }) => write && service !== 'sts')
    .map(({ operation }) => operation);

/** Goes to another release, and looks at everything before and after, and at conditions and AWS on the way. */
async function changeUnnoticed(to: Release, name: string): Promise<void> {
  const [before, podBefore] = await Promise.all([state(), admitted()]);
  expect(podBefore).toContain('aws-iam-token');
  const mark = stack().aws.calls.mark();

  const seen = await watched(() => change(to, name));

  expect(writesToAws(mark)).toEqual([]);
  const after = await state();
  expect(inTermsOf(before, after)).toEqual(inTermsOf(after, before));
  for (const { conditions } of Object.values(after)) expect(conditions.map(([type]) => type)).toContain('Ready');
  expect([...seen].toSorted()).toHaveLength(COUNT); // whatever was written on the way, each looked the same all the time
  expect(await admitted()).toBe(podBefore);
}

const roleOf = (name: string): string | undefined =>
  stack()
    .account.roles()
    .find((one) => one.name.startsWith(`${namespaceOf(0)}-${name}-`))?.name;

test('the upgrade of 50 identities writes nothing in AWS, and no condition moves [F61]', async () => {
  await changeUnnoticed(releases.now, 'upgraded');
});

test('this release goes on with what the one before made, and makes new ones', async () => {
  const { kubectl } = stack();
  const replaced = `app-${NAMESPACES}`; // of the first namespace too
  await kubectl(['apply', '-f', '-'], identity(namespaceOf(0), {}, BORN_NOW));
  await kubectl(['delete', `afi/${replaced}`, '-n', namespaceOf(0), '--timeout=60s']);
  await untilReady(stack(), `afi/${BORN_NOW}`, namespaceOf(0));
  expect([roleOf(replaced), roleOf(BORN_NOW)]).toEqual([undefined, expect.any(String)]);
});

test('the downgrade writes nothing in AWS either [F61]', async () => {
  await changeUnnoticed(releases.before, 'downgraded');
});

test('the release before deletes what this one made', async () => {
  await stack().kubectl(['delete', `afi/${BORN_NOW}`, '-n', namespaceOf(0), '--timeout=60s']);
  expect(roleOf(BORN_NOW)).toBeUndefined();
});

test('a field that only a later CRD has changes nothing, neither there nor after the way back', async () => {
  const { kubectl } = stack();
  const file = join(releases.before.config, '..', 'crd', `${IDENTITIES}.yaml`);
  const crd = parse(await readFile(file, 'utf8'));
  for (const version of crd.spec.versions)
    version.schema.openAPIV3Schema.properties.spec.properties.fieldToCome = { type: 'string', description: 'To come.' };
  const later = join(folder, 'later.json');
  await writeFile(later, JSON.stringify(crd));
  const [namespace] = namespaces;
  const ready = async (): Promise<unknown> =>
    kubectl(['get', 'afi', '-A', '-o', 'jsonpath={range .items[*]}{.status.conditions}{"\\n"}{end}']);
  const before = await kubectl(['get', 'afi', '-A', '-o', 'name']);
  const mark = stack().aws.calls.mark();

  await kubectl(['apply', '--server-side', '-f', later]);
  const patch = ['patch', 'afi/app-0', '-n', namespace ?? '', '--type=merge', '-p', '{"spec":{"fieldToCome":"x"}}'];
  await expect.poll(() => kubectl(patch), { timeout: 60_000 }).not.toContain('no change'); // once the schema is served
  await untilReady(stack(), 'afi/app-0', namespace);
  await kubectl(['apply', '--server-side', '-f', file]);
  await expect
    .poll(() => kubectl(['get', 'afi/app-0', '-n', namespace ?? '', '-o', 'jsonpath={.spec}']), { timeout: 60_000 })
    .not.toContain('fieldToCome');
  await untilItKnowsAll(running);

  expect(writesToAws(mark)).toEqual([]);
  expect(await kubectl(['get', 'afi', '-A', '-o', 'name'])).toBe(before);
  expect(await ready()).not.toContain('"status":"False"');
});
