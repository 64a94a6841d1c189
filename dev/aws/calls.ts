import { toAwsError } from './errors.ts';

/** One API call as CloudTrail would show it: who did what to which resource. Never holds secrets or tokens. */
export interface Call {
  readonly time: Date;
  readonly service: 'iam' | 'sts' | 's3';
  readonly operation: string;
  /** Account of the resource that the call is about. */
  readonly account: string;
  /** ARN of the caller, or `anonymous`. */
  readonly principal: string;
  readonly resource: string;
  readonly write: boolean;
  readonly errorCode?: string | undefined;
  readonly errorMessage?: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  readonly userAgent: string;
}

const MAX_CALLS = 100_000;

/** The call log. Iterable; `mark()` and `since(mark)` bracket a step of a test. */
export class CallLog implements Iterable<Call> {
  #calls: Call[] = [];
  #dropped = 0;

  record(call: Call): void {
    this.#calls.push(call);
    if (this.#calls.length <= MAX_CALLS) return;
    this.#calls = this.#calls.slice(MAX_CALLS / 2);
    this.#dropped += MAX_CALLS / 2;
  }

  /** A call without a caller: bad signature, unknown key, expired session. */
  recordUnauthenticated(call: Omit<Call, 'account' | 'principal' | 'resource'>, error: unknown): void {
    this.record({ ...call, account: 'unknown', principal: 'anonymous', resource: 'unknown', ...outcomeFields(error) });
  }

  get length(): number {
    return this.#calls.length;
  }

  [Symbol.iterator](): Iterator<Call> {
    return this.#calls.values();
  }

  at(index: number): Call | undefined {
    return this.#calls.at(index);
  }

  filter(predicate: (call: Call) => boolean): Call[] {
    return this.#calls.filter(predicate);
  }

  /** Calls that change something and succeeded. */
  writes(mark = 0): Call[] {
    return this.since(mark).filter((call) => call.write && call.errorCode === undefined);
  }

  /** A position in the log: `calls.since(calls.mark())` is empty. */
  mark(): number {
    return this.#dropped + this.#calls.length;
  }

  /** Calls after a mark, or at and after a point in time. */
  since(mark: number | Date): Call[] {
    return typeof mark === 'number'
      ? this.#calls.slice(Math.max(mark - this.#dropped, 0))
      : this.#calls.filter((call) => call.time >= mark);
  }

  clear(): void {
    this.#dropped += this.#calls.length;
    this.#calls = [];
  }
}

/** The part of a call that says how it ended. */
export function outcomeFields(error: unknown): Pick<Call, 'errorCode' | 'errorMessage'> {
  if (error === undefined) return {};
  const { code, message } = toAwsError(error);
  return { errorCode: code, errorMessage: message };
}
