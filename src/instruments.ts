import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { AccountId } from './iam/arn.ts';
import type { AwsCall } from './iam/calls.ts';
import type { RateState } from './iam/rate-limit.ts';
import type { Metrics } from './runtime/metrics.ts';
import type { Clocks } from './sts/clocks.ts';

/** What the operator counts beside its runtime. Made once in a process, however often it comes to lead. */
export interface Instruments {
  countCall(call: AwsCall): void;
  /** Fields of a spec in which AWS differed, and was repaired. */
  countRepair(fields: readonly string[]): void;
  /** How far clocks are from AWS's, as its last answer showed. */
  showClocks(clocks: Clocks): void;
  /** From now on, the gauges show these rate limits. */
  showRates(rates: () => ReadonlyMap<AccountId, RateState>): void;
  /** From now on, the gauge shows these numbers of roles without an identity, by provider. */
  showOrphanedRoles(counts: () => ReadonlyMap<string, number>): void;
}

/** What a replica is, told as labels. */
export interface About {
  readonly version: string;
  readonly injection: string;
  readonly verification: string;
}

/** Where AWS can differ from a spec. */
export const DRIFT_FIELDS = [
  'role',
  'role.description',
  'role.inlinePolicies',
  'role.managedPolicyArns',
  'role.maxSessionDurationSeconds',
  'role.permissionsBoundaryArn',
  'role.tags',
  'role.trustPolicy',
];

export function createInstruments({ registry }: Metrics, about: About): Instruments {
  const registers = [registry];
  showAbout(registers, about);
  const countCall = callMetrics(registers);
  const repairs = new Counter({
    name: 'federated_identity_drift_repaired_total',
    help: 'Differences between AWS and a spec that were repaired, by field.',
    labelNames: ['field'],
    registers,
  });
  for (const field of DRIFT_FIELDS) repairs.inc({ field }, 0); // so that a rate is there before the first
  const clockSkew = new Gauge({
    name: 'federated_identity_clock_skew_seconds',
    help: "How far a clock is ahead of AWS's (negative: behind), as the last answer of STS showed: that of the operator, and that of the API server, which dates tokens.",
    labelNames: ['clock'],
    registers,
  });
  return {
    countCall,
    countRepair: (fields) => {
      for (const field of fields) repairs.inc({ field });
    },
    showClocks: ({ operator, apiServer }) => {
      clockSkew.set({ clock: 'operator' }, operator);
      if (apiServer !== undefined) clockSkew.set({ clock: 'api-server' }, apiServer);
    },
    showRates: rateMetrics(registers),
    showOrphanedRoles: orphanMetric(registers),
  };
}

function showAbout(registers: Registry[], { version, injection, verification }: About): void {
  const info = new Gauge({
    name: 'federated_identity_info',
    help: 'Always 1: the version of this replica and how it injects and proves.',
    labelNames: ['version', 'injection', 'verification'],
    registers,
  });
  info.set({ version, injection, verification }, 1);
}

function callMetrics(registers: Registry[]): Instruments['countCall'] {
  const calls = new Counter({
    name: 'aws_api_requests_total',
    help: 'Calls to AWS by service, operation and code; OK is success.',
    labelNames: ['aws_service', 'operation', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'aws_api_request_duration_seconds',
    help: 'Time from sending a call to AWS to its answer, without the wait for its turn.',
    labelNames: ['aws_service', 'operation'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registers,
  });
  return ({ service, operation, code, seconds }) => {
    calls.inc({ aws_service: service, operation, code });
    durations.observe({ aws_service: service, operation }, seconds);
  };
}

function rateMetrics(registers: Registry[]): Instruments['showRates'] {
  let ratesNow: Parameters<Instruments['showRates']>[0] | undefined;
  const show = (name: string, help: string, read: (state: RateState) => number): Gauge =>
    new Gauge({
      name: `aws_rate_limit_${name}`,
      help,
      labelNames: ['account'],
      registers,
      collect() {
        for (const [account, state] of ratesNow?.() ?? []) this.set({ account }, read(state));
      },
    });
  const allowed = 'IAM calls a second that are allowed now, by account; throttling by AWS lowers it.';
  show('calls_per_second', allowed, (state) => state.callsPerSecond);
  show('waiting_calls', 'IAM calls that wait for their turn, by account.', (state) => state.waiting);
  return (rates) => void (ratesNow = rates);
}

function orphanMetric(registers: Registry[]): Instruments['showOrphanedRoles'] {
  let countsNow: Parameters<Instruments['showOrphanedRoles']>[0] | undefined;
  const gauge = new Gauge({
    name: 'federated_identity_orphaned_roles',
    help: 'IAM roles that are tagged as those of identities of this cluster which are not there, by provider; those that were kept on purpose are among them.',
    labelNames: ['provider'],
    registers: [],
    collect() {
      this.reset();
      for (const [provider, count] of countsNow?.() ?? []) this.set({ provider }, count);
    },
  });
  for (const registry of registers) registry.registerMetric(gauge);
  return (counts) => void (countsNow = counts);
}
