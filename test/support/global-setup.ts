import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startCluster } from '../../dev/cluster/cluster.ts';
import { obtainHelm } from '../../dev/cluster/helm.ts';
import { run } from '../../dev/cluster/process.ts';
import { obtainPromtool } from '../../dev/cluster/promtool.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of an admin's kubeconfig. */
    kubeconfig: string;
    /** Path of a kubectl of the cluster's version. */
    kubectl: string;
  }
}

const CRDS = fileURLToPath(new URL('../../config/crd', import.meta.url));

/** One API server with our CRDs for all integration tests; each file works in namespaces of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = (line: string): void => void process.stderr.write(`▸ ${line}\n`);
  // A build of Go beside tests makes them slow. The test that needs a tool asks again, and says why it can't be had.
  for (const obtain of [obtainHelm, obtainPromtool]) await obtain(progress).catch(() => {});
  const cluster = await startCluster({ progress });
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  await run(cluster.kubectl, ['apply', '--server-side', '-k', CRDS], { env });
  await run(cluster.kubectl, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'], { env });
  project.provide('kubeconfig', cluster.kubeconfig);
  project.provide('kubectl', cluster.kubectl);
  return () => cluster.stop();
}
