import { IDENTITIES, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import { type KubernetesResource, nameOf } from '../../src/kube/resource.ts';
import { inMemoryBucket } from '../support/in-memory-s3.ts';
import { ApiServer } from './api-server.ts';
import { Aws } from './aws.ts';
import { Network } from './network.ts';
import type { Random } from './random.ts';
import type { World } from './replica.ts';
import type { VirtualTime } from './virtual-time.ts';
import { Watchdog } from './watchdog.ts';

const EPOCH = Date.parse('2026-03-01T12:00:00Z');
const OPERATOR = { namespace: 'operator-system', name: 'operator', labels: {}, annotations: {}, finalizers: [] };
/** How late IAM's reads are, in milliseconds; one of these in each world. */
const LAGS_MS = [0, 2_000, 20_000, 55_000] as const;

/** An API server and an AWS in which nothing has happened, and who watches over them. Equal arguments give equal worlds. */
export function createWorld(
  time: VirtualTime,
  random: Random,
  onRepair: (identity: Parameters<World['onRepair']>[0], watchdog: Watchdog) => void,
): { readonly world: World; readonly watchdog: Watchdog } {
  const now = (): Date => new Date(EPOCH + time.now());
  const api = new ApiServer(now);
  const aws = new Aws(time, random, random.pick(LAGS_MS));
  const network = new Network(time, random);
  const bucket = inMemoryBucket();
  bucket.mayList = false; // nobody gives the operator s3:ListBucket
  const watchdog = new Watchdog({ api, aws, bucket, now: time.now });
  const world: World = {
    time,
    random,
    api,
    aws,
    bucket,
    network,
    now,
    onEvent: () => watchdog.event(),
    onRepair: (identity) => onRepair(identity, watchdog),
  };
  api.create(SERVICE_ACCOUNTS, { metadata: OPERATOR }, 'user');
  collectGarbage(world);
  return { world, watchdog };
}

/** Children of an identity that is gone go too, some seconds later. */
function collectGarbage({ api, time, random }: World): void {
  const collect = (): void => {
    const live = new Set(api.all(IDENTITIES).map(({ metadata }) => metadata.uid));
    for (const child of api.all<KubernetesResource>(SERVICE_ACCOUNTS)) {
      const { ownerReferences = [], uid } = child.metadata;
      if (ownerReferences.length === 0 || ownerReferences.some((owner) => live.has(owner.uid))) continue;
      api.delete(SERVICE_ACCOUNTS, nameOf(child), { uid }, 'garbage-collector');
    }
  };
  api.onCommit(({ kind, type }) => {
    const isCause = (kind === IDENTITIES.kind && type === 'deleted') || kind === SERVICE_ACCOUNTS.kind;
    if (isCause) time.after(1_000 + random.below(5_000), collect, 'world');
  });
}
