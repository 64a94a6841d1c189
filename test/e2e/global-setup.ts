import { startCluster } from '../../dev/cluster/cluster.ts';
import { obtainHelm } from '../../dev/cluster/helm.ts';

/** Gets the programs first: on a new machine some are built, which takes minutes that no hook of a test has. */
export async function setup(): Promise<void> {
  const progress = (line: string): void => void process.stderr.write(`▸ ${line}\n`);
  await obtainHelm(progress).catch(() => {}); // the test that needs it asks again, and says why it can't be had
  const cluster = await startCluster({ progress, controllerManager: true });
  await cluster.stop();
}
