import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { handDownControllers, hierarchiesOf } from './cgroups.ts';

const V1 = ['cpu', 'cpuset', 'memory', 'pids'].map(
  (name) => `cgroup /sys/fs/cgroup/${name} cgroup rw,relatime,${name} 0 0`,
);

test.each([
  {
    name: 'version 2',
    mounts: ['proc /proc proc rw 0 0', 'cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0'],
    hierarchies: { kind: 'unified', mountPoint: '/sys/fs/cgroup' },
  },
  {
    name: 'version 1 with controllers that share a tree',
    mounts: [...V1.slice(1), 'cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0'],
    hierarchies: {
      kind: 'perController',
      mountPoints: ['cpuset', 'memory', 'pids', 'cpu,cpuacct'].map((tree) => `/sys/fs/cgroup/${tree}`),
    },
  },
  {
    name: 'version 1 with a tree of version 2 beside it',
    mounts: [...V1, 'cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0'],
    hierarchies: {
      kind: 'perController',
      mountPoints: ['cpu', 'cpuset', 'memory', 'pids', 'unified'].map((tree) => `/sys/fs/cgroup/${tree}`),
    },
  },
])('cgroups are found in the mounts of $name', ({ mounts, hierarchies }) => {
  expect(hierarchiesOf(mounts.join('\n'))).toEqual(hierarchies);
});

test('a machine whose cgroups are of no use to a kubelet is told what it lacks', () => {
  expect(() => hierarchiesOf(V1.slice(0, 2).join('\n'))).toThrow('no cgroup controller memory, pids is mounted');
});

test.each([
  { name: 'adds what a kubelet wants and is not handed down yet', enabled: 'memory pids', written: '+cpuset +cpu' },
  {
    name: 'leaves it as it is when nothing is missing',
    enabled: 'cpuset cpu memory pids',
    written: 'cpuset cpu memory pids',
  },
])('the root of version 2 $name', async ({ enabled, written }) => {
  const root = await mkdtemp(join(tmpdir(), 'cgroups-test-'));
  onTestFinished(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'cgroup.controllers'), 'cpuset cpu io memory pids rdma\n');
  await writeFile(join(root, 'cgroup.subtree_control'), enabled);
  await handDownControllers(root);
  expect(await readFile(join(root, 'cgroup.subtree_control'), 'utf8')).toBe(written);
});
