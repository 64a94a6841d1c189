import { expect, test } from 'vitest';
import { identity, roleArn } from '../../../test/support/builders.ts';
import { pendingEntry, tableEntry } from '../../kube/injection-table.ts';
import { subjectsOf } from './subjects.ts';

const ROLE = roleArn();
const entry = tableEntry({
  roleArn: ROLE,
  audience: 'sts.amazonaws.com',
  tokenExpirationSeconds: 600,
  region: undefined,
});
const bound = identity({ status: { roleArn: ROLE } });

test.each([
  { name: 'a bound identity', text: entry, identities: [bound], expected: [bound] },
  { name: 'a ServiceAccount annotated by hand', text: entry, identities: [], expected: [undefined] },
  { name: 'the identity that has it, not its rival', text: entry, identities: [identity(), bound], expected: [bound] },
  {
    name: 'nobody while the table is behind',
    text: entry,
    identities: [identity({ status: { roleArn: roleArn('new') } })],
    expected: [],
  },
  {
    name: 'nobody while it is being deleted',
    text: entry,
    identities: [identity({ metadata: { deletionTimestamp: 'x' }, status: { roleArn: ROLE } })],
    expected: [],
  },
  { name: 'nobody while pods are held', text: pendingEntry('reports', 'Pending'), identities: [bound], expected: [] },
])('told is $name', ({ text, identities, expected }) => {
  const subjects = subjectsOf({ metadata: {}, data: { reports: text } }, identities);
  expect(subjects).toEqual(expected.map((one) => ({ serviceAccount: 'reports', roleArn: ROLE, identity: one })));
});

test('without a table nobody is bound', () => {
  expect(subjectsOf(undefined, [bound])).toEqual([]);
});
