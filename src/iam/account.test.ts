import { expect, test } from 'vitest';
import { ACCOUNT, thrownBy } from '../../test/support/builders.ts';
import { inMemoryAccount } from '../../test/support/in-memory-iam.ts';
import { requireAccount } from './account.ts';

const signal = new AbortController().signal;

test('credentials of the account of the provider are accepted', async () => {
  expect(await requireAccount(inMemoryAccount(), ACCOUNT, signal)).toMatchObject({
    account: ACCOUNT,
    partition: 'aws',
  });
});

test('credentials of another account are refused in words that name both, and what to do', async () => {
  expect(await thrownBy(() => requireAccount(inMemoryAccount(), '444455556666', signal))).toMatchObject({
    reason: 'WrongAccount',
    disposition: { kind: 'waiting', retryAfterMs: 60_000 },
    message: expect.stringMatching(
      /assumed-role\/operator.*belong to account 111122223333.*spec\.accountId is 444455556666.*Nothing is written/,
    ),
  });
});
