import { IDENTITIES, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import { type KubernetesResource, nameOf } from '../../src/kube/resource.ts';
import { ApiServer } from './api-server.ts';
import { Aws } from './aws.ts';
import { Network } from './network.ts';
import { judgeEnd } from './oracle.ts';
import { type Random, randomOf } from './random.ts';
import { type Replica, startReplica, type World } from './replica.ts';
import { SCRIPT_MS, scriptOf, type Step } from './script.ts';
import { carryOut } from './steps.ts';
import { inVirtualTime, type VirtualTime } from './virtual-time.ts';
import { type Violation, Watchdog } from './watchdog.ts';

const MINUTE = 60_000;
/** Refusals are looked at again hourly; after that, and the sweeps that follow, all must be in order. */
const QUIET_AT = SCRIPT_MS + 85 * MINUTE;
/** In this time at the end, nothing may be written. */
const REST_MS = 30 * MINUTE;
const EPOCH = Date.parse('2026-03-01T12:00:00Z');

const OPERATOR = { namespace: 'operator-system', name: 'operator', labels: {}, annotations: {}, finalizers: [] };

export interface Run {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly violations: readonly Violation[];
  readonly writes: readonly { readonly at: number; readonly what: string }[];
}

/** Runs a seed's script, or a part of it, to its end. Equal arguments give equal runs. */
export function simulate(seed: number, steps: readonly Step[] = scriptOf(randomOf(seed))): Promise<Run> {
  return inVirtualTime(async (time) => {
    const random = randomOf(seed ^ 0x5eed);
    const now = (): Date => new Date(EPOCH + time.now());
    const api = new ApiServer(now);
    const aws = new Aws(time, random, random.pick([0, 2_000, 20_000, 55_000]));
    const network = new Network(time, random);
    const watchdog = new Watchdog({ api, aws, now: time.now });
    const world: World = {
      time,
      random,
      api,
      aws,
      network,
      now,
      onEvent: () => watchdog.event(),
      onRepair: (identity) => watchdog.repaired(identity),
    };
    api.create(SERVICE_ACCOUNTS, { metadata: OPERATOR }, 'user');
    collectGarbage(api, time, random);
    const operator = new Operator(world);
    for (const step of steps) time.after(step.at, () => perform(operator, world, watchdog, step));
    time.after(SCRIPT_MS, () => network.calm());
    await time.runUntil(QUIET_AT);
    judgeEnd({ api, aws, watchdog });
    await time.runUntil(QUIET_AT + REST_MS);
    operator.kill();
    const unrest = watchdog.writes.filter(({ at }) => at > QUIET_AT);
    if (unrest.length > 0)
      watchdog.report(
        'I6',
        `${unrest.length} writes at rest: ${[...new Set(unrest.map(({ what }) => what))].slice(0, 5).join(', ')}`,
      );
    return { seed, steps, violations: watchdog.violations, writes: watchdog.writes };
  });
}

function perform(operator: Operator, world: World, watchdog: Watchdog, step: Step): void {
  const { time, network } = world;
  switch (step.do) {
    case 'storm':
      return network.add({ ...step, until: Math.min(time.now() + step.forMs, SCRIPT_MS) });
    case 'stall':
      return operator.current.watching.stall(step.kind, time.now() + step.forMs, step.how);
    case 'crash':
      return operator.crash(step.downMs);
    default:
      return carryOut(world, watchdog, step);
  }
}

/** The process that works now, and its successors. */
class Operator {
  readonly #world: World;
  current: Replica;

  constructor(world: World) {
    this.#world = world;
    this.current = startReplica(world);
  }

  crash(downMs: number): void {
    this.current.kill();
    const dead = this.current;
    this.#world.time.after(downMs, () => {
      if (this.current === dead) this.current = startReplica(this.#world);
    });
  }

  kill(): void {
    this.current.kill();
  }
}

/** Children of an identity that is gone go too, some seconds later. */
function collectGarbage(api: ApiServer, time: VirtualTime, random: Random): void {
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
    if (isCause) time.after(1_000 + random.below(5_000), collect);
  });
}
