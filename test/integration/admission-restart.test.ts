import { setInterval } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Cluster, startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import { admissionManifests } from '../../src/admission/manifests.ts';
import { defaultAdmissionOptions, operatorUsername } from '../../src/admission/options.ts';
import { TABLE_NAME } from '../../src/kube/injection-table.ts';
import { tableData } from './admission-expectations.ts';
import { factsOf, type Pod, pod } from './admission-pods.ts';

// In the first seconds of an API server its admission plugins don't know custom kinds yet (ADR 0001). Other suites would
// notice the restart, so the cluster is this one's own.
const WATCHED_MS = 5_000;
const INTERVAL_MS = 50;
const CRDS = fileURLToPath(new URL('../../config/crd', import.meta.url));
const OPERATOR = operatorUsername(defaultAdmissionOptions);
const soon = { timeout: 60_000, interval: 250 };

/** What became of a pod. Denied is: by one of our policies; other errors are of a server that is not up. */
type Outcome = 'injected' | 'bare' | 'denied' | 'unreachable';
interface Kind {
  readonly namespace: string;
  readonly serviceAccountName: string;
}
const kinds = {
  bound: { namespace: 'workload', serviceAccountName: 'reports' },
  pending: { namespace: 'workload', serviceAccountName: 'unready' },
  /** Beside bound pods, without a role. */
  beside: { namespace: 'workload', serviceAccountName: 'other' },
  elsewhere: { namespace: 'elsewhere', serviceAccountName: 'reports' },
} satisfies Readonly<Record<string, Kind>>;

let cluster: Cluster;
let core: CoreV1Api;

beforeAll(async () => {
  cluster = await startCluster();
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
  await kubectl(['apply', '--server-side', '-k', CRDS]);
  await kubectl(['create', 'clusterrolebinding', 'operator', '--clusterrole=cluster-admin', `--user=${OPERATOR}`]);
  await apply([manifest('Namespace', 'workload'), manifest('Namespace', 'elsewhere')]);
  await apply(Object.values(kinds).map((kind) => manifest('ServiceAccount', kind.serviceAccountName, kind.namespace)));
  await apply([{ ...manifest('ConfigMap', TABLE_NAME, 'workload'), data: tableData }], `--as=${OPERATOR}`);
  await apply(admissionManifests(defaultAdmissionOptions));
  await vi.waitUntil(async () => (await create(kinds.bound)) === 'injected', soon);
  await vi.waitUntil(async () => (await create(kinds.pending)) === 'denied', soon);
}, 120_000);
afterAll(() => cluster?.stop());

test('around a restart of the API server no pod of the table is bare, and no other is denied once the server is ready', async () => {
  const restart = { ready: false, ended: false };
  const watching = Object.entries(kinds).map(async ([name, kind]) => [name, await answers(kind, restart)] as const);
  await cluster.restartApiServer();
  restart.ready = true;
  setTimeout(() => (restart.ended = true), WATCHED_MS);
  const seen = Object.fromEntries(await Promise.all(watching));
  expect(seen['bound']?.always).toContain('injected');
  expect(seen['bound']?.always).not.toContain('bare');
  expect(seen['pending']?.always).toEqual(['denied']);
  expect(seen).toMatchObject({ beside: { onceReady: ['bare'] }, elsewhere: { onceReady: ['bare'] } });
});

interface Answers {
  /** Each outcome once. */
  readonly always: readonly Outcome[];
  /** Of pods that were sent when the API server had said that it is ready. */
  readonly onceReady: readonly Outcome[];
}

/** What became of pods of one kind that were tried all the time until `ended`; at least 20 were answered. */
async function answers(kind: Kind, restart: { readonly ready: boolean; readonly ended: boolean }): Promise<Answers> {
  const seen: { readonly outcome: Outcome; readonly ready: boolean }[] = [];
  for await (const _ of setInterval(INTERVAL_MS)) {
    if (restart.ended) break;
    const { ready } = restart;
    const outcome = await create(kind);
    if (outcome !== 'unreachable') seen.push({ outcome, ready });
  }
  expect(seen.length).toBeGreaterThan(20);
  const once = (some: typeof seen): readonly Outcome[] => [...new Set(some.map(({ outcome }) => outcome))];
  return { always: once(seen), onceReady: once(seen.filter(({ ready }) => ready)) };
}

async function create({ namespace, serviceAccountName }: Kind): Promise<Outcome> {
  try {
    const body = pod({ serviceAccountName });
    const stored = await core.createNamespacedPod({ namespace, body: body as never, dryRun: 'All' });
    const { token, containers } = factsOf(stored as Pod);
    return token !== undefined && containers['app']?.env['AWS_ROLE_ARN'] !== undefined ? 'injected' : 'bare';
  } catch (error) {
    return error instanceof ApiException && JSON.stringify(error.body).includes('federated-identity-')
      ? 'denied'
      : 'unreachable';
  }
}

const manifest = (kind: string, name: string, namespace?: string): object => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace },
});

const apply = (items: readonly object[], ...args: readonly string[]): Promise<string> =>
  kubectl(['apply', ...args, '-f', '-'], { apiVersion: 'v1', kind: 'List', items });

const kubectl = (args: readonly string[], input?: object): Promise<string> =>
  run(cluster.kubectl, args, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });
