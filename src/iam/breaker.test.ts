import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { manualClock } from '../../test/support/manual-clock.ts';
import { waiting } from '../errors.ts';
import { CircuitBreaker } from './breaker.ts';

const MINUTE = 60_000;
const error = waiting('CredentialsExpired', 'Renew them.', MINUTE);

function scene() {
  const clock = manualClock();
  const breaker = new CircuitBreaker({ clock });
  return { clock, breaker };
}

describe('CircuitBreaker', () => {
  test('lets everything through while credentials are taken', () => {
    const { breaker } = scene();
    for (let call = 0; call < 100; call += 1) breaker.confirm(breaker.enter());
    expect(breaker.isOpen).toBe(false);
  });

  test('answers with the very same error for a minute after a refusal', async () => {
    const { breaker, clock } = scene();
    expect(breaker.refused(error)).toBe(error);
    await clock.advance(MINUTE - 1);
    expect(await thrownBy(() => breaker.enter())).toBe(error);
  });

  test('lets one probe through in each minute, whatever becomes of it', async () => {
    const { breaker, clock } = scene();
    breaker.refused(error);
    for (let minute = 0; minute < 3; minute += 1) {
      await clock.advance(MINUTE);
      const probe = breaker.enter();
      expect(() => breaker.confirm(probe)).not.toThrow();
      expect(() => breaker.enter()).toThrow(error);
    }
  });

  test('closes when a probe succeeds', async () => {
    const { breaker, clock } = scene();
    breaker.refused(error);
    await clock.advance(MINUTE);
    breaker.enter();
    breaker.accepted();
    expect(() => breaker.enter()).not.toThrow();
    expect(breaker.isOpen).toBe(false);
  });

  test('stops calls that were let in before the refusal and have not been sent yet', () => {
    const { breaker } = scene();
    const early = breaker.enter();
    breaker.refused(error);
    expect(() => breaker.confirm(early)).toThrow(error);
    breaker.accepted();
    expect(() => breaker.confirm(early)).not.toThrow();
  });
});
