import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { after, condition, NOW } from '../../test/support/builders.ts';
import type { Condition } from '../crds/condition.ts';
import { type ReconcileError, retryable, terminal, waiting } from '../errors.ts';
import {
  type ConditionContext,
  conditionsOf,
  type ConditionUpdate,
  isOutageOf,
  stepCondition,
  summary,
} from './conditions.ts';

const context = (fields: Partial<ConditionContext> = {}): ConditionContext => ({
  previous: [],
  generation: 1,
  now: NOW,
  ...fields,
});

const update = (fields: Partial<ConditionUpdate> = {}): ConditionUpdate => ({
  type: 'Ready',
  status: 'True',
  reason: 'Succeeded',
  message: 'It works.',
  ...fields,
});

describe('one condition for a step', () => {
  test.each([
    {
      name: 'done is True',
      result: { kind: 'done', message: 'x' } as const,
      expected: { status: 'True', reason: 'Succeeded' },
    },
    {
      name: 'done may have a reason of its own',
      result: { kind: 'done', message: 'x', reason: 'InSync' } as const,
      expected: { status: 'True', reason: 'InSync' },
    },
    {
      name: 'not reached yet is Unknown',
      result: { kind: 'pending' } as const,
      expected: { status: 'Unknown', reason: 'Pending' },
    },
    {
      name: 'left open is Unknown, with its own reason',
      result: { kind: 'unknown', reason: 'IssuerNotPublic', message: 'x' } as const,
      expected: { status: 'Unknown', reason: 'IssuerNotPublic' },
    },
    {
      name: 'failed is False',
      result: { kind: 'failed', error: terminal('RoleNotOwned', 'x') } as const,
      expected: { status: 'False', reason: 'RoleNotOwned' },
    },
    {
      name: 'an outage is Unknown, since nothing was learnt',
      result: { kind: 'failed', error: retryable('AwsUnreachable', 'x') } as const,
      expected: { status: 'Unknown', reason: 'AwsUnreachable' },
    },
    {
      name: 'what takes its time is Unknown',
      result: { kind: 'failed', error: waiting('Propagating', 'x', 1) } as const,
      expected: { status: 'Unknown', reason: 'Propagating' },
    },
  ])('$name', ({ result, expected }) => {
    expect(stepCondition('RoleReady', result)).toMatchObject({ type: 'RoleReady', ...expected });
  });
});

const typesOf = (failure: ReconcileError | undefined, given = context()): readonly string[] =>
  summary(failure, 'fine', given).map(({ type, status, reason }) => `${type}=${status} ${reason}`);

describe('the summary follows kstatus', () => {
  test.each([
    { name: 'success', failure: undefined, expected: ['Ready=True Succeeded'] },
    {
      name: 'terminal',
      failure: terminal('QuotaExceeded', 'x'),
      expected: ['Ready=False QuotaExceeded', 'Stalled=True QuotaExceeded'],
    },
    {
      name: 'waiting',
      failure: waiting('ProviderNotReady', 'x', 1),
      expected: ['Ready=False ProviderNotReady', 'Reconciling=True ProgressingWithRetry'],
    },
    {
      name: 'retryable',
      failure: retryable('TokenExchangeFailed', 'x'),
      expected: ['Ready=False TokenExchangeFailed', 'Reconciling=True ProgressingWithRetry'],
    },
    {
      name: 'in progress',
      failure: waiting('Propagating', 'x', 1),
      expected: ['Ready=Unknown Propagating', 'Reconciling=True ProgressingWithRetry'],
    },
  ])('$name', ({ failure, expected }) => {
    expect(typesOf(failure)).toEqual(expected);
  });
});

describe('an outage', () => {
  test.each([
    { name: 'leaves what was ready', previous: [condition()], generation: 1, reason: 'Throttled', expected: true },
    {
      name: 'says nothing of a new generation',
      previous: [condition()],
      generation: 2,
      reason: 'Throttled',
      expected: false,
    },
    {
      name: 'makes nothing ready',
      previous: [condition({ status: 'False' })],
      generation: 1,
      reason: 'Throttled',
      expected: false,
    },
    {
      name: 'needs a Ready before',
      previous: [condition({ type: 'Accepted' })],
      generation: 1,
      reason: 'Throttled',
      expected: false,
    },
    { name: 'is no refusal of AWS', previous: [condition()], generation: 1, reason: 'AccessDenied', expected: false },
  ] as const)('$name', ({ previous, generation, reason, expected }) => {
    expect(isOutageOf(retryable(reason, 'x'), context({ previous, generation }))).toBe(expected);
  });
});

