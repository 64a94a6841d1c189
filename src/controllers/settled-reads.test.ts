import { describe, expect, test } from 'vitest';
import { after, NOW } from '../../test/support/builders.ts';
import { CleanupStarts, requireSettled, settlesInMs } from './settled-reads.ts';

const settling = { writtenAt: NOW.getTime(), consistencyWindowMs: 60_000 };

describe('what was written', () => {
  test('must show a window after the end of the second in which it was', () => {
    expect(settlesInMs(settling, NOW)).toBe(61_000);
    expect(settlesInMs(settling, after(61_000))).toBe(0);
  });

  test.each([
    { at: after(0), retryAfterMs: 10_000 },
    { at: after(58_000), retryAfterMs: 3_000 },
  ])('is waited for until then, with a look after $retryAfterMs ms', ({ at, retryAfterMs }) => {
    expect(() => requireSettled(settling, at, 'late')).toThrow(
      expect.objectContaining({
        reason: 'Propagating',
        message: 'late',
        disposition: { kind: 'waiting', retryAfterMs },
      }),
    );
  });

  test('is waited for no longer', () => {
    expect(() => requireSettled(settling, after(61_000), 'late')).not.toThrow();
  });
});

test('a clean-up starts at the first look, and anew only after its end', () => {
  const starts = new CleanupStarts();
  expect([starts.of('uid', NOW), starts.of('uid', after(5_000))]).toEqual([NOW.getTime(), NOW.getTime()]);
  expect(starts.of('other', after(5_000))).toBe(after(5_000).getTime());
  starts.forget('uid');
  expect(starts.of('uid', after(9_000))).toBe(after(9_000).getTime());
});
