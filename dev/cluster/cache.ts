import { randomUUID } from 'node:crypto';
import {
  access,
  chmod,
  constants,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { whenThisProcessEnds } from './process.ts';
import type { Progress } from './progress.ts';
import { KUBERNETES_VERSION, minorVersion, platformName } from './version.ts';

/** What a control plane needs; a folder that lacks one of them is not used. */
export const REQUIRED_PROGRAMS = ['kube-apiserver', 'etcd', 'kubectl'] as const;
export const CONTROLLER_MANAGER = 'kube-controller-manager';

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;

/** `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory), always outside the checkout. */
export function cacheRoot(environment: NodeJS.ProcessEnv): string {
  const configured = environment['XDG_CACHE_HOME'];
  const base = configured?.startsWith('/') ? configured : join(homedir(), '.cache');
  return join(base, 'federated-identity-operator');
}

export function cacheFolder(root: string, version: string = KUBERNETES_VERSION): string {
  return join(root, `kubernetes-${version}-${platformName()}`);
}

/** The programs of `names` that `folder` does not hold as executable files. */
export async function missingPrograms(folder: string, names: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(names.map((name) => isExecutable(join(folder, name))));
  return names.filter((_, index) => !found[index]);
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The complete cache folder of the wanted version, else of the newest patch of the same minor version. */
export async function findCached(
  root: string,
  wanted: string = KUBERNETES_VERSION,
): Promise<{ folder: string; version: string } | undefined> {
  const name = new RegExp(`^kubernetes-(${minorVersion(wanted).replace('.', '\\.')}\\.(\\d+))-${platformName()}$`);
  const entries = await readdir(root).catch(() => []); // no cache yet
  const versions = entries
    .map((entry) => name.exec(entry))
    .filter((match) => match !== null)
    .toSorted((a, b) => Number(b[2]) - Number(a[2]))
    .map((match) => match[1] ?? '');
  for (const version of [wanted, ...versions]) {
    const folder = cacheFolder(root, version);
    if ((await missingPrograms(folder, REQUIRED_PROGRAMS)).length === 0) return { folder, version };
  }
  return undefined;
}

/**
 * Lets `produce` fill a temporary folder with `names`, then moves each into `target` by one rename, so that a
 * half-written program is never seen. The temporary folder goes away however this process ends.
 */
export async function install(
  target: string,
  names: readonly string[],
  produce: (folder: string) => Promise<void>,
): Promise<void> {
  const temporary = `${target}.${randomUUID()}.part`;
  using _cleanup = whenThisProcessEnds('sleep 1; chmod -R u+w "$1"; rm -rf -- "$1"', temporary);
  await mkdir(temporary, { recursive: true });
  try {
    await produce(temporary);
    await mkdir(target, { recursive: true });
    for (const name of names) {
      await chmod(join(temporary, name), 0o755);
      await rename(join(temporary, name), join(target, name));
    }
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Runs `work` while no other process holds the lock `name` in `root`; waits for its turn and says so. A holder
 * renews the lock every 5 s, so one that died is taken over at once on the same machine, else after 60 s.
 * The lock saves double work only; what makes the cache correct is the rename in `install`.
 */
export async function withLock<T>(root: string, name: string, progress: Progress, work: () => Promise<T>): Promise<T> {
  await mkdir(root, { recursive: true });
  const file = join(root, `${name}.lock`);
  const owner = `${hostname()} ${process.pid} ${randomUUID()}`;
  let waited = false;
  while (!(await take(file, owner))) {
    if (!waited) progress('another process is preparing the Kubernetes programs, waiting for it');
    waited = true;
    await sleep(500);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(file, now, now).catch(() => {}); // taken over after a long standstill: both may go on, see above
  }, HEARTBEAT_MS);
  using _cleanup = whenThisProcessEnds('rm -f -- "$1"', file);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if ((await readFile(file, 'utf8').catch(() => '')) === owner) await rm(file, { force: true });
  }
}

/** Programs that belong into a folder of the cache, and the lock under which they are made. */
export interface CacheEntry {
  readonly root: string;
  readonly folder: string;
  readonly names: readonly string[];
  readonly lock: string;
}

/** Lets `produce` make the programs in a temporary folder, unless they are there or another process makes them meanwhile. */
export async function fillCache(
  { root, folder, names, lock }: CacheEntry,
  progress: Progress,
  produce: (temporary: string) => Promise<void>,
): Promise<void> {
  await withLock(root, lock, progress, async () => {
    if ((await missingPrograms(folder, names)).length > 0) await install(folder, names, produce);
  });
}

async function take(file: string, owner: string): Promise<boolean> {
  try {
    await writeFile(file, owner, { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  if (!(await isStale(file))) return false;
  await rm(file, { force: true });
  return take(file, owner);
}

async function isStale(file: string): Promise<boolean> {
  try {
    const [{ mtimeMs }, content] = [await stat(file), await readFile(file, 'utf8')];
    const [host, pid] = content.split(' ');
    return Date.now() - mtimeMs > STALE_MS || (host === hostname() && pid !== undefined && !isAlive(Number(pid)));
  } catch {
    return false; // given back in this moment
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
