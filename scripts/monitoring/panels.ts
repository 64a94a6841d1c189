import { graph, OURS, type Row, stat, table } from './panel.ts';
import { COST, INJECTION, PROCESS } from './resource-panels.ts';

const CONTROLLERS = 'aws-oidc-provider|aws-federated-identity|annotated-service-account|drift-sweep|pod-stock-take';

const BROKEN: Row = {
  title: 'Is anything broken?',
  panels: [
    stat(
      'Identities not Ready',
      'Without suspended ones and those in deletion. New ones are among them for some seconds.',
      `sum(max by (identity_namespace, reason) (federated_identity_not_ready{${OURS}})) or vector(0)`,
      { limits: { warning: 1 } },
    ),
    stat(
      'Longest not Ready',
      'More than a quarter of an hour is no new identity any more.',
      `max(federated_identity_not_ready_seconds{${OURS}}) or vector(0)`,
      { unit: 's', limits: { warning: 300, critical: 900 } },
    ),
    stat(
      'Providers not Ready',
      'No identity of such a provider can be made or changed.',
      `count(max by (provider) (federated_identity_provider_conditions{condition="Ready", status!="True", ${OURS}})) or vector(0)`,
      { limits: { critical: 1 } },
    ),
    stat(
      'Pods to restart',
      'Running pods without their role or with an older one: they were created before it.',
      `sum(max by (identity_namespace) (federated_identity_pods_to_restart{${OURS}})) or vector(0)`,
      { limits: { warning: 1 } },
    ),
    stat(
      'Longest in deletion',
      'A finalizer waits until the role or the OIDC provider is gone.',
      `max(federated_identity_deletion_seconds{${OURS}})`,
      { unit: 's', limits: { warning: 600, critical: 3600 } },
    ),
    stat(
      'Replicas without a leader',
      'Leases that no replica holds; 0 is right. Without a leader nothing is made, changed or repaired.',
      `count(max by (namespace, name) (leader_election_master_status{name=~"federated-identity-operator.*", ${OURS}}) == 0) or vector(0)`,
      { limits: { critical: 1 } },
    ),
  ],
};

const WHOM: Row = {
  title: 'For whom?',
  panels: [
    table(
      'Identities not Ready, by namespace',
      'How many, and for how many seconds the oldest is so. `kubectl get afi -n NAMESPACE -o wide` shows the message of each.',
      [
        `max by (identity_namespace, reason) (federated_identity_not_ready{${OURS}})`,
        `max by (identity_namespace, reason) (federated_identity_not_ready_seconds{${OURS}})`,
      ],
    ),
    table(
      'Steps of providers that are not done',
      'The first step that is not True is the cause. `kubectl describe aop PROVIDER` shows what to do.',
      [
        `max by (provider, condition, status, reason) (federated_identity_provider_conditions{status!="True", condition!~"Reconciling|Stalled", ${OURS}})`,
      ],
    ),
    table(
      'Pods to restart, by namespace',
      '`kubectl aws-identity restart NAME -n NAMESPACE` shows what owns them and how to restart it.',
      [`max by (identity_namespace) (federated_identity_pods_to_restart{${OURS}})`],
    ),
    table(
      'Roles without an identity, by provider',
      'Tagged as those of identities of this cluster that are not there. The log names each, by the reason `RoleOrphaned`.',
      [`max by (provider) (federated_identity_orphaned_roles{${OURS}}) > 0`],
    ),
  ],
};

const WHY: Row = {
  title: 'Why?',
  panels: [
    graph('Identities by reason of Ready', 'Each reason has a heading in docs/troubleshooting.md.', [
      {
        expression: `max by (status, reason) (federated_identity_identity_conditions{condition="Ready", ${OURS}})`,
        legend: '{{status}} {{reason}}',
      },
    ]),
    graph(
      'Reconciles by result',
      'error is tried again, terminal waits for a change of the spec, requeue_after is the usual end.',
      [
        {
          expression: `sum by (controller, result) (rate(controller_runtime_reconcile_total{controller=~"${CONTROLLERS}", ${OURS}}[$__rate_interval]))`,
          legend: '{{controller}} {{result}}',
        },
      ],
      { unit: 'ops' },
    ),
    graph(
      'Longest wait and longest reconcile',
      'Grows without end when a queue does not move, and for some minutes in a burst. A reconcile ends after two minutes at most.',
      [
        {
          expression: `max by (name) (workqueue_oldest_wait_seconds{name=~"${CONTROLLERS}", ${OURS}})`,
          legend: '{{name}} waits',
        },
        {
          expression: `max by (name) (workqueue_longest_running_processor_seconds{name=~"${CONTROLLERS}", ${OURS}})`,
          legend: '{{name}} runs',
        },
      ],
      { unit: 's' },
    ),
    graph('Objects that wait', 'Keys that wait for a worker, by queue; those under work are not among them.', [
      { expression: `max by (name) (workqueue_depth{name=~"${CONTROLLERS}", ${OURS}})`, legend: '{{name}}' },
    ]),
    graph(
      'Time of a reconcile, p99',
      'Without the wait in the queue. Waiting for AWS is most of it; after 120 s it is aborted.',
      [
        {
          expression: `histogram_quantile(0.99, sum by (le, controller) (rate(controller_runtime_reconcile_time_seconds_bucket{controller=~"${CONTROLLERS}", ${OURS}}[$__rate_interval])))`,
          legend: '{{controller}}',
        },
      ],
      { unit: 's' },
    ),
    graph(
      'Time to the first Ready',
      'From the moment that the operator sees a new identity. Every replica counts each, which does not change quantiles.',
      [0.5, 0.99].map((quantile) => ({
        expression: `histogram_quantile(${quantile}, sum by (le) (rate(federated_identity_time_to_ready_seconds_bucket{${OURS}}[30m])))`,
        legend: `p${quantile * 100}`,
      })),
      { unit: 's' },
    ),
    graph(
      'Drift that was repaired, an hour',
      'Somebody changed a role in AWS. A trust policy is worth a look into CloudTrail.',
      [
        {
          expression: `sum by (field) (increase(federated_identity_drift_repaired_total{${OURS}}[1h]))`,
          legend: '{{field}}',
        },
      ],
    ),
    graph(
      'Longest without a proof',
      'Since when STS took no token for the identity that is longest so; 0 is right, also while it counts as Ready.',
      [{ expression: `max(federated_identity_unproven_seconds{${OURS}})`, legend: 'longest' }],
      { unit: 's' },
    ),
    graph(
      'Clocks',
      "How far the operator's and the API server's clocks are from AWS's. AWS takes five minutes.",
      [{ expression: `max by (clock) (abs(federated_identity_clock_skew_seconds{${OURS}}))`, legend: '{{clock}}' }],
      { unit: 's' },
    ),
  ],
};

/** The questions of whoever is on call, in their order. */
export const ROWS: readonly Row[] = [BROKEN, WHOM, WHY, COST, INJECTION, PROCESS];
