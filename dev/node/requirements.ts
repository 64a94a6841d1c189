import { access, constants, rmdir } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { run } from '../cluster/process.ts';
import { cgroupFolders, createCgroup } from './cgroups.ts';
import { whyNoPrograms } from './programs.ts';

/** Arguments of unshare: what follows is process 1 of a namespace for processes, with mounts of its own. */
export const OWN_NAMESPACES = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc'] as const;

/** Why no node can run on this machine, in one line, or undefined when it can. Leaves nothing behind. */
export async function whyNoNode(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (process.platform !== 'linux') return `a node needs Linux, and this is ${process.platform}`;
  if (process.geteuid?.() !== 0) return 'a node needs root';
  return (
    (await whyNoKernelLog()) ??
    (await whyNoNamespaces()) ??
    (await whyNoCgroups()) ??
    (await whyNoPrograms(environment))
  );
}

/** The kubelet watches it for processes that ran out of memory, and does not start without. */
async function whyNoKernelLog(): Promise<string | undefined> {
  return access('/dev/kmsg', constants.R_OK).then(
    () => undefined,
    () => 'there is no /dev/kmsg to read',
  );
}

async function whyNoNamespaces(): Promise<string | undefined> {
  return run('unshare', [...OWN_NAMESPACES, 'mount', '--bind', '/tmp', '/tmp'], { timeoutMs: 10_000 }).then(
    () => undefined,
    (error: unknown) => `this machine allows no namespaces and mounts (${oneLine(error)})`,
  );
}

async function whyNoCgroups(): Promise<string | undefined> {
  const name = `federated-identity-probe-${randomUUID().slice(0, 8)}`;
  try {
    const folders = await cgroupFolders(name);
    try {
      await createCgroup(name);
    } finally {
      await Promise.allSettled(folders.map((folder) => rmdir(folder))); // not all of them were made when it failed
    }
    return undefined;
  } catch (error) {
    return `this machine allows no cgroups (${oneLine(error)})`;
  }
}

const oneLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ');
