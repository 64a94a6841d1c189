import { graph, OURS, type Row, stat } from './panel.ts';

/** Other programs of Node export the same names. */
const REPLICAS = `and on (job, instance) federated_identity_info{${OURS}}`;
const IDENTITIES = `sum(max by (status, reason) (federated_identity_identity_conditions{condition="Ready", ${OURS}}))`;

export const COST: Row = {
  title: 'What does it cost at AWS?',
  panels: [
    graph(
      'Calls by operation',
      'At rest a few a minute, whatever the population.',
      [
        {
          expression: `sum by (aws_service, operation) (rate(aws_api_requests_total{${OURS}}[$__rate_interval]))`,
          legend: '{{aws_service}}:{{operation}}',
        },
      ],
      { unit: 'reqps' },
    ),
    graph(
      'Calls that failed, by code',
      'AssumeRoleWithWebIdentity is denied once in each proof of a provider: that is what proves it.',
      [
        {
          expression: `sum by (operation, code) (rate(aws_api_requests_total{code!="OK", ${OURS}}[$__rate_interval]))`,
          legend: '{{operation}} {{code}}',
        },
      ],
      { unit: 'reqps' },
    ),
    graph(
      'Time of a call, p99',
      'From sending to the answer, without the wait for its turn.',
      [
        {
          expression: `histogram_quantile(0.99, sum by (le, aws_service) (rate(aws_api_request_duration_seconds_bucket{${OURS}}[$__rate_interval])))`,
          legend: '{{aws_service}}',
        },
      ],
      { unit: 's' },
    ),
    graph(
      'Rate that is allowed',
      'IAM calls a second, by account. Half of it after each throttling, and back in steps.',
      [{ expression: `max by (account) (aws_rate_limit_calls_per_second{${OURS}})`, legend: '{{account}}' }],
      { unit: 'cps' },
    ),
    graph('Calls that wait for their turn', 'By account. Waiting calls by the allowed rate is the wait in seconds.', [
      { expression: `max by (account) (aws_rate_limit_waiting_calls{${OURS}})`, legend: '{{account}}' },
    ]),
    stat(
      'Calls in the last hour',
      'To all services and accounts.',
      `sum(increase(aws_api_requests_total{${OURS}}[1h]))`,
    ),
    stat('Identities', 'All of the cluster, whatever their state.', IDENTITIES),
  ],
};

export const INJECTION: Row = {
  title: 'Injection',
  panels: [
    graph('Running pods', 'Of ServiceAccounts with an identity, by how they were injected.', [
      { expression: `max by (state) (federated_identity_pods{${OURS}})`, legend: '{{state}}' },
    ]),
    graph(
      'Reviews of the webhook',
      'By outcome. Empty with --injection=policy, where the API server injects by itself.',
      [
        {
          expression: `sum by (outcome) (rate(federated_identity_webhook_reviews_total{${OURS}}[$__rate_interval]))`,
          legend: '{{outcome}}',
        },
      ],
      { unit: 'ops' },
    ),
    graph(
      'Time of a review, p99',
      'What the webhook adds to the creation of a pod.',
      [
        {
          expression: `histogram_quantile(0.99, sum by (le) (rate(federated_identity_webhook_review_duration_seconds_bucket{${OURS}}[$__rate_interval])))`,
          legend: 'p99',
        },
      ],
      { unit: 's' },
    ),
    stat(
      'Certificate of the webhook expires in',
      'The next one of all replicas. It is replaced after two thirds of its life.',
      `min(federated_identity_webhook_certificate_expiry_timestamp_seconds{${OURS}}) - time()`,
      { unit: 's' },
    ),
    stat(
      'Stores not read',
      'Kinds of which a replica has not read all objects; 0 is right, and some seconds after a start it is more.',
      `count(min by (store) (federated_identity_store_synced{${OURS}}) == 0) or vector(0)`,
      { limits: { warning: 1 } },
    ),
    stat(
      'Stores out of date',
      'How long a replica has not been told of changes of some kind; 0 is right.',
      `max(federated_identity_store_stale_seconds{${OURS}})`,
      { unit: 's', limits: { warning: 60 } },
    ),
  ],
};

export const PROCESS: Row = {
  title: 'The process',
  panels: [
    graph(
      'Memory',
      'Resident memory of each replica; docs/sizing.md says how much to expect.',
      [{ expression: `process_resident_memory_bytes ${REPLICAS}`, legend: '{{pod}}' }],
      { unit: 'bytes', width: 6 },
    ),
    graph(
      'CPU',
      'Cores in use, by replica.',
      [{ expression: `rate(process_cpu_seconds_total[$__rate_interval]) ${REPLICAS}`, legend: '{{pod}}' }],
      { width: 6 },
    ),
    graph(
      'Event loop lag, p99',
      'How long a replica is busy at a time, with the 100 ms between two looks. Beyond some seconds it can lose its Lease.',
      [{ expression: `nodejs_eventloop_lag_p99_seconds ${REPLICAS}`, legend: '{{pod}}' }],
      { unit: 's', width: 6 },
    ),
    graph(
      'Objects in memory',
      'What it knows of the cluster, by store.',
      [{ expression: `max by (store) (federated_identity_store_objects{${OURS}})`, legend: '{{store}}' }],
      { width: 6 },
    ),
  ],
};
