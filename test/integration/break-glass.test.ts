import { readFile } from 'node:fs/promises';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import { defaultAdmissionOptions, operatorUsername } from '../../src/admission/options.ts';
import { TABLE_NAME } from '../../src/kube/injection-table.ts';
import { tableData } from './admission-expectations.ts';
import { factsOf, type Pod, pod } from './admission-pods.ts';

// The commands of docs/injection.md, as somebody in trouble copies them. They change policies of the whole cluster.
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OPERATOR = operatorUsername(defaultAdmissionOptions);
const soon = { timeout: 60_000, interval: 250 };
let cluster: Cluster;
let environment: NodeJS.ProcessEnv;
let commands: readonly string[];

beforeAll(async () => {
  const text = await readFile(`${ROOT}/docs/injection.md`, 'utf8');
  const chapter = text.slice(text.indexOf('## Break-glass'), text.indexOf('## What stays uncovered'));
  commands = [...chapter.matchAll(/```sh\n(.*?)```/gs)].map(([, command = '']) => command);
  cluster = await startCluster();
  const path = [dirname(cluster.kubectl), process.env['PATH']].join(delimiter);
  environment = { ...process.env, PATH: path, KUBECONFIG: cluster.kubeconfig };
  await kubectl(['apply', '--server-side', '-k', `${ROOT}/config/dev`]);
  await kubectl(['create', 'clusterrolebinding', 'operator', '--clusterrole=cluster-admin', `--user=${OPERATOR}`]);
  await createTable('before');
  await vi.waitUntil(async () => (await outcomes('before')).join() === 'injected,denied', soon);
}, 120_000);
afterAll(() => cluster?.stop());

const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run(cluster.kubectl, args, {
    env: environment,
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });
const shell = (command: string): Promise<string> => run('/bin/sh', ['-c', command], { env: environment, cwd: ROOT });

async function createTable(namespace: string): Promise<void> {
  const object = (kind: string, name: string, more: object = {}): object => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace },
    ...more,
  });
  await kubectl(['create', 'namespace', namespace]);
  const items = [
    ...['reports', 'unready'].map((name) => object('ServiceAccount', name)),
    object('ConfigMap', TABLE_NAME, { data: tableData }),
  ];
  await kubectl(['create', `--as=${OPERATOR}`, '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
}

/** What becomes of a pod of a bound and of a pending ServiceAccount. */
const outcomes = (namespace: string): Promise<readonly string[]> =>
  Promise.all(['reports', 'unready'].map((serviceAccountName) => outcome(namespace, pod({ serviceAccountName }))));

async function outcome(namespace: string, candidate: Pod): Promise<string> {
  try {
    const stored = await kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], {
      ...candidate,
      metadata: { ...candidate.metadata, namespace },
    });
    return factsOf(JSON.parse(stored) as Pod).token === undefined ? 'bare' : 'injected';
  } catch (error) {
    return String(error).includes('denied request') ? 'denied' : String(error);
  }
}

test('break-glass lets every pod in, and afterwards tables that are new are in force as before', async () => {
  const [openGates = '', endInjection = '', injectAgain = '', ...others] = commands;
  expect(others).toEqual([]);
  await shell(openGates);
  await vi.waitUntil(async () => (await outcomes('before')).join() === 'injected,bare', soon);
  await shell(endInjection);
  await vi.waitUntil(async () => (await outcomes('before')).join() === 'bare,bare', soon);
  await createTable('meanwhile');
  await kubectl(['apply', '--server-side', '-k', `${ROOT}/config/dev`]);
  await shell(injectAgain);
  await createTable('after');
  for (const namespace of ['before', 'meanwhile', 'after'])
    await vi.waitUntil(async () => (await outcomes(namespace)).join() === 'injected,denied', soon);
}, 180_000);
