import { expect, test } from 'vitest';
import { identity } from '../../../test/support/builders.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import { LeftInOrder } from './left-in-order.ts';

const at = (resourceVersion: string): AwsFederatedIdentity => {
  const { metadata, ...others } = identity();
  return { ...others, metadata: { ...metadata, resourceVersion } };
};

test('an identity has changed when it has another version than it was left with', () => {
  const leftInOrder = new LeftInOrder();
  leftInOrder.left(at('7'));
  expect([at('7'), at('8')].map((one) => leftInOrder.hasChanged(one))).toEqual([false, true]);
});

test('one that was not left in order has not changed: its own retry looks at it', () => {
  const leftInOrder = new LeftInOrder();
  expect(leftInOrder.hasChanged(at('7'))).toBe(false);
  leftInOrder.left(at('7'));
  leftInOrder.forget(at('7').metadata.uid ?? '');
  expect(leftInOrder.hasChanged(at('8'))).toBe(false);
});
