import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roleArn } from '../../test/support/builders.ts';
import { RoleArn } from '../iam/arn.ts';
import { entryOf, type Injection, isPending, parseEntry, pendingEntry, tableEntry } from './injection-table.ts';

const injection: Injection = {
  roleArn: roleArn(),
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 600,
  region: 'eu-west-1',
};

describe('an entry to inject', () => {
  test.each<{ name: string; fields: Partial<Injection>; expected: readonly string[] }>([
    { name: 'has four words, in the order that the policy reads', fields: {}, expected: ['600', 'eu-west-1'] },
    { name: 'has a dash for no region', fields: { region: undefined }, expected: ['600', '-'] },
    { name: 'says nothing of regional STS', fields: { stsRegionalEndpoints: true }, expected: ['600', 'eu-west-1'] },
    {
      name: 'has a fifth word for the global STS endpoint',
      fields: { stsRegionalEndpoints: false },
      expected: ['600', 'eu-west-1', 'global'],
    },
  ])('$name', ({ fields, expected }) => {
    const entry = tableEntry({ ...injection, ...fields });
    expect(entry.split(' ')).toEqual([roleArn(), 'sts.amazonaws.com', ...expected]);
    expect(isPending(entry)).toBe(false);
  });

  const word = fc.stringMatching(/^[!-~]{1,40}$/);
  const anyInjection = fc.record({
    roleArn: word.map((path) => RoleArn.parse(`arn:aws-us-gov:iam::111122223333:role/${path}`)),
    audience: word,
    tokenExpirationSeconds: fc.nat({ max: 999_999_999 }),
    region: fc.option(
      word.filter((region) => region !== '-'),
      { nil: undefined },
    ),
    stsRegionalEndpoints: fc.boolean(),
  });

  test('is read as it was written', () => {
    fc.assert(
      fc.property(anyInjection, (written) => {
        expect(parseEntry(tableEntry(written))).toEqual({ kind: 'injection', injection: written });
      }),
    );
  });
});

describe('an entry that holds pods back', () => {
  test('names the identity and its reason', () => {
    expect(pendingEntry('reports', 'ProviderNotReady')).toBe('pending reports ProviderNotReady');
    expect(isPending(pendingEntry('reports', 'ProviderNotReady'))).toBe(true);
    expect(isPending(undefined)).toBe(false);
  });

  test('is read as it was written', () => {
    const expected = { kind: 'pending', identity: 'reports', reason: 'ProviderNotReady' };
    expect(parseEntry(pendingEntry('reports', 'ProviderNotReady'))).toEqual(expected);
  });
});

test.each([
  '',
  'pending',
  'pending reports',
  'pending reports Not ready',
  `${roleArn()} sts.amazonaws.com 600`,
  `${roleArn()} sts.amazonaws.com 600 eu-west-1 local`,
  `${roleArn()} sts.amazonaws.com 600 eu-west-1 global global`,
  `${roleArn()}  sts.amazonaws.com 600 eu-west-1`,
  `${roleArn()} sts.amazonaws.com 1h eu-west-1`,
  `${roleArn()} sts.amazonaws.com 600 eu-west-1\n`,
  `${roleArn()} sts.amazon\u00a0aws.com 600 eu-west-1`,
  'arn:aws:iam::111122223333:user/reports sts.amazonaws.com 600 eu-west-1',
  'reports sts.amazonaws.com 600 eu-west-1',
])('"%s" is no entry of ours [S10]', (text) => {
  expect(parseEntry(text)).toEqual({ kind: 'unreadable' });
});

test.each(['constructor', 'valueof', 'hasownproperty'])(
  'a table says nothing of a ServiceAccount named %s unless it has an entry for it',
  (name) => {
    const metadata = { name: 'aws-pod-injection' };
    expect(entryOf(undefined, name)).toBeUndefined();
    expect(entryOf({ metadata, data: { other: 'entry' } }, name)).toBeUndefined();
    expect(entryOf({ metadata, data: { [name]: 'entry' } }, name)).toBe('entry');
  },
);
