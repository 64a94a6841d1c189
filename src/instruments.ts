import { Counter, Gauge } from 'prom-client';
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
}

export function createInstruments({ registry }: Metrics): Instruments {
  const registers = [registry];
  const calls = new Counter({
    name: 'aws_api_requests_total',
    help: 'Calls to AWS by service, operation and code; OK is success.',
    labelNames: ['service', 'operation', 'code'],
    registers,
  });
  const repairs = new Counter({
    name: 'federated_identity_drift_repaired_total',
    help: 'Differences between AWS and a spec that were repaired, by field.',
    labelNames: ['field'],
    registers,
  });
  const clockSkew = new Gauge({
    name: 'federated_identity_clock_skew_seconds',
    help: "How far a clock is ahead of AWS's (negative: behind), as the last answer of STS showed: that of the operator, and that of the API server, which dates tokens.",
    labelNames: ['clock'],
    registers,
  });
  let ratesNow: (() => ReadonlyMap<AccountId, RateState>) | undefined;
  const allowed = new Gauge({
    name: 'aws_rate_limit_calls_per_second',
    help: 'IAM calls a second that are allowed now, by account; throttling by AWS lowers it.',
    labelNames: ['account'],
    registers,
    collect: () => {
      for (const [account, { callsPerSecond }] of ratesNow?.() ?? []) allowed.set({ account }, callsPerSecond);
    },
  });
  return {
    countCall: ({ service, operation, code }) => calls.inc({ service, operation, code }),
    countRepair: (fields) => {
      for (const field of fields) repairs.inc({ field });
    },
    showClocks: ({ operator, apiServer }) => {
      clockSkew.set({ clock: 'operator' }, operator);
      if (apiServer !== undefined) clockSkew.set({ clock: 'api-server' }, apiServer);
    },
    showRates: (rates) => void (ratesNow = rates),
  };
}
