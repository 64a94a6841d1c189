import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ACCOUNT } from '../test/support/builders.ts';
import { createInstruments, DRIFT_FIELDS } from './instruments.ts';
import { createMetrics } from './runtime/metrics.ts';

const ABOUT = { version: '1.2.3', injection: 'policy', verification: 'token' };

function instrumentsOf() {
  const metrics = createMetrics();
  const instruments = createInstruments(metrics, ABOUT);
  const lines = async (pattern: RegExp): Promise<readonly string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => pattern.test(line));
  return { instruments, lines };
}

test('a call to AWS is counted by service, operation and code, and timed', async () => {
  const { instruments, lines } = instrumentsOf();
  instruments.countCall({ service: 'iam', operation: 'CreateRole', code: 'OK', seconds: 0.2 });
  instruments.countCall({ service: 'iam', operation: 'CreateRole', code: 'Throttling', seconds: 0.02 });
  expect(await lines(/^aws_api_requests_total/)).toEqual([
    'aws_api_requests_total{aws_service="iam",operation="CreateRole",code="OK"} 1',
    'aws_api_requests_total{aws_service="iam",operation="CreateRole",code="Throttling"} 1',
  ]);
  expect(await lines(/^aws_api_request_duration_seconds_bucket{le="0.(05|25)"/)).toEqual([
    'aws_api_request_duration_seconds_bucket{le="0.05",aws_service="iam",operation="CreateRole"} 1',
    'aws_api_request_duration_seconds_bucket{le="0.25",aws_service="iam",operation="CreateRole"} 2',
  ]);
});

test('a rate limit shows what is allowed and how many calls wait', async () => {
  const { instruments, lines } = instrumentsOf();
  instruments.showRates(() => new Map([[ACCOUNT, { callsPerSecond: 2.5, tokens: 0, waiting: 7 }]]));
  expect(await lines(/^aws_rate_limit/)).toEqual([
    `aws_rate_limit_calls_per_second{account="${ACCOUNT}"} 2.5`,
    `aws_rate_limit_waiting_calls{account="${ACCOUNT}"} 7`,
  ]);
});

test('orphaned roles are shown as they are now, and of no provider that is not told any more', async () => {
  const { instruments, lines } = instrumentsOf();
  const counts = new Map([['default', 3]]);
  expect(await lines(/^federated_identity_orphaned_roles/)).toEqual([]);
  instruments.showOrphanedRoles(() => counts);
  expect(await lines(/^federated_identity_orphaned_roles/)).toEqual([
    'federated_identity_orphaned_roles{provider="default"} 3',
  ]);
  counts.clear();
  expect(await lines(/^federated_identity_orphaned_roles/)).toEqual([]);
});

test('repairs have a series for each field that can differ before the first one, so that an alert sees it', async () => {
  const { instruments, lines } = instrumentsOf();
  instruments.countRepair(['role.trustPolicy']);
  const found = await lines(/^federated_identity_drift_repaired_total/);
  expect(found).toHaveLength(DRIFT_FIELDS.length);
  expect(found.filter((line) => !line.endsWith(' 0'))).toEqual([
    'federated_identity_drift_repaired_total{field="role.trustPolicy"} 1',
  ]);
});

test('the fields are those of the plan', () => {
  const sources = ['plan.ts', 'policy-changes.ts'].map((file) =>
    readFileSync(fileURLToPath(new URL(`./controllers/aws-federated-identity/${file}`, import.meta.url)), 'utf8'),
  );
  const paths = [...sources.join('').matchAll(/\bdriftRow\(\s*['`]([\w.]+)/g)].map(([, path]) => path);
  expect([...new Set(paths)].toSorted()).toEqual(DRIFT_FIELDS);
});

test('a replica says what it is', async () => {
  const { lines } = instrumentsOf();
  expect(await lines(/^federated_identity_info/)).toEqual([
    'federated_identity_info{version="1.2.3",injection="policy",verification="token"} 1',
  ]);
});
