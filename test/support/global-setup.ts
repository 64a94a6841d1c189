import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startCluster } from '../../dev/cluster/cluster.ts';
import { run } from '../../dev/cluster/process.ts';

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
  const cluster = await startCluster({ progress: (line) => process.stderr.write(`▸ ${line}\n`) });
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  await run(cluster.kubectl, ['apply', '--server-side', '-k', CRDS], { env });
  await run(cluster.kubectl, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'], { env });
  project.provide('kubeconfig', cluster.kubeconfig);
  project.provide('kubectl', cluster.kubectl);
  return () => cluster.stop();
}
