import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { QueueObserver, QueueState } from './work-queue.ts';

/** How a reconcile ended, in controller-runtime's words plus `terminal`. */
export type ReconcileOutcome = 'success' | 'error' | 'requeue_after' | 'terminal';

export interface ControllerObserver {
  started(): void;
  ended(outcome: ReconcileOutcome, seconds: number): void;
}

export interface Metrics {
  /** For other modules to add theirs, and for `/metrics` to print. */
  readonly registry: Registry;
  controller(name: string, concurrency: number): ControllerObserver;
  queue(name: string): QueueObserver;
  leadership(name: string, isLeading: boolean): void;
}

/** Between two looks at the event loop: each wakes the process, and at the usual 10 ms that is more than half of what idling costs. */
const EVENT_LOOP_LOOK_MS = 100;

/** Names and labels are controller-runtime's and client-go's, so that their dashboards work; the registry is its own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS });
  const registers = [registry];
  const name = 'leader_election_master_status';
  const master = new Gauge({ name, help: '1 while this process leads, else 0.', labelNames: ['name'], registers });
  return {
    registry,
    controller: controllerMetrics(registers),
    queue: queueMetrics(registers),
    leadership: (election, isLeading) => master.set({ name: election }, isLeading ? 1 : 0),
  };
}

function controllerMetrics(registers: Registry[]): Metrics['controller'] {
  const prefix = 'controller_runtime';
  const common = { labelNames: ['controller'], registers };
  const limit = new Gauge({ ...common, name: `${prefix}_max_concurrent_reconciles`, help: 'Workers.' });
  const active = new Gauge({ ...common, name: `${prefix}_active_workers`, help: 'Workers in a reconcile now.' });
  const total = new Counter({
    name: `${prefix}_reconcile_total`,
    help: 'Reconciles by how they ended.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const time = new Histogram({
    ...common,
    name: `${prefix}_reconcile_time_seconds`,
    help: 'Length of a reconcile.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
  });
  return (controller, concurrency) => {
    limit.set({ controller }, concurrency);
    active.set({ controller }, 0);
    return {
      started: () => active.inc({ controller }),
      ended: (result, seconds) => {
        active.dec({ controller });
        total.inc({ controller, result });
        time.observe({ controller }, seconds);
      },
    };
  };
}

function queueMetrics(registers: Registry[]): Metrics['queue'] {
  const common = { labelNames: ['name'], registers };
  const depth = new Gauge({ ...common, name: 'workqueue_depth', help: 'Keys that wait for a worker.' });
  const adds = new Counter({ ...common, name: 'workqueue_adds_total', help: 'Keys added to the queue.' });
  const retries = new Counter({ ...common, name: 'workqueue_retries_total', help: 'Retries after a failure.' });
  const waited = new Histogram({
    ...common,
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a key waited for a worker.',
    buckets: [0.001, 0.01, 0.1, 1, 10, 100, 1000],
  });
  const states = queueStates(registers);
  return (name) => ({
    follow: (state) => void states.set(name, state),
    added: () => adds.inc({ name }),
    taken: (seconds) => waited.observe({ name }, seconds),
    retried: () => retries.inc({ name }),
    depth: (keys) => depth.set({ name }, keys),
  });
}

/** A queue that does not move shows here: its oldest key waits longer and longer, or its workers never end. */
function queueStates(registers: Registry[]): Map<string, () => QueueState> {
  const states = new Map<string, () => QueueState>();
  const gauge = (name: string, help: string, read: (state: QueueState) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers,
      collect() {
        for (const [queue, state] of states) this.set({ name: queue }, read(state()));
      },
    });
  gauge('workqueue_oldest_wait_seconds', 'How long the key that waits longest has waited.', (s) => s.oldestWaitSeconds);
  gauge(
    'workqueue_longest_running_processor_seconds',
    'How long the longest reconcile runs.',
    (s) => s.longestRunSeconds,
  );
  gauge(
    'workqueue_unfinished_work_seconds',
    'How long all reconciles in flight run, summed.',
    (s) => s.unfinishedSeconds,
  );
  return states;
}
