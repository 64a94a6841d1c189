import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createStores } from './stores.ts';

const COUNT = 10_000;
const PER_NAMESPACE = 100;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const condition = (type: string): object => ({
  type,
  status: 'True',
  reason: 'Succeeded',
  message: `${type}: the role, the ServiceAccount and its pods are as the spec says.`,
  observedGeneration: 1,
  lastTransitionTime: '2026-03-01T12:00:00Z',
});

/** What the API server sends, each a text of its own, managedFields and all. */
const wire = (object: object): never => JSON.parse(JSON.stringify(object)) as never; // of whatever kind the store has

const managedFields = Array.from({ length: 4 }, (_, index) => ({
  manager: `manager-${index}`,
  operation: 'Apply',
  fieldsV1: Object.fromEntries(Array.from({ length: 25 }, (_one, field) => [`f:field-${index}-${field}`, {}])),
}));

function metadata(index: number): object {
  const name = `app-${index}`;
  return {
    name,
    namespace: `team-${Math.floor(index / PER_NAMESPACE)}`,
    uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    resourceVersion: String(index + 1),
    generation: 1,
    creationTimestamp: '2026-03-01T12:00:00Z',
    labels: { 'federatedidentity.dev/bound': 'true', 'app.kubernetes.io/name': name },
    finalizers: ['federatedidentity.dev/aws'],
    managedFields,
    annotations: {
      'eks.amazonaws.com/role-arn': `arn:aws:iam::111122223333:role/federated/team-app-${index}-0a1b2c3d`,
      'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(2_000) + index,
    },
  };
}

const identity = (index: number): never =>
  wire({
    apiVersion: 'federatedidentity.dev/v1alpha1',
    kind: 'AwsFederatedIdentity',
    metadata: metadata(index),
    spec: {
      providerRef: { name: 'default' },
      serviceAccount: { name: `app-${index}`, create: true },
      audience: 'sts.amazonaws.com',
      tokenExpirationSeconds: 86_400,
      role: {
        managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess'],
        inlinePolicies: [{ name: 'inline', document: { Version: '2012-10-17', Statement: [] } }],
      },
    },
    status: {
      observedGeneration: 1,
      roleArn: `arn:aws:iam::111122223333:role/federated/team-app-${index}-0a1b2c3d`,
      roleId: `AROA${index}`,
      conditions: ['Ready', 'ResolvedRefs', 'Accepted', 'RoleReady', 'ServiceAccountReady', 'FederationVerified'].map(
        condition,
      ),
    },
  });

const serviceAccount = (index: number): never => wire({ metadata: metadata(index) });

test('an identity and its ServiceAccount take no more than 3 KiB of the heap [F17]', () => {
  const stores = createStores(pino({ level: 'silent' }), 'eks.amazonaws.com');
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < COUNT; index += 1) {
    stores.identities.set(identity(index));
    stores.serviceAccounts.set(serviceAccount(index));
  }
  collectGarbage();
  const kibibytes = (process.memoryUsage().heapUsed - before) / 1024 / COUNT;
  expect(stores.identities.size + stores.serviceAccounts.size).toBe(2 * COUNT);
  expect(kibibytes).toBeGreaterThan(1); // it was measured

  expect(kibibytes).toBeLessThanOrEqual(3);
});
