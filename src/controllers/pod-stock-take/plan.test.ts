import { describe, expect, test } from 'vitest';
import { identity, roleArn } from '../../../test/support/builders.ts';
import type { PodCounts } from '../../crds/aws-federated-identity.ts';
import type { PodFinding, PodStock } from './observe.ts';
import { type Memory, NOTHING_TOLD, planStock, type StockAction } from './plan.ts';

const ROLE = roleArn();
const MINUTE = 60_000;

const findings = (count: number, first = 1): readonly PodFinding[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `p${first + index}`,
    uid: `u${first + index}`,
    detail: 'container main',
  }));

const stock = (fields: Partial<PodStock> = {}): PodStock => ({
  bound: 3,
  notInjected: [],
  stale: [],
  overridden: [],
  ...fields,
});

interface Look {
  readonly written?: PodCounts;
  readonly found?: PodStock;
  readonly before?: Memory;
  readonly now?: number;
  readonly by?: 'identity' | 'hand';
}

function look({ written, found = stock(), before = NOTHING_TOLD, now = 0, by = 'identity' }: Look) {
  const one = identity({ status: { roleArn: ROLE, ...(written === undefined ? {} : { pods: written }) } });
  const subject = { serviceAccount: 'reports', roleArn: ROLE, identity: by === 'identity' ? one : undefined };
  return planStock({ namespace: 'analytics', subjects: [subject], stocks: new Map([['reports', found]]), now }, before);
}

const summary = (actions: readonly StockAction[]): readonly string[] =>
  actions.map((action) => {
    switch (action.type) {
      case 'WriteCounts':
        return `write ${Object.values(action.pods).join(' ')}`;
      case 'TellSubject':
        return `tell ${action.event.reason}`;
      case 'TellPod':
        return `tell ${action.pod.name} ${action.event.reason}`;
      default:
        return action satisfies never;
    }
  });

const counts = (bound: number, notInjected = 0, stale = 0): PodCounts => ({ bound, notInjected, stale });

describe('counts', () => {
  test.each<{ name: string; written?: PodCounts; found: PodStock; expected: readonly string[] }>([
    { name: 'no pods, never written: nothing', found: stock({ bound: 0 }), expected: [] },
    { name: 'the first pods are written', found: stock(), expected: ['write 3 0 0'] },
    { name: 'as they are written: nothing', written: counts(3), found: stock(), expected: [] },
    {
      name: 'another number of bare pods is written',
      written: counts(3, 1),
      found: stock(),
      expected: ['write 3 0 0'],
    },
    {
      name: 'fewer stale pods are no news to tell',
      written: counts(3, 0, 2),
      found: stock({ stale: findings(1) }),
      expected: ['write 3 0 1'],
    },
    {
      name: 'more stale pods are',
      written: counts(3, 0, 1),
      found: stock({ stale: findings(2) }),
      expected: ['write 3 0 2', 'tell PodsStale'],
    },
  ])('$name', ({ found, expected, ...rest }) => {
    expect(summary(look({ found, ...rest }).actions)).toEqual(expected);
  });

  test('bound alone is put right once two looks find the same, and then waits until ten minutes after the first write', () => {
    const first = look({ found: stock({ bound: 1 }) });
    expect(summary(first.actions)).toEqual(['write 1 0 0']);
    const rising = look({ written: counts(1), found: stock({ bound: 3 }), before: first.memory, now: MINUTE });
    expect(rising).toMatchObject({ actions: [], dueInMs: MINUTE / 6 });
    const settled = look({ written: counts(1), found: stock(), before: rising.memory, now: 2 * MINUTE });
    expect(summary(settled.actions)).toEqual(['write 3 0 0']);
    const next = look({ written: counts(3), found: stock({ bound: 4 }), before: settled.memory, now: 4 * MINUTE });
    expect(next).toMatchObject({ actions: [], dueInMs: 6 * MINUTE });
    const same = look({ written: counts(3), found: stock({ bound: 4 }), before: next.memory, now: 5 * MINUTE });
    expect(same).toMatchObject({ actions: [], dueInMs: 5 * MINUTE });
    const later = look({ written: counts(3), found: stock({ bound: 5 }), before: same.memory, now: 10 * MINUTE });
    expect(summary(later.actions)).toEqual(['write 5 0 0']);
    expect(later.dueInMs).toBeUndefined();
  });

  test('pods that come and go at every look cost one write in ten minutes', () => {
    const memories = [look({}).memory];
    for (let second = 10; second < 600; second += 10) {
      const found = stock({ bound: (second / 10) % 2 });
      const { actions, memory } = look({
        written: counts(3),
        found,
        before: memories[0] ?? NOTHING_TOLD,
        now: second * 1000,
      });
      expect(actions).toEqual([]);
      memories[0] = memory;
    }
  });

  test('bound goes along with a write that cannot wait', () => {
    const { memory } = look({});
    const found = stock({ bound: 4, notInjected: findings(1) });
    expect(summary(look({ written: counts(3), found, before: memory, now: 1 }).actions)[0]).toBe('write 4 1 0');
  });
});

