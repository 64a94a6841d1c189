import { expect, test } from 'vitest';
import { condition } from '../../test/support/builders.ts';
import { transitionOf } from './transitions.ts';

const waiting = condition({ status: 'False', reason: 'ProviderNotFound', message: 'no provider' });
const ready = condition({ status: 'True', reason: 'Succeeded', message: 'works' });

test.each([
  {
    name: 'the first status',
    before: undefined,
    after: waiting,
    expected: { type: 'Warning', reason: 'ProviderNotFound' },
  },
  { name: 'a failure that ends', before: waiting, after: ready, expected: { type: 'Normal', reason: 'Succeeded' } },
  {
    name: 'a failure for another reason',
    before: waiting,
    after: { ...waiting, reason: 'ProviderNotReady' },
    expected: { reason: 'ProviderNotReady' },
  },
  {
    name: 'another message alone is no transition',
    before: waiting,
    after: { ...waiting, message: 'still none' },
    expected: undefined,
  },
  { name: 'nothing new', before: ready, after: ready, expected: undefined },
])('$name', ({ before, after, expected }) => {
  const event = transitionOf(before === undefined ? undefined : { conditions: [before] }, { conditions: [after] });
  if (expected === undefined) expect(event).toBeUndefined();
  else expect(event).toMatchObject(expected);
});
