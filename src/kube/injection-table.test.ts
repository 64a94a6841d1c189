import { expect, test } from 'vitest';
import { roleArn } from '../../test/support/builders.ts';
import { isPending, pendingEntry, tableEntry } from './injection-table.ts';

test('an entry has four words, in the order that the admission policy reads', () => {
  const injection = {
    roleArn: roleArn(),
    audience: 'sts.amazonaws.com',
    tokenExpirationSeconds: 600,
    region: 'eu-west-1',
  };
  expect(tableEntry(injection).split(' ')).toEqual([roleArn(), 'sts.amazonaws.com', '600', 'eu-west-1']);
  expect(isPending(tableEntry(injection))).toBe(false);
});

test('an entry that holds pods back names the identity and its reason', () => {
  expect(pendingEntry('reports', 'ProviderNotReady')).toBe('pending reports ProviderNotReady');
  expect(isPending(pendingEntry('reports', 'ProviderNotReady'))).toBe(true);
  expect(isPending(undefined)).toBe(false);
});
