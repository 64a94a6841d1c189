import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type LocalAws, startLocalAws } from '../../dev/aws/local-aws.ts';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import type { Dependencies } from '../../src/controllers/aws-federated-identity/dependencies.ts';
import { FirstSweeps } from '../../src/controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from '../../src/controllers/aws-federated-identity/known-roles.ts';
import { LeftInOrder } from '../../src/controllers/aws-federated-identity/left-in-order.ts';
import { OrphanedRoles } from '../../src/controllers/aws-federated-identity/orphaned-roles.ts';
import { reconcileFederatedIdentity } from '../../src/controllers/aws-federated-identity/reconcile.ts';
import { sweepDrift } from '../../src/controllers/aws-federated-identity/sweep.ts';
import { IDENTITY_INDEXES } from '../../src/controllers/aws-federated-identity/watches.ts';
import { awsAccounts } from '../../src/iam/account.ts';
import { CONFIG_MAPS } from '../../src/kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES, PROVIDERS, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import type { ObjectName, ResourceType } from '../../src/kube/resource.ts';
import { ACCOUNT, CLUSTER, identity, ISSUER, policyArn, provider } from '../support/builders.ts';
import { type InMemoryKubernetes, inMemoryKubernetes } from '../support/in-memory-kubernetes.ts';

// A thousand roles in the local AWS, through the real SDK. What counts is calls, not time.
const POPULATION = 1000;
const log = pino({ level: 'silent' });
const { signal } = new AbortController();
const kubernetes: InMemoryKubernetes = inMemoryKubernetes();
const names = Array.from({ length: POPULATION }, (_, index) => `app-${index}`);
let aws: LocalAws;

const MANAGED = ['AmazonS3ReadOnlyAccess', 'AmazonSQSReadOnlyAccess', 'CloudWatchLogsFullAccess', 'ReadOnlyAccess'].map(
  policyArn,
);
const oneOrMany = (values: readonly string[]) =>
  fc.oneof(fc.constantFrom(...values), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }));

