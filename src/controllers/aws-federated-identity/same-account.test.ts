import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ACCOUNT, identity, provider, roleArn, thrownBy } from '../../../test/support/builders.ts';
import { identityScene } from '../../../test/support/identity-scene.ts';
import { FINALIZER } from '../../kube/kinds.ts';
import { requireSameAccount } from './same-account.ts';

const OTHER = '444455556666';
const settled = identity({ status: { roleArn: roleArn() } });
const deleted = identity({
  metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' },
  status: { roleArn: roleArn() },
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a role in the account of the provider, or none, is no matter', () => {
  expect(() => requireSameAccount(settled, ACCOUNT)).not.toThrow();
  expect(() => requireSameAccount(identity(), OTHER)).not.toThrow();
});

test('a provider of another account than before is refused, and how to go on is told [F53]', async () => {
  expect(await thrownBy(() => requireSameAccount(settled, OTHER))).toMatchObject({
    reason: 'WrongAccount',
    message: `IAM role ${roleArn()} of this identity is in account ${ACCOUNT}, and AwsOidcProvider "default" is for account ${OTHER} now. Nothing is written. Restore a provider for account ${ACCOUNT}, or delete this identity and create it anew.`,
    disposition: { kind: 'terminal' },
  });
});

test('a deletion waits, and tells how to leave the role [F53]', async () => {
  expect(await thrownBy(() => requireSameAccount(deleted, OTHER))).toMatchObject({
    reason: 'WrongAccount',
    message: expect.stringContaining('or leave the role in AWS: set deletionPolicy: Retain, or the annotation'),
    disposition: { kind: 'waiting', retryAfterMs: 60_000 },
  });
});

test.each([
  { name: 'is reconciled', object: settled },
  { name: 'is deleted', object: deleted },
])('an identity that $name asks nothing of the other account [F53]', async ({ object }) => {
  const finalizers = [FINALIZER];
  const scene = identityScene({
    identity: { ...object, metadata: { ...object.metadata, finalizers } },
    provider: provider({ spec: { accountId: OTHER } }),
  });
  expect(await scene.failure()).toMatchObject({ message: expect.stringContaining(`is in account ${ACCOUNT}`) });
  expect(scene.iam.operations).toEqual([]);
});
