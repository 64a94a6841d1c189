import { describe, expect, test } from 'vitest';
import { after, NOW } from '../../test/support/builders.ts';
import {
  decodeMarks,
  encodeMarks,
  type Jwk,
  Jwk as JwkSchema,
  type KeyRing,
  mergeKeys,
  NO_KEYS,
} from './published-keys.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const key = (kid: string): Jwk => ({ kid, kty: 'RSA', alg: 'RS256', use: 'sig', n: `n-of-${kid}`, e: 'AQAB' });
const kids = ({ keys }: KeyRing): readonly string[] => keys.map(({ kid }) => kid);

/** What is published after looks at the cluster, each with the minutes that have passed and the keys that were served. */
const afterLooks = (...looks: readonly (readonly [minutes: number, served: readonly string[]])[]): KeyRing =>
  looks.reduce<KeyRing>(
    (ring, [minutes, served]) => mergeKeys(ring, served.map(key), after(minutes * MINUTE)),
    NO_KEYS,
  );

describe('a key that the cluster serves', () => {
  test('is published, sorted, with the newer material', () => {
    expect(kids(afterLooks([0, ['b', 'a']]))).toEqual(['a', 'b']);
    const changed = { ...key('a'), n: 'other' };
    expect(mergeKeys(afterLooks([0, ['a']]), [changed], NOW).keys).toEqual([changed]);
  });
});

describe('a key that the cluster no longer serves', () => {
  test.each([
    {
      name: 'is kept at first',
      looks: [
        [0, ['a', 'b']],
        [10, ['b']],
      ],
      kept: ['a', 'b'],
    },
    {
      name: 'is kept for 24 hours',
      looks: [
        [0, ['a', 'b']],
        [10, ['b']],
        [10 + 24 * 60, ['b']],
      ],
      kept: ['a', 'b'],
    },
    {
      name: 'goes after 25 hours',
      looks: [
        [0, ['a', 'b']],
        [10, ['b']],
        [10 + 25 * 60, ['b']],
      ],
      kept: ['b'],
    },
    {
      name: 'is kept for 24 hours after an outage in which nobody looked',
      looks: [
        [0, ['a']],
        [100 * 60, ['b']],
        [100 * 60 + 24 * 60, ['b']],
      ],
      kept: ['a', 'b'],
    },
    {
      name: 'counts anew when another API server still served it',
      looks: [
        [0, ['a', 'b']],
        [10, ['b']],
        [20 * 60, ['a', 'b']],
        [20 * 60 + 10, ['b']],
        [44 * 60, ['b']],
      ],
      kept: ['a', 'b'],
    },
    {
      name: 'is kept for 24 hours after its last sight, however API servers answer by turns',
      looks: [
        [0, ['a', 'b']],
        [10, ['b']],
        [69, ['a', 'b']],
        [70, ['b']],
        [69 + 24 * 60, ['b']],
      ],
      kept: ['a', 'b'],
    },
  ] as const)('$name', ({ looks, kept }) => {
    expect(kids(afterLooks(...looks))).toEqual(kept);
  });

  test('costs at most two writes an hour where API servers answer by turns', () => {
    let ring = afterLooks([0, ['a', 'b']]);
    let writes = 0;
    for (let minute = 1; minute <= 60 * 24; minute += 1) {
      const next = mergeKeys(ring, (minute % 2 === 0 ? ['a', 'b'] : ['b']).map(key), after(minute * MINUTE));
      if (encodeMarks(next) !== encodeMarks(ring)) writes += 1;
      ring = next;
      expect(kids(ring)).toEqual(['a', 'b']);
    }
    expect(writes).toBeLessThanOrEqual(48);
  });

  test('is not missed any more once it was seen for an hour', () => {
    expect(afterLooks([0, ['a', 'b']], [10, ['b']], [80, ['a', 'b']]).missingSince).toEqual(new Map());
  });
});

describe('the marks of missed keys', () => {
  const many = Array.from({ length: 100 }, (_, index) => key(`key-${index}`));

  test('come back from their text', () => {
    const ring = mergeKeys({ keys: many, missingSince: new Map() }, many.slice(0, 1), after(12_345));
    expect(ring.missingSince.size).toBe(99);
    expect(decodeMarks(encodeMarks(ring), ring.keys)).toEqual(ring.missingSince);
  });

  test('are never earlier than the look, by rounding', () => {
    const [since = NOW] = mergeKeys({ keys: [key('a')], missingSince: new Map() }, [], after(1)).missingSince.values();
    expect(since.getTime()).toBeGreaterThanOrEqual(after(1).getTime());
  });

  test('fit into the metadata of an object with 99 keys', () => {
    const ring = mergeKeys({ keys: many, missingSince: new Map() }, many.slice(0, 1), after(HOUR));
    expect(
      encodeMarks(ring).length + 'federatedidentity-missing'.length + 'federatedidentity-cluster'.length + 36,
    ).toBeLessThan(2048);
  });

  test.each(['', 'x', 'deadbeef=', 'deadbeef=abc', 'deadbeef=12 ', '__proto__=1'])(
    'are ignored where they are none: %j',
    (text) => {
      expect(decodeMarks(text, many)).toEqual(new Map());
    },
  );
});

test('of a key only its public members are taken', () => {
  const parsed = JwkSchema.parse({ ...key('a'), d: 'private', p: 'private', x5c: ['certificate'], oct: 'k' });
  expect(parsed).toEqual(key('a'));
});
