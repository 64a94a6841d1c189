import type { Reason } from '../crds/condition.ts';
import { type ReconcileError, toReconcileError } from '../errors.ts';
import type { StepResult } from './conditions.ts';

/** How far a reconcile has come: its steps in order, each of which is a condition type. */
export class Progress<Step extends string> {
  readonly #results: Map<Step, StepResult>;

  constructor(steps: readonly Step[]) {
    this.#results = new Map(steps.map((step) => [step, { kind: 'pending' }]));
  }

  get results(): ReadonlyMap<Step, StepResult> {
    return this.#results;
  }

  /** The first failed step's error. */
  get failure(): ReconcileError | undefined {
    for (const result of this.#results.values()) if (result.kind === 'failed') return result.error;
    return undefined;
  }

  /** Records that a step could not find out what it is about; this is no failure. */
  leaveOpen(step: Step, reason: Reason, message: string): void {
    this.#results.set(step, { kind: 'unknown', reason, message });
  }

  /** Runs a step; its failure is recorded and thrown on as a ReconcileError. */
  async run<T>(step: Step, work: () => Promise<T> | T, describe: (value: T) => string): Promise<T> {
    try {
      const value = await work();
      this.#results.set(step, { kind: 'done', message: describe(value) });
      return value;
    } catch (thrown) {
      const error = toReconcileError(thrown);
      this.#results.set(step, { kind: 'failed', error });
      throw error;
    }
  }
}
