import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { KERNEL_SETTINGS } from '../../dev/node/configuration.ts';

interface Started {
  readonly name: string;
  readonly traces: readonly string[];
}

test.each([
  { ending: 'is told to end', end: (child: ChildProcess) => child.stdin?.end() },
  { ending: 'is killed', end: (child: ChildProcess) => child.kill('SIGKILL') },
])('nothing of a node with a running pod is left when the process that started it $ending', async ({ end }) => {
  const settings = await kernelSettings();
  const script = fileURLToPath(new URL('node-process.ts', import.meta.url));
  const programs = JSON.stringify(inject('nodePrograms'));
  const child = spawn(process.execPath, [script, programs], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const { name, traces } = await firstLine(child);

  const processes = await processesOf(name);
  expect(traces.filter((trace) => !existsSync(trace))).toEqual([]);
  // sh, containerd, kubelet, shim, pause and the container.
  expect((await processes()).length).toBeGreaterThanOrEqual(6);

  const exited = once(child, 'exit');
  end(child);
  await exited;
  const left = async () => [...traces.filter((trace) => existsSync(trace)), ...(await processes())];
  await expect.poll(left, { timeout: 20_000, interval: 200 }).toEqual([]);
  expect((await readFile('/proc/mounts', 'utf8')).split('\n').filter((mount) => mount.includes(name))).toEqual([]);
  expect(await kernelSettings()).toEqual(settings);
});

async function firstLine(child: ChildProcess): Promise<Started> {
  const ended = once(child, 'exit').then(() => undefined);
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const line = await Promise.race([once(lines, 'line'), ended]);
  if (line === undefined) throw new Error('the process with the node ended early; what it wrote is above');
  return JSON.parse(String(line[0])) as Started;
}

const processIds = async (): Promise<readonly string[]> =>
  (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));

/** Command lines of all processes in the kubelet's namespace, and of the containers, which have a cgroup of the node. */
async function processesOf(name: string): Promise<() => Promise<readonly string[]>> {
  const isKubelet = async (id: string): Promise<boolean> => {
    const words = await commandOf(id);
    return words[0]?.endsWith('/kubelet') === true && words.includes(name);
  };
  const ids = await processIds();
  const kubelet = ids[(await Promise.all(ids.map(isKubelet))).indexOf(true)];
  if (kubelet === undefined) throw new Error(`no kubelet of ${name}`);
  const namespace = await readlink(`/proc/${kubelet}/ns/pid`);
  const isOfNode = async (id: string): Promise<boolean> =>
    (await readlink(`/proc/${id}/ns/pid`).catch(gone)) === namespace ||
    (await readFile(`/proc/${id}/cgroup`, 'utf8').catch(gone)).includes(name);
  return async () => {
    const now = await processIds();
    const own = await Promise.all(now.map(isOfNode));
    return Promise.all(now.filter((_, index) => own[index]).map(async (id) => (await commandOf(id)).join(' ')));
  };
}

/** A process may end between the listing and the look. */
const gone = (): string => '';

const commandOf = async (id: string): Promise<readonly string[]> =>
  (await readFile(`/proc/${id}/cmdline`, 'utf8').catch(gone)).split('\0');

function kernelSettings(): Promise<readonly string[]> {
  return Promise.all(Object.keys(KERNEL_SETTINGS).map((setting) => readFile(join('/proc/sys', setting), 'utf8')));
}
