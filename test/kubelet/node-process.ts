// A process with a cluster, a node and a pod on it. Prints one line of JSON when the pod runs, and ends in order at the end
// of its input. Usage: node node-process.ts '<NodePrograms as JSON>'
import { once } from 'node:events';
import { startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';
import type { NodePrograms } from '../../dev/node/programs.ts';
import { IMAGE, WAIT, startWorkloadNode } from './node-scene.ts';

const programs = JSON.parse(process.argv[2] ?? '') as NodePrograms;
await using cluster = await startCluster();
await using node = await startWorkloadNode(cluster, programs);
const kubectl = (args: readonly string[], input = ''): Promise<string> =>
  run(cluster.kubectl, args, { env: { ...process.env, KUBECONFIG: cluster.kubeconfig }, input, timeoutMs: 60_000 });
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'waiting' },
  spec: {
    nodeName: node.name,
    hostNetwork: true,
    automountServiceAccountToken: false,
    containers: [
      { name: 'main', image: IMAGE, args: ['--eval', WAIT], volumeMounts: [{ name: 'memory', mountPath: '/memory' }] },
    ],
    volumes: [{ name: 'memory', emptyDir: { medium: 'Memory' } }],
  },
};
await kubectl(['create', '-f', '-'], JSON.stringify(pod));
await kubectl(['wait', 'pod/waiting', '--for=condition=Ready', '--timeout=45s']);
process.stdout.write(`${JSON.stringify({ name: node.name, traces: node.traces })}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
