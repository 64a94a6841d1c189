import { expect, test } from 'vitest';
import { INJECTION_LABEL } from '../../kube/kinds.ts';
import { type Action, planTable } from './plan.ts';

const table = (data: Readonly<Record<string, string>>) => ({
  metadata: { namespace: 'analytics', name: 'aws-pod-injection', uid: 'table', resourceVersion: '7' },
  data,
});

const serviceAccount = (name: string, fields: { entry?: string; problem?: string; mark?: string }) => {
  const labels = fields.mark === undefined ? {} : { [INJECTION_LABEL]: fields.mark };
  const object = { metadata: { namespace: 'analytics', name, uid: name, resourceVersion: '1', labels } };
  return { object, name, entry: fields.entry, problem: fields.problem };
};

const changes = (entries: Readonly<Record<string, string | null>>): Action => ({
  type: 'ChangeEntries',
  changes: entries,
});
const marked = (name: string, label: 'bound' | null) =>
  expect.objectContaining({ type: 'MarkServiceAccount', serviceAccount: expect.objectContaining({ name }), label });
const deleted = expect.objectContaining({ type: 'DeleteTable', table: table({}).metadata });

interface Row {
  readonly name: string;
  readonly serviceAccounts?: ReadonlyArray<ReturnType<typeof serviceAccount>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly claimed?: readonly string[];
  readonly expected: readonly unknown[];
}

test.each<Row>([
  { name: 'an empty namespace needs nothing', expected: [] },
  {
    name: 'all new entries are one write',
    serviceAccounts: [serviceAccount('a', { entry: 'A' }), serviceAccount('b', { entry: 'B' })],
    expected: [changes({ a: 'A', b: 'B' })],
  },
  {
    name: 'an entry that is right is not written, nor is a ServiceAccount without the mark',
    serviceAccounts: [serviceAccount('a', { entry: 'A' })],
    data: { a: 'A' },
    expected: [],
  },
  {
    name: 'a pending one is marked bound after its entry',
    serviceAccounts: [serviceAccount('a', { entry: 'A2', mark: 'pending' })],
    data: { a: 'A1' },
    expected: [changes({ a: 'A2' }), marked('a', 'bound')],
  },
  {
    name: 'a pending one whose entry is there already is only marked',
    serviceAccounts: [serviceAccount('a', { entry: 'A', mark: 'pending' })],
    data: { a: 'A' },
    expected: [marked('a', 'bound')],
  },
  {
    name: 'a bound one needs nothing',
    serviceAccounts: [serviceAccount('a', { entry: 'A', mark: 'bound' })],
    data: { a: 'A' },
    expected: [],
  },
  {
    name: 'an entry that follows from nothing goes, beside others',
    serviceAccounts: [serviceAccount('a', { entry: 'A' })],
    data: { a: 'A', gone: 'B' },
    expected: [changes({ gone: null })],
  },
  { name: 'a table of which nothing is left goes as a whole', data: { gone: 'A', other: 'B' }, expected: [deleted] },
  {
    name: 'a table in which one entry takes the place of another stays',
    serviceAccounts: [serviceAccount('b', { entry: 'B' })],
    data: { a: 'A' },
    expected: [changes({ a: null, b: 'B' })],
  },
  { name: "an identity's entry stays", data: { a: 'pending reports Suspended' }, claimed: ['a'], expected: [] },
  {
    name: "an identity's entry stays when the last of ours goes",
    data: { a: 'pending reports Suspended', gone: 'B' },
    claimed: ['a'],
    expected: [changes({ gone: null })],
  },
  {
    name: "an identity's entry is not overwritten by an annotation",
    serviceAccounts: [serviceAccount('a', { entry: 'A' })],
    data: { a: 'of the identity' },
    claimed: ['a'],
    expected: [],
  },
  {
    name: 'a pending one that an identity claims waits for the entry of the identity',
    serviceAccounts: [serviceAccount('a', { entry: 'A', mark: 'pending' })],
    claimed: ['a'],
    expected: [],
  },
  {
    name: 'and is marked bound with it',
    serviceAccounts: [serviceAccount('a', { entry: 'A', mark: 'pending' })],
    data: { a: 'of the identity' },
    claimed: ['a'],
    expected: [marked('a', 'bound')],
  },
  {
    name: 'a pending one whose annotation is wrong stays so, and its entry of before goes',
    serviceAccounts: [serviceAccount('a', { problem: 'no ARN', mark: 'pending' })],
    data: { a: 'A' },
    expected: [deleted],
  },
  {
    name: 'a mark without an annotation is taken off',
    serviceAccounts: [serviceAccount('a', { mark: 'pending' })],
    expected: [marked('a', null)],
  },
])('$name', ({ serviceAccounts = [], data, claimed = [], expected }) => {
  const observed = {
    table: data === undefined ? undefined : table(data),
    isClaimed: (one: string) => claimed.includes(one),
  };
  expect(planTable(serviceAccounts, observed)).toEqual(expected);
});
