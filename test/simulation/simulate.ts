import { judgeEnd } from './oracle.ts';
import { randomOf } from './random.ts';
import { StoredLease } from './lease.ts';
import { type Replica, startReplica, type World } from './replica.ts';
import { type Fleet, SCRIPT_MS, scriptOf, type Step } from './script.ts';
import { carryOut } from './steps.ts';
import { inVirtualTime } from './virtual-time.ts';
import type { Violation, Watchdog } from './watchdog.ts';
import { createWorld } from './world.ts';

const MINUTE = 60_000;
/** Refusals are looked at again hourly; after that, and the sweeps that follow, all must be in order. */
const QUIET_AT = SCRIPT_MS + 85 * MINUTE;
/** In this time at the end, nothing may be written. */
const REST_MS = 30 * MINUTE;
/** How far the clocks of two machines are apart. */
const SKEW_MS = 5 * MINUTE;

export interface Run {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly violations: readonly Violation[];
  readonly writes: readonly { readonly at: number; readonly what: string }[];
}

/** Runs a seed's script, or a part of it, to its end. Equal arguments give equal runs. */
export function simulate(seed: number, steps: readonly Step[] = scriptOf(randomOf(seed), fleetOf(seed))): Promise<Run> {
  return inVirtualTime(async (time) => {
    const random = randomOf(seed ^ 0x5eed);
    // A time in the status that another machine's clock wrote does not tell how long ago that was.
    const isTold = fleetOf(seed) !== 'skewed pair';
    const { world, watchdog } = createWorld(time, random, (identity, told) => isTold && told.repaired(identity));
    const { api, aws, network } = world;
    const operator = new Operator(world, watchdog, fleetOf(seed));
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
    case 'storm': {
      const until = Math.min(time.now() + step.forMs, SCRIPT_MS);
      if (step.target === 'api') watchdog.apiTrouble(until);
      return network.add({ ...step, until });
    }
    case 'stall':
      return operator.current?.watching.stall(step.kind, time.now() + step.forMs, step.how);
    case 'crash':
      return operator.crash(step.downMs);
    case 'pause':
      return operator.pause(step.forMs);
    case 'delete-lease':
      return operator.lease.delete();
    case 'steal-lease':
      return operator.lease.steal();
    default:
      return carryOut(world, watchdog, step);
  }
}

/** In every fifth life two processes stand for election, and in half of these their clocks differ; else there is only one. */
const fleetOf = (seed: number): Fleet => (seed % 10 === 5 ? 'skewed pair' : seed % 10 === 0 ? 'pair' : 'single');

/** The processes that are there now, and their successors. */
class Operator {
  readonly #world: World;
  readonly #watchdog: Watchdog;
  readonly #fleet: Fleet;
  readonly lease = new StoredLease();
  #replicas: readonly Replica[];

  constructor(world: World, watchdog: Watchdog, fleet: Fleet) {
    this.#world = world;
    this.#watchdog = watchdog;
    this.#fleet = fleet;
    this.#replicas = fleet === 'single' ? [this.#start()] : [this.#start(), this.#start()];
  }

  /** The one that works, or that would. */
  get current(): Replica | undefined {
    return this.#replicas.find((replica) => replica.isLeading()) ?? this.#replicas[0];
  }

  crash(downMs: number): void {
    const dead = this.current;
    dead?.kill();
    this.#replicas = this.#replicas.filter((replica) => replica !== dead);
    if (dead !== undefined)
      this.#world.time.after(downMs, () => void (this.#replicas = [...this.#replicas, this.#start()]));
  }

  /** SIGSTOP, and SIGCONT after a while. */
  pause(forMs: number): void {
    const { current } = this;
    const { time } = this.#world;
    if (current === undefined || current.process.isPaused) return;
    current.process.pause();
    time.after(forMs, () => current.process.resume(time));
  }

  kill(): void {
    for (const replica of this.#replicas) replica.kill();
  }

  #start(): Replica {
    const { random } = this.#world;
    if (this.#fleet === 'single') return startReplica(this.#world);
    return startReplica(this.#world, {
      lease: this.lease,
      skewMs: this.#fleet === 'skewed pair' ? random.pick([0, -SKEW_MS, SKEW_MS]) : 0,
      onWriteSent: (operation, term) => this.#watchdog.writeSent(operation, term),
    });
  }
}
