// `npm run image:rootfs`: the file system of the image where no container engine is, and the operator started from it: read-only,
// as the user of the Dockerfile, without capabilities. Its base is this Node with its libraries, as distroless can't be fetched so.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { logTail, run, type Service, startService } from '../dev/cluster/process.ts';
import { NODE_IN_IMAGE, nodeFiles } from '../dev/node/image.ts';
import { OWN_NAMESPACES } from '../dev/node/requirements.ts';
import { freePort } from '../dev/stack/operator-process.ts';
import { readDockerfile, type Start, startOf } from './dockerfile.ts';
import { bundleWithBill } from './sbom.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Where distroless has it. */
const NODE_IN_BASE = '/nodejs/bin/node';
const PATIENCE_MS = 60_000;

/** In namespaces of its own: the root with what a container runtime mounts, then read-only, then the program as a user. */
const START_SCRIPT = `set -e
root=$1; user=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
for device in null urandom; do mount --bind "/dev/$device" "$root/dev/$device"; done
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set -all,+sys_chroot,+setuid,+setgid chroot --userspec "$user" "$root" "$@"`;

interface Rootfs {
  readonly folder: string;
  readonly start: Start;
  /** npm packages in the bundle. */
  readonly packages: number;
}

/** Writes the file system into `folder`, which is empty or not there. */
export async function buildRootfs(folder: string): Promise<Rootfs> {
  const start = startOf(await readDockerfile(join(ROOT, 'Dockerfile')));
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755); // a temporary one is its owner's alone
  for (const { path, mode, content } of await nodeFiles())
    await put(join(folder, `/${path}` === NODE_IN_IMAGE ? NODE_IN_BASE : path), content, mode);
  const [uid, gid] = start.user.split(':');
  await put(join(folder, 'etc/passwd'), `nonroot:x:${uid}:${gid}:nonroot:/home/nonroot:/sbin/nologin\n`, 0o644);
  for (const path of ['proc', 'dev', 'home/nonroot', 'tmp']) await mkdir(join(folder, path), { recursive: true });
  for (const device of ['null', 'urandom']) await put(join(folder, 'dev', device), '', 0o644);
  const built = await mkdtemp(join(tmpdir(), 'federated-identity-bundle-'));
  try {
    const { components } = await bundleWithBill(built);
    for (const { from, to } of start.files)
      await put(join(folder, to), await readFile(join(built, from.replace('/build/dist/', ''))), 0o644);
    return { folder, start, packages: components.length };
  } finally {
    await rm(built, { recursive: true });
  }
}

async function put(file: string, content: string | Buffer, mode: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  await chmod(file, mode); // whatever the umask is
}

/** Paths of all files, from the root. */
export async function filesOf({ folder }: Pick<Rootfs, 'folder'>): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length))
    .toSorted();
}

/** Why the file system can't be made the root of a process here, in one line, or undefined when it can. */
export async function whyNoRoot(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `it needs Linux, and this is ${process.platform}`;
  if (process.geteuid?.() !== 0) return 'it needs root';
  return run('unshare', [...OWN_NAMESPACES, 'setpriv', '--version'], { timeoutMs: 10_000 }).then(
    () => undefined,
    (error: unknown) => `this machine allows no namespaces (${String(error).replaceAll('\n', ' ')})`,
  );
}

interface Running extends AsyncDisposable {
  /** Base URL of /healthz. */
  readonly url: string;
  readonly logFile: string;
  /** Of the operator itself, as the machine sees it. */
  readonly pid: number;
}

/**
 * Starts the image's own command and resolves when /healthz answers: with the file system as its root, or `asProcess`, which only uses
 * its files, where the machine allows no more. Throws with the end of its log when it does not answer in a minute.
 */
export async function startRootfs({ folder, start }: Rootfs, asProcess = false): Promise<Running> {
  const address = `127.0.0.1:${await freePort()}`;
  const logFile = `${folder}.log`;
  const [program, ...args] = start.command.map((word) => (word.startsWith('/') ? join(folder, word) : word));
  const isolated = ['/bin/sh', '-c', START_SCRIPT, 'image', folder, start.user, ...start.command];
  const service = await startService({
    name: 'the image',
    ...(asProcess
      ? { program: join(folder, dirname(NODE_IN_BASE), program ?? ''), args }
      : { program: 'unshare', args: [...OWN_NAMESPACES, ...isolated] }),
    logFile,
    // chroot finds the command by the PATH of the image.
    env: { ...start.environment, PATH: `${start.environment['PATH']}:/usr/sbin:/sbin`, METRICS_BIND_ADDRESS: address },
  });
  const url = `http://${address}`;
  await untilHealthy(service, url, logFile);
  const stop = (): Promise<void> => service.stop(0);
  if (asProcess) return { url, logFile, pid: service.pid, [Symbol.asyncDispose]: stop };
  const [child = ''] = (await readFile(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8')).split(' ');
  return { url, logFile, pid: Number(child), [Symbol.asyncDispose]: stop };
}

async function untilHealthy(service: Service, url: string, logFile: string): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (!service.ended && Date.now() < giveUpAt) {
    const response = await fetch(`${url}/healthz`).catch(() => undefined); // it does not listen yet
    if (response?.ok === true) return;
    await sleep(100);
  }
  await service.stop(0);
  throw new Error(`the operator of the image does not answer; its log ends:\n${await logTail(logFile)}`);
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;

/** Sizes of the base and of our one layer, plain and compressed as a registry keeps them. */
async function report(rootfs: Rootfs): Promise<string> {
  const own = new Set(rootfs.start.files.map(({ to }) => to));
  const sizes = { base: [0, 0], own: [0, 0] } satisfies Record<string, [number, number]>;
  for (const file of await filesOf(rootfs)) {
    const path = join(rootfs.folder, file);
    const sum = own.has(file) ? sizes.own : sizes.base;
    sum[0] += (await stat(path)).size;
    sum[1] += gzipSync(await readFile(path), { level: 6 }).length;
  }
  const line = ([plain = 0, compressed = 0]: readonly number[]): string =>
    `${mebibytes(plain)}, compressed ${mebibytes(compressed)}`;
  return [
    `Node and its libraries: ${line(sizes.base)}`,
    `operator: ${line(sizes.own)}, of ${rootfs.packages} npm packages`,
  ].join('\n');
}

if (import.meta.main) {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-rootfs-'));
  try {
    const rootfs = await buildRootfs(folder);
    console.log(await report(rootfs));
    const obstacle = await whyNoRoot();
    if (obstacle !== undefined) console.log(`without a root of its own: ${obstacle}`);
    await using running = await startRootfs(rootfs, obstacle !== undefined);
    const status = await readFile(`/proc/${running.pid}/status`, 'utf8');
    const facts = status.split('\n').filter((line) => /^(Uid|CapEff|CapBnd|NoNewPrivs):/.test(line));
    console.log(`/healthz answers\n${facts.join('\n')}`);
  } finally {
    await rm(folder, { recursive: true });
    await rm(`${folder}.log`, { force: true });
  }
}
