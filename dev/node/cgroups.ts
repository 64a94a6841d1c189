import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the kernel shows its control groups: one tree for each controller (version 1), or one for all (version 2). */
export type Hierarchies =
  | { readonly kind: 'perController'; readonly mountPoints: readonly string[] }
  | { readonly kind: 'unified'; readonly mountPoint: string };

const UNIFIED = '/sys/fs/cgroup';
/** Controllers that the kubelet demands of its root cgroup where the kernel has them. */
const KUBELET_CONTROLLERS: ReadonlySet<string> = new Set(['cpu', 'cpuset', 'memory', 'hugetlb', 'pids']);
/** The trees of version 1 without which the kubelet does not start. */
const REQUIRED_TREES: readonly string[] = ['cpu', 'cpuset', 'memory', 'pids'];

/** Reads them from /proc/mounts. Throws when the kubelet could not work with them. */
export function hierarchiesOf(mounts: string): Hierarchies {
  const all = mounts.split('\n').map((line) => line.split(' '));
  if (all.some(([, mountPoint, type]) => type === 'cgroup2' && mountPoint === UNIFIED))
    return { kind: 'unified', mountPoint: UNIFIED };
  const trees = all.filter(([, , type]) => type === 'cgroup');
  const controllers = new Set(trees.flatMap(([, , , options = '']) => options.split(',')));
  const missing = REQUIRED_TREES.filter((controller) => !controllers.has(controller));
  if (missing.length > 0) throw new Error(`no cgroup controller ${missing.join(', ')} is mounted`);
  // Hybrid systems have a tree of version 2 beside them, in which runc may leave something too.
  const mounted = all.filter(([, , type]) => type === 'cgroup' || type === 'cgroup2');
  return { kind: 'perController', mountPoints: mounted.map(([, mountPoint = '']) => mountPoint) };
}

/** Folders of the cgroup `name`, which need not exist. */
export async function cgroupFolders(name: string): Promise<readonly string[]> {
  const hierarchies = await readHierarchies();
  const mountPoints = hierarchies.kind === 'unified' ? [hierarchies.mountPoint] : hierarchies.mountPoints;
  return mountPoints.map((mountPoint) => join(mountPoint, name));
}

/** Makes a cgroup that the kubelet can take for its root. Throws when the kernel does not let us; some folders may be left then. */
export async function createCgroup(name: string): Promise<void> {
  const hierarchies = await readHierarchies();
  if (hierarchies.kind === 'unified') await handDownControllers(hierarchies.mountPoint);
  for (const folder of await cgroupFolders(name)) await mkdir(folder);
}

const readHierarchies = async (): Promise<Hierarchies> => hierarchiesOf(await readFile('/proc/mounts', 'utf8'));

/**
 * A cgroup of version 2 has the controllers that its parent hands down. systemd hands down some; a kubelet adds the rest
 * for the whole machine, and so do we.
 */
export async function handDownControllers(mountPoint: string): Promise<void> {
  const words = async (file: string): Promise<readonly string[]> =>
    (await readFile(join(mountPoint, file), 'utf8')).trim().split(' ');
  const enabled = new Set(await words('cgroup.subtree_control'));
  const missing = (await words('cgroup.controllers')).filter(
    (controller) => KUBELET_CONTROLLERS.has(controller) && !enabled.has(controller),
  );
  if (missing.length === 0) return;
  await writeFile(join(mountPoint, 'cgroup.subtree_control'), missing.map((name) => `+${name}`).join(' '));
}
