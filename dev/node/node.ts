import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/cluster.ts';
import { type Service, logTail, run, startService, whenThisProcessEnds } from '../cluster/process.ts';
import { cgroupFolders, createCgroup } from './cgroups.ts';
import {
  CLEANUP_SCRIPT,
  INIT_SCRIPT,
  KERNEL_SETTINGS,
  type NodeSettings,
  PRIVATE_FOLDERS,
  type Snapshotter,
  containerdConfiguration,
  kubeletConfiguration,
  kubeletKubeconfig,
} from './configuration.ts';
import type { NodePrograms } from './programs.ts';
import { OWN_NAMESPACES } from './requirements.ts';

/** A container of a pod, for its log. */
export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A node of a cluster on this machine. Disposing it ends its containers and removes all traces. */
export interface Node extends AsyncDisposable {
  readonly name: string;
  /** Folders that are there as long as the node is: its own, and those of its cgroup. */
  readonly traces: readonly string[];
  /** What a container has written so far, both streams. Throws when it never ran. */
  log(container: ContainerName): Promise<string>;
  /** The last lines of kubelet and containerd, for the message of a failure. */
  clues(): Promise<string>;
}

export interface NodeOptions {
  readonly programs: NodePrograms;
  /** An archive of `writeImages`: every image that pods name, and the pause image. Nothing is pulled. */
  readonly images: string;
  readonly pauseImage: string;
}

const READY_PATIENCE_MS = 60_000;

/**
 * Starts containerd and a kubelet that joins `cluster`. Pods reach it by `nodeName` and use the machine's network
 * (`hostNetwork`), as there are no scheduler and no CNI plugins. Throws with the end of the logs when the node does not
 * come up within a minute.
 */
