import type { Fate } from '../simulation/network.ts';
import { judgeEnd } from '../simulation/oracle.ts';
import { randomOf } from '../simulation/random.ts';
import { type Replica, startReplica } from '../simulation/replica.ts';
import { carryOut } from '../simulation/steps.ts';
import { inVirtualTime } from '../simulation/virtual-time.ts';
import type { Violation } from '../simulation/watchdog.ts';
import { createWorld } from '../simulation/world.ts';
import { type Blow, type Point, PointCounter } from './points.ts';
import { isKeyStep, SimulatedDocuments } from './simulated-documents.ts';
import { type Chapter, DELETION, LIFE } from './story.ts';

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
  /** People delete everything in that very moment, and not when all is in order again. */
  readonly thenDeleted?: boolean;
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
    // That a restart tells drift which is none is judged by the simulation.
    const { world, watchdog } = createWorld(time, random, () => {});
    const { api, aws, network } = world;
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
      if (strike.thenDeleted === true)
        for (const step of DELETION.flat()) time.after(step.at, () => does(step), 'world');
      return fateOf(strike.blow, crash);
    };
    const documents = new SimulatedDocuments(world);
    const does = (step: Chapter[number]): void =>
      isKeyStep(step) ? documents.carryOut(step) : carryOut(world, watchdog, step);
    const play = async (chapter: Chapter): Promise<void> => {
      const begin = time.now();
      const isAfterwards = wasStruck;
      documents.begin();
      for (const step of chapter) time.after(step.at, () => does(step));
      await time.runUntil(begin + CALM_MS);
      if (wasStruck && !isAfterwards) await time.runUntil(begin + RECOVERY_MS);
      judgeEnd({ api, aws, watchdog });
      for (const { kind, what } of documents.judge()) watchdog.report(kind, what);
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
