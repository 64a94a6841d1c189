import { IDENTITIES, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import { type KubernetesResource, nameOf } from '../../src/kube/resource.ts';
import { ApiServer } from '../simulation/api-server.ts';
import { Aws } from '../simulation/aws.ts';
import { type Fate, Network } from '../simulation/network.ts';
import { judgeEnd } from '../simulation/oracle.ts';
import { randomOf } from '../simulation/random.ts';
import { type Replica, startReplica, type World } from '../simulation/replica.ts';
import { carryOut } from '../simulation/steps.ts';
import { inVirtualTime } from '../simulation/virtual-time.ts';
import { type Violation, Watchdog } from '../simulation/watchdog.ts';
import { type Blow, type Point, PointCounter } from './points.ts';
import { DELETION, LIFE } from './story.ts';

const MINUTE = 60_000;
/** A chapter in which nothing goes wrong: IAM's lag, and the consistency window at a deletion. */
const CALM_MS = 4 * MINUTE;
/**
 * The time by which all must be in order after a blow: a resync, since a status that a dead process had sent may arrive
 * after its successor's, and nothing else repairs it; then IAM's lag, the consistency window and the waits between attempts.
 */
const RECOVERY_MS = 15 * MINUTE;
/** In this time after that, nothing may be written. */
const REST_MS = 12 * MINUTE;
const EPOCH = Date.parse('2026-03-01T12:00:00Z');
const OPERATOR = { namespace: 'operator-system', name: 'operator', labels: {}, annotations: {}, finalizers: [] };

export interface SimulatedRun {
  readonly violations: readonly Violation[];
  /** Every write that was sent, in its order. */
  readonly points: readonly Point[];
  readonly wasStruck: boolean;
}

/** The one fault of a run: at which write, and how. */
export interface Strike {
  readonly point: Point;
  readonly blow: Blow;
}

const isWrite = (target: string, operation: string): boolean =>
  target !== 'sts' && !/^(?:get|list|Get|List|token)/.test(operation);

/**
 * Plays the story of both kinds from creation to deletion over the models of API server and AWS, with one blow at one write.
 * Equal arguments give equal runs; without a strike it tells the points that there are.
 */
export function playSimulated(seed: number, strike?: Strike): Promise<SimulatedRun> {
  return inVirtualTime(async (time) => {
    const random = randomOf(seed ^ 0xc4a5);
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
      onRepair: () => {}, // that a restart tells drift which is none is judged by the simulation
    };
    api.create(SERVICE_ACCOUNTS, { metadata: OPERATOR }, 'user');
    collectGarbage(world);
    let replica = startReplica(world);
    const downMs = random.pick([0, 1_000, 20_000]);
    const crash = (): void => {
      const dead: Replica = replica;
      dead.kill();
      time.after(downMs, () => void (replica = startReplica(world)));
    };
    const counter = new PointCounter();
    let wasStruck = false;
    network.intercept = ({ target, operation }) => {
      if (!isWrite(target, operation)) return undefined;
      const point = counter.next(`${target} ${operation}`);
      if (strike === undefined || wasStruck || !isSame(point, strike.point)) return undefined;
      wasStruck = true;
      return fateOf(strike.blow, crash);
    };
    const play = async (chapter: (typeof LIFE)[number]): Promise<void> => {
      const begin = time.now();
      const isAfterwards = wasStruck;
      for (const step of chapter) time.after(step.at, () => carryOut(world, watchdog, step));
      await time.runUntil(begin + CALM_MS);
      if (wasStruck && !isAfterwards) await time.runUntil(begin + RECOVERY_MS);
      judgeEnd({ api, aws, watchdog });
      if (!wasStruck || isAfterwards) return;
      await time.runUntil(begin + RECOVERY_MS + REST_MS);
      const unrest = watchdog.writes.filter(({ at }) => at > begin + RECOVERY_MS);
      if (unrest.length > 0) watchdog.report('I6', `${unrest.length} writes at rest: ${unrest[0]?.what}`);
    };
    for (const chapter of LIFE) if (!wasStruck) await play(chapter); // oxlint-disable-line no-await-in-loop -- chapters follow each other
    for (const chapter of DELETION) await play(chapter); // oxlint-disable-line no-await-in-loop -- as above
    replica.kill();
    return { violations: watchdog.violations, points: counter.points, wasStruck };
  });
}

const isSame = (a: Point, b: Point): boolean => a.write === b.write && a.occurrence === b.occurrence;

function fateOf(blow: Blow, crash: () => void): Fate {
  const error = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
  switch (blow) {
    case 'request-lost':
      return { error, takesEffect: false, afterMs: 0 };
    case 'response-lost':
      return { error, takesEffect: true, afterMs: 0 };
    case 'killed-before':
      crash();
      return { error, takesEffect: false, afterMs: 0 };
    case 'killed-after':
      crash();
      return { error, takesEffect: true, afterMs: 0 };
    default:
      return blow satisfies never;
  }
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
    if (kind === IDENTITIES.kind && type === 'deleted') time.after(1_000 + random.below(5_000), collect);
  });
}
