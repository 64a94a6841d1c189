import { undefinedIfNotFound } from '../../src/kube/errors.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from '../../src/kube/injection-table.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import type { Disruptions } from './chaos-history.ts';
import { LOST_TABLE_MS } from './chaos-oracle.ts';
import type { Random } from './chaos-random.ts';
import { NAMESPACES, pause, persist, type Tenant } from './chaos-tenants.ts';

const ALWAYS = ['kill', 'terminate', 'freeze'] as const;
const BY_MODE = { policy: ALWAYS, webhook: [...ALWAYS, 'killAll', 'addReplica'] } as const;

export type Disturbance = (typeof BY_MODE)[ChaosCluster['mode']][number] | 'loseTable' | 'restartApiServer';

const signal = new AbortController().signal;

interface Blow {
  readonly victim: string;
  /** Milliseconds that it is away. */
  readonly absence: number;
}

/** What happens to the operator and to the API server. Afterwards all replicas of the installation run again. */
export class Disturber {
  readonly counts = new Map<Disturbance, number>();
  readonly disruptions: Disruptions = { restarts: [], lostTables: [] };
  readonly #bag: Disturbance[] = [];
  readonly #cluster: ChaosCluster;
  readonly #random: Random;
  readonly #tenants: readonly Tenant[];

  constructor(cluster: ChaosCluster, all: readonly Tenant[], random: Random) {
    this.#cluster = cluster;
    this.#tenants = all;
    this.#random = random;
  }

  /** Each one in turn, every time in another order. */
  next(): Disturbance {
    if (this.#bag.length === 0) this.#bag.push(...BY_MODE[this.#cluster.mode]);
    const [next] = this.#bag.splice(Math.floor(this.#random.between(0, this.#bag.length)), 1);
    return next ?? 'kill';
  }

  async carryOut(disturbance: Disturbance): Promise<void> {
    this.counts.set(disturbance, (this.counts.get(disturbance) ?? 0) + 1);
    const victim = this.#random.pick(this.#cluster.replicas);
    const absence = this.#random.between(0, 4_000);
    this.#note(`-- ${disturbance} of ${victim} begins`);
    await this.#carryOut(disturbance, { victim, absence });
    this.#note(`-- ${disturbance} ended`);
  }

  #note(text: string): void {
    for (const { history } of this.#tenants) history.note(text);
  }

  async #carryOut(disturbance: Disturbance, { victim, absence }: Blow): Promise<void> {
    const { replicas, running, start, kill, terminate } = this.#cluster;
    switch (disturbance) {
      case 'kill':
        await kill(victim);
        await pause(absence);
        return start(victim);
      case 'killAll':
        await Promise.all(replicas.map(kill));
        await pause(absence);
        await Promise.all(replicas.map(start));
        return undefined;
      case 'terminate':
        await terminate(victim);
        await pause(absence);
        return start(victim);
      case 'addReplica':
        await start('more');
        await pause(absence);
        return terminate('more');
      case 'freeze':
        return this.#freeze(running.get(victim)?.pid ?? 0, absence);
      case 'loseTable':
        return this.#loseTable(this.#random.pick(NAMESPACES));
      case 'restartApiServer': {
        const restart = { begun: performance.now(), ended: Infinity };
        this.disruptions.restarts.push(restart);
        await this.#restartApiServer();
        restart.ended = performance.now();
        return undefined;
      }
    }
  }

  async #freeze(pid: number, milliseconds: number): Promise<void> {
    process.kill(pid, 'SIGSTOP');
    await pause(milliseconds);
    process.kill(pid, 'SIGCONT');
  }

  async #restartApiServer(): Promise<void> {
    const { cluster, kubectl } = this.#cluster.stack;
    try {
      await cluster.restartApiServer();
    } catch (error) {
      const checks = await kubectl(['get', '--raw', '/readyz?verbose']).catch(String);
      throw new Error(`the API server does not come back: ${checks}`, { cause: error });
    }
  }

  /** The table of a namespace is deleted by one who has stolen the operator's rights, and the operator writes it again. */
  async #loseTable(namespace: string): Promise<void> {
    const name = { namespace, name: TABLE_NAME };
    const { kubernetes, asOperator } = this.#cluster;
    const read = (): Promise<InjectionTable | undefined> =>
      persist(() => kubernetes.get<InjectionTable>(CONFIG_MAPS, name, signal)).catch(undefinedIfNotFound);
    const before = await read();
    if (before === undefined) return;
    const loss = { namespace, begun: performance.now(), ended: Infinity };
    this.disruptions.lostTables.push(loss);
    await persist(() => asOperator.delete(CONFIG_MAPS, name, {}, signal)).catch(undefinedIfNotFound);
    const steady = this.#tenants.filter(
      ({ tenancy, history }) => history.namespace === namespace && tenancy.startsWith('steady'),
    );
    while (performance.now() - loss.begun < 2 * LOST_TABLE_MS) {
      const { data = {} } = (await read()) ?? {};
      if (steady.every(({ history }) => data[history.name] !== undefined)) break;
      await pause(50);
    }
    // Entries of those that come and go may be some moments later.
    loss.ended = performance.now() + 1_000;
  }
}
