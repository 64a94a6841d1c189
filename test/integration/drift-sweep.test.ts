import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type LocalAws, startLocalAws } from '../../dev/aws/local-aws.ts';
import { operatorPolicy } from '../../dev/stack/operator-policy.ts';
import type { Dependencies } from '../../src/controllers/aws-federated-identity/dependencies.ts';
import { FirstSweeps } from '../../src/controllers/aws-federated-identity/first-sweeps.ts';
import { KnownRoles } from '../../src/controllers/aws-federated-identity/known-roles.ts';
import { reconcileFederatedIdentity } from '../../src/controllers/aws-federated-identity/reconcile.ts';
import { sweepDrift } from '../../src/controllers/aws-federated-identity/sweep.ts';
import { IDENTITY_INDEXES } from '../../src/controllers/aws-federated-identity/watches.ts';
import { awsAccounts } from '../../src/iam/account.ts';
import { CONFIG_MAPS } from '../../src/kube/injection-table.ts';
import { type AwsFederatedIdentity, IDENTITIES, PROVIDERS, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import type { ObjectName, ResourceType } from '../../src/kube/resource.ts';
import { ACCOUNT, CLUSTER, identity, policyArn, provider } from '../support/builders.ts';
import { type InMemoryKubernetes, inMemoryKubernetes } from '../support/in-memory-kubernetes.ts';

// A thousand roles in the local AWS, through the real SDK. What counts is calls, not time.
const POPULATION = 1000;
const log = pino({ level: 'silent' });
const { signal } = new AbortController();
const kubernetes: InMemoryKubernetes = inMemoryKubernetes();
const names = Array.from({ length: POPULATION }, (_, index) => `app-${index}`);
let aws: LocalAws;

beforeAll(async () => {
  aws = await startLocalAws({ accounts: [ACCOUNT], issuers: { resolve: {}, caCertificates: [] } });
  const key = aws.account(ACCOUNT).createUser('operator', operatorPolicy(ACCOUNT));
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  vi.stubEnv('AWS_ACCESS_KEY_ID', key.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', key.secretAccessKey);
  aws.account(ACCOUNT).setQuotas({ roles: 2 * POPULATION });
  kubernetes.put(
    PROVIDERS,
    provider({ spec: { guardrails: { managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3*'] } } }),
  );
  for (const name of names) {
    const fresh = identity({
      metadata: {
        namespace: 'analytics',
        name,
        uid: `uid-${name}`,
        generation: 1,
        labels: { 'federatedidentity.dev/bound': 'true' },
      },
      spec: { serviceAccount: { name }, role: { managedPolicyArns: [policyArn('AmazonS3ReadOnlyAccess')] } },
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
    events: { record: () => {} },
    onRepair: () => {},
    exchange: { exchange: async () => ({ kind: 'accepted' }) },
    cluster: CLUSTER,
    settings: { verification: 'off', resyncIntervalMs: 600_000, verificationIntervalMs: 600_000 },
    now: () => new Date(),
    random: () => 0.5,
  };
  const run = reconcileFederatedIdentity(dependencies);
  const sweep = sweepDrift({ ...dependencies, enqueue: ({ name }) => void enqueued.push(name) });
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

test('one drifted role among them is repaired with at most three calls more', async () => {
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