describe('the list of conditions', () => {
  test.each([
    {
      name: 'keeps its time while the status stays',
      before: condition({ reason: 'InSync', message: 'other' }),
      moves: false,
    },
    { name: 'moves its time when the status changes', before: condition({ status: 'False' }), moves: true },
    { name: 'has a time from the first moment', before: condition({ type: 'Other' }), moves: true },
  ])('$name', ({ before, moves }) => {
    const [first] = conditionsOf([update()], context({ previous: [before] }));
    expect(first?.lastTransitionTime).toBe(moves ? '2026-03-01T12:00:00Z' : before.lastTransitionTime);
  });

  test('drops conditions that nobody updates, so that Stalled goes', () => {
    const previous = [condition({ type: 'Stalled' })];
    expect(conditionsOf([update()], context({ previous })).map(({ type }) => type)).toEqual(['Ready']);
  });

  test('speaks of the generation that was looked at', () => {
    expect(conditionsOf([update()], context({ generation: 7 }))).toMatchObject([{ observedGeneration: 7 }]);
  });

  test.each([
    { name: 'a line feed, which would break a table', message: 'a\nb', expected: 'a b' },
    { name: 'an escape sequence, which would reach a terminal', message: 'a\u001b[31mb', expected: 'a [31mb' },
    { name: 'a C1 control', message: 'a\u009bb', expected: 'a b' },
    { name: 'a mark that turns the direction of text', message: 'a\u202eb', expected: 'a b' },
    { name: 'half a character', message: `${'x'.repeat(1023)}😀`, expected: `${'x'.repeat(1023)}\ufffd` },
    {
      name: 'a token',
      message: 'no: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0abc.c2ln',
      expected: 'no: [redacted]',
    },
    { name: 'what exceeds the limit of the API', message: 'x'.repeat(2000), expected: 'x'.repeat(1024) },
  ])('takes out of messages $name [F72 F78 S15]', ({ message, expected }) => {
    expect(conditionsOf([update({ message })], context())).toMatchObject([{ message: expected }]);
  });

  const updates = fc
    .uniqueArray(fc.constantFrom('Ready', 'Accepted', 'Synced', 'Stalled'))
    .chain((types) =>
      fc.tuple(
        ...types.map((type) =>
          fc.constantFrom('True', 'False', 'Unknown').map((status) => update({ type, status } as const)),
        ),
      ),
    );

  test('is the same again for the same updates, in any order, at any later time', () => {
    fc.assert(
      fc.property(updates, fc.nat(), (list, ms) => {
        const first: readonly Condition[] = conditionsOf(list, context());
        expect(conditionsOf(list.toReversed(), context({ previous: first, now: after(ms) }))).toEqual(first);
      }),
    );
  });
});

describe('an object that gets no further', () => {
  const failing = (previous: ConditionContext['previous'], now: Date, generation = 1) => {
    const scene = context({ previous, now, generation });
    return conditionsOf(summary(retryable('AccessDenied', 'denied'), '', scene), scene);
  };
  const namesOf = (conditions: readonly Condition[]): readonly string[] => conditions.map(({ type }) => type);
  const MINUTES = 60_000;

  test('is reconciling for five minutes, then stalled, and stays so while the reason is the same', () => {
    const first = failing([], NOW);
    expect(namesOf(first)).toEqual(['Ready', 'Reconciling']);
    const soon = failing(first, after(4 * MINUTES));
    expect(namesOf(soon)).toEqual(['Ready', 'Reconciling']);
    const late = failing(soon, after(5 * MINUTES));
    expect(namesOf(late)).toEqual(['Ready', 'Stalled']);
    expect(namesOf(failing(late, after(60 * MINUTES)))).toEqual(['Ready', 'Stalled']);
  });

  test('gets another five minutes for each generation', () => {
    const stalled = failing(failing([], NOW), after(6 * MINUTES));
    const changed = failing(stalled, after(7 * MINUTES), 2);
    expect(namesOf(changed)).toEqual(['Ready', 'Reconciling']);
    expect(namesOf(failing(changed, after(11 * MINUTES), 2))).toEqual(['Ready', 'Reconciling']);
    expect(namesOf(failing(changed, after(12 * MINUTES), 2))).toEqual(['Ready', 'Stalled']);
  });
});
