import { describe, expect, test } from 'vitest';
import { thrownBy } from '../../test/support/builders.ts';
import { terminal } from '../errors.ts';
import { Progress } from './progress.ts';

const kinds = (progress: Progress<string>): readonly string[] => [...progress.results.values()].map(({ kind }) => kind);

describe('progress', () => {
  test('knows each step before it begins, in order', () => {
    const progress = new Progress(['First', 'Second']);
    expect([...progress.results.keys()]).toEqual(['First', 'Second']);
    expect(kinds(progress)).toEqual(['pending', 'pending']);
    expect(progress.failure).toBeUndefined();
  });

  test('gives back what a step gave, and describes it', async () => {
    const progress = new Progress(['First', 'Second']);
    expect(
      await progress.run(
        'First',
        () => 7,
        (value) => `found ${value}`,
      ),
    ).toBe(7);
    expect(progress.results.get('First')).toEqual({ kind: 'done', message: 'found 7' });
  });

  test('records a failure and throws it on', async () => {
    const progress = new Progress(['First', 'Second']);
    const error = terminal('InvalidSpec', 'wrong');
    expect(await thrownBy(() => progress.run('First', () => Promise.reject(error), String))).toBe(error);
    expect(progress.failure).toBe(error);
    expect(kinds(progress)).toEqual(['failed', 'pending']);
  });

  test('that leaves a step open has not failed', () => {
    const progress = new Progress(['First', 'Second']);
    progress.leaveOpen('First', 'IssuerNotChecked', 'no way to it');
    expect(progress.failure).toBeUndefined();
    expect(kinds(progress)).toEqual(['unknown', 'pending']);
  });

  test('makes a ReconcileError of a bug, also of one in the description', async () => {
    const progress = new Progress(['First']);
    const bug = new TypeError('x is undefined');
    const describeBadly = (): string => {
      throw bug;
    };
    expect(await thrownBy(() => progress.run('First', () => 1, describeBadly))).toMatchObject({
      reason: 'InternalError',
      disposition: { kind: 'retryable' },
      cause: bug,
    });
    expect(kinds(progress)).toEqual(['failed']);
  });
});