describe('Events', () => {
  test('of bare pods: one for the identity and one for each pod, once', () => {
    const found = stock({ notInjected: findings(2) });
    const first = look({ found });
    expect(summary(first.actions)).toEqual([
      'write 3 2 0',
      'tell PodsNotInjected',
      'tell p1 NotInjected',
      'tell p2 NotInjected',
    ]);
    expect(look({ written: counts(3, 2), found, before: first.memory }).actions).toEqual([]);
  });

  test('a new bare pod in the place of an old one is told by itself', () => {
    const { memory } = look({ found: stock({ notInjected: findings(2) }) });
    const next = look({ written: counts(3, 2), found: stock({ notInjected: findings(2, 2) }), before: memory });
    expect(summary(next.actions)).toEqual(['tell p3 NotInjected']);
    expect([...next.memory.toldPods]).toEqual(['u2/NotInjected', 'u3/NotInjected']);
  });

  test('after a restart the status says what the identity knows', () => {
    const again = look({ written: counts(3, 1), found: stock({ notInjected: findings(1) }) });
    expect(summary(again.actions)).toEqual(['tell p1 NotInjected']);
  });

  test('of a thousand bare pods twenty in a pass have one', () => {
    const found = stock({ bound: 1000, notInjected: findings(1000) });
    const first = look({ found });
    expect(first.actions.filter(({ type }) => type === 'TellPod')).toHaveLength(20);
    const second = look({ written: counts(1000, 1000), found, before: first.memory });
    expect(summary(second.actions)[0]).toBe('tell p21 NotInjected');
    expect(second.memory.toldPods.size).toBe(40);
  });

  test('static credentials are told, and counted nowhere', () => {
    const found = stock({ overridden: findings(1) });
    const first = look({ found });
    expect(summary(first.actions)).toEqual(['write 3 0 0', 'tell StaticCredentials', 'tell p1 StaticCredentials']);
    expect(look({ written: counts(3), found, before: first.memory }).actions).toEqual([]);
  });

  test('a ServiceAccount annotated by hand is told itself, once', () => {
    const found = stock({ notInjected: findings(1) });
    const first = look({ found, by: 'hand' });
    expect(summary(first.actions)).toEqual(['tell PodsNotInjected', 'tell p1 NotInjected']);
    expect(look({ found, by: 'hand', before: first.memory }).actions).toEqual([]);
  });
});

const notes = (given: Look): readonly string[] =>
  look(given).actions.flatMap((action) => ('event' in action ? [action.event.note] : []));

test('a note names at most five pods, and the next step', () => {
  const [note] = notes({ found: stock({ notInjected: findings(7) }) });
  expect(note).toBe(
    `7 pods run as ServiceAccount reports without the role ${ROLE}: p1, p2, p3, p4, p5 and 2 more. Only new pods are injected. Next: kubectl aws-identity restart reports -n analytics --stale`,
  );
  const [byHand] = notes({ found: stock({ stale: findings(1) }), by: 'hand' });
  expect(byHand).toMatch(/^1 pod runs as ServiceAccount reports with another role than .* kubectl rollout restart/);
});
