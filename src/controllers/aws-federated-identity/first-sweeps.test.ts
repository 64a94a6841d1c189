import { expect, test } from 'vitest';
import { thrownBy } from '../../../test/support/builders.ts';
import { FirstSweeps } from './first-sweeps.ts';

const HOUR = 3_600_000;
const signal = new AbortController().signal;

test('a reconcile waits for the first sweep of its provider, and of no other [F17]', async () => {
  const sweeps = new FirstSweeps(HOUR);
  const order: string[] = [];
  const waiting = sweeps.wait('default', signal).then(() => order.push('waited'));
  sweeps.ended('other');
  await Promise.resolve();
  order.push('swept');
  sweeps.ended('default');
  await waiting;
  expect(order).toEqual(['swept', 'waited']);
});

test('after the first sweep nobody waits any more', async () => {
  const sweeps = new FirstSweeps(HOUR);
  sweeps.ended('default');
  await sweeps.wait('default', signal);
});

test('a sweep that does not end holds nobody up for longer than the patience', async () => {
  await new FirstSweeps(1).wait('default', signal);
});

test('the wait ends with its signal', async () => {
  const stop = new AbortController();
  const waiting = thrownBy(() => new FirstSweeps(HOUR).wait('default', stop.signal));
  stop.abort(new Error('leadership is lost'));
  expect(await waiting).toMatchObject({ message: 'leadership is lost' });
});