export async function startNode(cluster: Cluster, options: NodeOptions): Promise<Node> {
  const name = `node-${randomUUID().slice(0, 8)}`;
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'federated-identity-node-')));
  const cgroup = `federated-identity-${name}`;
  const traces: readonly [string, ...string[]] = [folder, ...(await cgroupFolders(cgroup))];
  await using started = new AsyncDisposableStack();
  started.use(whenThisProcessEnds(`sleep 1\n${CLEANUP_SCRIPT}`, ...traces));
  started.defer(async () => void (await run('/bin/sh', ['-c', CLEANUP_SCRIPT, 'cleanup', ...traces])));
  checkVisible([folder, options.images, ...Object.values(options.programs)]);
  await createCgroup(cgroup);
  const { runc } = options.programs;
  const snapshotter = await chooseSnapshotter(folder);
  await writeFiles({ name, folder, cgroup: `/${cgroup}`, pauseImage: options.pauseImage, runc, snapshotter }, cluster);
  await allowKubelets(cluster);
  const init = await startInit(name, folder, options.programs);
  started.defer(() => init.stop(0));
  const node = nodeOf(name, traces);
  try {
    await untilImported(init, folder, options);
    await untilRegistered(init, cluster, name);
  } catch (error) {
    throw new Error(`${describe(error)}\n${await node.clues()}`, { cause: error });
  }
  const running = started.move();
  return { ...node, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function nodeOf(name: string, traces: readonly [string, ...string[]]): Omit<Node, keyof AsyncDisposable> {
  const [folder] = traces;
  return {
    name,
    traces,
    log: (container) => readLog(join(folder, PRIVATE_FOLDERS['/var/log'], 'pods'), container),
    clues: async () => {
      const logs = ['init.log', 'containerd.log', 'kubelet.log'];
      const ends = await Promise.all(logs.map((log) => logTail(join(folder, log), 25)));
      return logs.map((log, index) => `── ${log}\n${ends[index]}`).join('\n');
    },
  };
}

/** What lies below a folder that the node has for itself, the node does not see. */
function checkVisible(paths: readonly string[]): void {
  for (const hidden of Object.keys(PRIVATE_FOLDERS)) {
    const path = paths.find((one) => one.startsWith(`${hidden}/`));
    if (path !== undefined)
      throw new Error(`${path}: a node does not see ${hidden} of the machine; set TMPDIR and XDG_CACHE_HOME elsewhere`);
  }
}

/** Overlay mounts do not work on every file system, such as on one that is an overlay itself. */
async function chooseSnapshotter(folder: string): Promise<Snapshotter> {
  const probe = join(folder, 'probe');
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(probe, name));
  await Promise.all([lower, upper, work, merged].map((path) => mkdir(path ?? probe, { recursive: true })));
  const overlay = ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`];
  return run('unshare', ['--mount', 'mount', ...overlay, merged ?? probe]).then(
    () => 'overlayfs',
    () => 'native',
  );
}

async function writeFiles(settings: NodeSettings, cluster: Cluster): Promise<void> {
  const { folder, name } = settings;
  const files: Readonly<Record<string, string>> = {
    'kubelet.yaml': kubeletConfiguration(settings),
    'containerd.toml': containerdConfiguration(settings),
    kubeconfig: kubeletKubeconfig(await readFile(cluster.kubeconfig, 'utf8'), name),
    'resolv.conf': 'nameserver 127.0.0.1\n',
    ...Object.fromEntries(Object.entries(KERNEL_SETTINGS).map(([setting, value]) => [`sys/${setting}`, `${value}\n`])),
  };
  await Promise.all(Object.values(PRIVATE_FOLDERS).map((own) => mkdir(join(folder, own))));
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content, { mode: 0o600 });
  }
}

/** Kubernetes ships the role of a kubelet without subjects, for clusters that lack the Node authorizer as this one does. */
async function allowKubelets({ kubectl, kubeconfig }: Cluster): Promise<void> {
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'kubelets' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
  };
  await run(kubectl, ['apply', '-f', '-'], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    input: JSON.stringify(binding),
  });
}

function startInit(name: string, folder: string, programs: NodePrograms): Promise<Service> {
  const { containerd, kubelet } = programs;
  return startService({
    name: 'the node',
    program: 'unshare',
    args: [...OWN_NAMESPACES, '/bin/sh', '-c', INIT_SCRIPT, 'init', folder, containerd, kubelet, name],
    logFile: join(folder, 'init.log'),
    env: { PATH: [dirname(containerd), process.env['PATH']].join(delimiter) }, // containerd looks for its shim there
  });
}

/** Unpacked by containerd when a container first needs it, in the way of whichever snapshotter it has. */
async function untilImported(init: Service, folder: string, { programs, images }: NodeOptions): Promise<void> {
  const socket = join(folder, PRIVATE_FOLDERS['/run'], 'containerd', 'containerd.sock');
  const ctr = (...args: readonly string[]): Promise<string> =>
    run(programs.ctr, ['--address', socket, '--namespace', 'k8s.io', ...args], { timeoutMs: READY_PATIENCE_MS });
  await until(init, 'containerd answered', () => ctr('--connect-timeout', '1s', 'images', 'list'));
  await ctr('images', 'import', '--no-unpack', images);
}

async function untilRegistered(init: Service, { kubectl, kubeconfig }: Cluster, name: string): Promise<void> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  await until(init, 'its kubelet had registered', () =>
    run(kubectl, ['get', 'node', name], { env, timeoutMs: 10_000 }),
  );
}

/** Asks until the answer is no error. */
async function until(init: Service, what: string, ask: () => Promise<unknown>): Promise<void> {
  const giveUpAt = Date.now() + READY_PATIENCE_MS;
  let last = '';
  while (!init.ended && Date.now() < giveUpAt) {
    try {
      await ask();
      return;
    } catch (error) {
      last = describe(error);
    }
    await sleep(200);
  }
  throw new Error(`the node ${init.ended ? 'ended' : 'took more than a minute'} before ${what}: ${last}`);
}

/** Log files of the CRI: "2026-01-01T00:00:00.000000000Z stdout F text", P instead of F for a part of a line. */
async function readLog(folder: string, { namespace, pod, container }: ContainerName): Promise<string> {
  const pods = await readdir(folder).catch(() => []); // before the first pod
  const own = pods.find((entry) => entry.startsWith(`${namespace}_${pod}_`));
  if (own === undefined) throw new Error(`the node has no log of pod ${namespace}/${pod}`);
  const lines = (await readFile(join(folder, own, container, '0.log'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '');
  return lines
    .map((line) => {
      const [, , tag, ...text] = line.split(' ');
      return tag === 'P' ? text.join(' ') : `${text.join(' ')}\n`;
    })
    .join('');
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
