import { expect, test } from 'vitest';
import { identity } from '../../test/support/builders.ts';
import { openRequest } from './requested-at.ts';

const OURS = 'federatedidentity.dev/requestedAt';
const FLUX = 'reconcile.fluxcd.io/requestedAt';

test.each([
  { name: 'nobody asks', annotations: {}, handled: undefined, expected: undefined },
  { name: 'a request that was never answered', annotations: { [OURS]: 'now' }, handled: undefined, expected: 'now' },
  { name: 'a request that was answered', annotations: { [OURS]: 'now' }, handled: 'now', expected: undefined },
  { name: 'a newer request', annotations: { [OURS]: 'later' }, handled: 'now', expected: 'later' },
  { name: 'a request of Flux', annotations: { [FLUX]: 'now' }, handled: undefined, expected: 'now' },
  { name: 'the later of the two counts', annotations: { [OURS]: 'a', [FLUX]: 'b' }, handled: 'a', expected: 'b' },
  { name: 'an empty value asks for nothing', annotations: { [OURS]: '' }, handled: undefined, expected: undefined },
  {
    name: 'a value of any length is cut',
    annotations: { [OURS]: 'x'.repeat(500) },
    handled: 'x'.repeat(128),
    expected: undefined,
  },
  {
    name: 'a value that is cut within a character is answered by what the API server stores of it [F74]',
    annotations: { [OURS]: `${'x'.repeat(127)}😀` },
    handled: `${'x'.repeat(127)}\ufffd`,
    expected: undefined,
  },
])('$name', ({ annotations, handled, expected }) => {
  const status = handled === undefined ? {} : { status: { lastHandledReconcileAt: handled } };
  expect(openRequest(identity({ metadata: { annotations }, ...status }))).toBe(expected);
});
