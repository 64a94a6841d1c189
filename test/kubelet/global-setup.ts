import type { TestProject } from 'vitest/node';
import { obtainBinaries } from '../../dev/cluster/binaries.ts';
import { KUBERNETES_VERSION } from '../../dev/cluster/version.ts';
import { type NodePrograms, obtainNodePrograms } from '../../dev/node/programs.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    nodePrograms: NodePrograms;
  }
}

/** The programs first, as building them takes minutes. A control plane in the cache goes before kind, which has nodes of its own. */
export async function setup(project: TestProject): Promise<void> {
  const wanted = { environment: process.env, progress: (line: string) => void process.stderr.write(`▸ ${line}\n`) };
  const { version } = await obtainBinaries({ ...wanted, version: KUBERNETES_VERSION });
  project.provide('nodePrograms', await obtainNodePrograms({ ...wanted, version }));
}
