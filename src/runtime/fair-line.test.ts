import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairLine, PRIORITIES, type Priority } from './fair-line.ts';

function drained(line: FairLine<string>): readonly string[] {
  const keys: string[] = [];
  for (let next = line.shift(); next !== undefined; next = line.shift()) keys.push(next.key);
  return keys;
}

describe('FairLine', () => {
  test('a change goes before what is new, and that before the background', () => {
    const line = new FairLine<string>();
    line.add('a/sweep', 'background', 0);
    line.add('a/new', 'new', 0);
    line.add('a/change', 'change', 0);
    expect(drained(line)).toEqual(['a/change', 'a/new', 'a/sweep']);
  });

  test('namespaces take turns, whatever their number of keys [F77 S11]', () => {
    const line = new FairLine<string>();
    for (const name of ['1', '2', '3', '4']) line.add(`flood/${name}`, 'change', 0);
    line.add('small/1', 'change', 0);
    expect(drained(line)).toEqual(['flood/1', 'small/1', 'flood/2', 'flood/3', 'flood/4']);
  });

  test('a key that becomes urgent moves ahead, is there once, and keeps the time since when it waits', () => {
    const line = new FairLine<string>();
    line.add('a/1', 'background', 5);
    line.add('a/2', 'new', 6);
    line.add('a/1', 'change', 7);
    line.add('a/1', 'background', 8);
    expect(line.size).toBe(2);
    expect(line.oldest()).toBe(5);
    expect(line.shift()).toEqual({ key: 'a/1', since: 5 });
    expect(drained(line)).toEqual(['a/2']);
  });

  test('the background is served one time in eight under a flood of changes', () => {
    const line = new FairLine<string>();
    for (let index = 0; index < 30; index += 1) line.add(`flood/${index}`, 'change', 0);
    line.add('quiet/sweep', 'background', 0);
    expect(drained(line).indexOf('quiet/sweep')).toBe(7);
  });

  test('what is new is served one time in sixteen, even while the background is full too', () => {
    const line = new FairLine<string>();
    for (let index = 0; index < 100; index += 1) line.add(`sweep/${index}`, 'background', 0);
    line.add('quiet/new', 'new', 0);
    const served: unknown[] = [];
    for (let index = 0; index < 16; index += 1) {
      line.add(`flood/${index}`, 'change', 0);
      served.push(line.shift()?.key);
    }
    expect(served.indexOf('quiet/new')).toBe(15);
  });

  test('cluster-scoped keys are a namespace of their own', () => {
    const line = new FairLine<string>();
    line.add('/default', 'change', 0);
    line.add('a/1', 'change', 0);
    line.add('/other', 'change', 0);
    expect(drained(line)).toEqual(['/default', 'a/1', '/other']);
  });

  test('under any sequence each added key is given exactly once until it is added again', () => {
    const step = fc.oneof(
      fc.record({
        key: fc.constantFrom('a/1', 'a/2', 'b/1', '/c'),
        priority: fc.constantFrom<Priority>(...PRIORITIES),
      }),
      fc.constant('shift' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const line = new FairLine<string>();
        const waiting = new Set<string>();
        for (const current of steps) {
          if (current !== 'shift') {
            line.add(current.key, current.priority, 0);
            waiting.add(current.key);
            continue;
          }
          const next = line.shift();
          expect(next === undefined).toBe(waiting.size === 0);
          if (next !== undefined) expect(waiting.delete(next.key)).toBe(true);
        }
        expect(line.size).toBe(waiting.size);
        expect(new Set(drained(line))).toEqual(waiting);
      }),
      { numRuns: 1000 },
    );
  });
});