/** A policy document as people write it: a value or a list, in any order and case, an object or a string of JSON. */
const document = fc
  .record({
    Version: fc.constant('2012-10-17'),
    Statement: fc.array(
      fc.record({
        Effect: fc.constantFrom('Allow', 'Deny'),
        Action: oneOrMany(['s3:GetObject', 'S3:PutObject', 'sqs:*']),
        Resource: oneOrMany(['*', 'arn:aws:s3:::a/*', 'arn:aws:s3:::b/100%/*']),
        Condition: fc.constantFrom(
          {},
          { StringEquals: { 'aws:PrincipalTag/team': ['x', 'y'] } },
          { Bool: { 'aws:SecureTransport': true } },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .chain((value) => fc.constantFrom<unknown>(value, JSON.stringify(value), JSON.stringify(value, undefined, 2)));

/** Valid specs of a role, of every kind. */
const roleSpec = fc.record(
  {
    description: fc.constantFrom('', 'a role', 'für Berichte: 100 %'),
    managedPolicyArns: fc.uniqueArray(fc.constantFrom(...MANAGED)),
    inlinePolicies: fc.uniqueArray(fc.record({ name: fc.constantFrom('one', 'two', 'three'), document }), {
      selector: ({ name }) => name,
    }),
    permissionsBoundaryArn: fc.constantFrom(...MANAGED),
    maxSessionDurationSeconds: fc.integer({ min: 3600, max: 43_200 }),
    tags: fc.dictionary(fc.constantFrom('team', 'cost center', 'x:y'), fc.constantFrom('', 'a b', '42')),
  },
  { requiredKeys: [] },
);
const SEED = 20_261_124;
const specs = fc.sample(roleSpec, { numRuns: POPULATION, seed: SEED });

beforeAll(async () => {
  aws = await startLocalAws({ accounts: [ACCOUNT], issuers: { resolve: {}, caCertificates: [] } });
  const key = aws
    .account(ACCOUNT)
    .createUser('operator', operatorPolicy({ accountId: ACCOUNT, cluster: CLUSTER, issuer: ISSUER }));
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', key.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', key.secretAccessKey);
  aws.account(ACCOUNT).setQuotas({ roles: 2 * POPULATION });
  kubernetes.put(PROVIDERS, provider({ spec: { guardrails: { managedPolicyArns: ['*'], inlinePolicies: 'Allow' } } }));
  for (const name of names) {
    const [role] = specs.splice(0, 1);
    const fresh = identity({
      metadata: {
        namespace: 'analytics',
        name,
        uid: `uid-${name}`,
        generation: 1,
        labels: { 'federatedidentity.dev/bound': 'true' },
      },
      spec: { serviceAccount: { name }, role },
    });
    const { status: _, ...withoutStatus } = fresh;
    kubernetes.put(IDENTITIES, withoutStatus);
  }
  const operator = startOperator();
  for (let start = 0; start < POPULATION; start += 50)
    await Promise.all(names.slice(start, start + 50).map(operator.reconcile));
});
afterAll(() => aws.close());

/** An operator that has just started: it knows nothing but what the cluster holds. */
function startOperator() {
  const enqueued: string[] = [];
  const storeOf = (type: ResourceType) => ({ get: (name: ObjectName) => kubernetes.read<never>(type, name) });
  const dependencies: Dependencies = {
    kubernetes: kubernetes.client,
    identities: {
      ...storeOf(IDENTITIES),
      byIndex: (index, value) =>
        index === 'serviceAccount' // the others would make a thousand reconciles look at a thousand identities each
          ? [
              kubernetes.read<AwsFederatedIdentity>(IDENTITIES, {
                namespace: 'analytics',
                name: value.split('/')[1] ?? '',
              }),
            ].flatMap((one) => one ?? [])
          : index === 'provider'
            ? kubernetes
                .all<AwsFederatedIdentity>(IDENTITIES)
                .filter((one) => IDENTITY_INDEXES[index](one).includes(value))
            : [],
    },
    providers: storeOf(PROVIDERS),
    serviceAccounts: storeOf(SERVICE_ACCOUNTS),
    tables: storeOf(CONFIG_MAPS),
    accounts: awsAccounts({ onCall: () => {}, fence: () => {}, callsPerSecond: 10_000 }),
    knownRoles: new KnownRoles({ maxAgeMs: 600_000, consistencyWindowMs: 60_000 }),
    firstSweeps: new FirstSweeps(0),
    leftInOrder: new LeftInOrder(),
    events: { record: () => {} },
    onRepair: () => {},
    exchange: { exchange: async () => ({ kind: 'accepted' }) },
    cluster: CLUSTER,
    settings: {
      verification: 'off',
      excludedNamespaces: ['kube-system'],
      resyncIntervalMs: 600_000,
      verificationIntervalMs: 600_000,
    },
    now: () => new Date(),
    random: () => 0.5,
  };
  const run = reconcileFederatedIdentity(dependencies);
  const orphanedRoles = new OrphanedRoles({ maxAgeMs: 600_000, consistencyWindowMs: 60_000 });
  const sweep = sweepDrift({ ...dependencies, orphanedRoles, enqueue: ({ name }) => void enqueued.push(name) });
  return {
    enqueued,
    reconcile: (name: string) => run({ namespace: 'analytics', name }, { signal, log }),
    sweep: () => sweep({ name: 'default' }, { signal, log }),
  };
}

const iamCalls = (mark: number): readonly string[] =>
  aws.calls
    .since(mark)
    .filter(({ service, principal }) => service === 'iam' && principal.endsWith('operator'))
    .map(({ operation }) => operation);

test(`a sweep over ${POPULATION} roles takes at most four calls, and then no unchanged identity asks AWS`, async () => {
  const operator = startOperator();
  const mark = aws.calls.mark();
  await operator.sweep();
  expect(operator.enqueued).toEqual([]);
  expect(iamCalls(mark).length).toBeLessThanOrEqual(4);
  const quiet = aws.calls.mark();
  const writes = kubernetes.writes.length;
  for (const name of names) await operator.reconcile(name);
  expect(aws.calls.since(quiet)).toEqual([]);
  expect(kubernetes.writes.slice(writes)).toEqual([]);
});

test('the second reconcile of each of these specs, after a restart and with its own look at AWS, writes nothing [F61]', async () => {
  const operator = startOperator();
  const mark = aws.calls.mark();
  const writes = kubernetes.writes.length;
  for (const name of names) await operator.reconcile(name);
  expect(iamCalls(mark).filter((operation) => operation === 'GetRole').length).toBe(POPULATION);
  expect(aws.calls.writes(mark)).toEqual([]);
  expect(kubernetes.writes.slice(writes)).toEqual([]);
});

test('one drifted role among them is repaired with at most three calls more [S17]', async () => {
  const operator = startOperator();
  const { status } =
    kubernetes.read<AwsFederatedIdentity>(IDENTITIES, { namespace: 'analytics', name: 'app-500' }) ?? {};
  const RoleName = status?.roleArn?.split('/').at(-1) ?? '';
  await aws.account(ACCOUNT).perform('AttachRolePolicy', { RoleName, PolicyArn: policyArn('AdministratorAccess') });
  await operator.sweep();
  expect(operator.enqueued).toEqual(['app-500']);
  const mark = aws.calls.mark();
  await operator.reconcile('app-500');
  expect(iamCalls(mark)).toEqual(['GetRole', 'DetachRolePolicy']);
});
