import { retryable } from '../errors.ts';
import type { AccountId } from './arn.ts';
import type { CircuitBreaker, Pass } from './breaker.ts';
import { areCredentialsRefused, awsErrorCode, classified, isServerFault, isThrottling } from './errors.ts';
import type { Priority, RateLimit, Turn } from './rate-limit.ts';
import { checkAccount, type Session } from './session.ts';

export interface CallGateOptions {
  readonly accountId: AccountId;
  readonly session: Session;
  readonly breaker: CircuitBreaker;
  readonly limit: RateLimit;
  /** Throws when this process may not write any more. */
  readonly fence: () => void;
}

/** A call to IAM that wants to start. */
export interface PendingCall {
  readonly operation: string;
  readonly priority: Priority;
  readonly signal: AbortSignal;
}

/**
 * What stands before every call to IAM: the breaker for refused credentials, the check of the account after each change
 * of credentials, the rate limit of the account, and the fence of leadership before each write.
 */
export class CallGate {
  readonly #options: CallGateOptions;

  constructor(options: CallGateOptions) {
    this.#options = options;
  }

  /** Sends the call when it may start. Refused credentials are renewed once, and the call repeated: it had no effect. */
  async pass<T>(call: PendingCall, send: () => Promise<T>): Promise<T> {
    const { breaker, session } = this.#options;
    const pass = breaker.enter();
    const accessKeyId = await this.#identify(call);
    try {
      return await this.#attempt(call, pass, send);
    } catch (error) {
      if (!areCredentialsRefused(error)) throw error;
      breaker.confirm(pass); // others that were refused at the same time have tried already
      if ((await session.renew(accessKeyId)) === 'unchanged') throw this.#refused(call, error);
    }
    try {
      await this.#identify(call);
      return await this.#attempt(call, pass, send);
    } catch (error) {
      throw areCredentialsRefused(error) ? this.#refused(call, error) : error;
    }
  }

  async #identify({ signal }: PendingCall): Promise<string> {
    const { session, accountId } = this.#options;
    const { accessKeyId, caller } = await session.identity(signal);
    checkAccount(caller, accountId);
    return accessKeyId;
  }

  #refused({ operation }: PendingCall, error: unknown): Error {
    return this.#options.breaker.refused(classified(operation, 'as the operator', error));
  }

  async #attempt<T>(call: PendingCall, pass: Pass, send: () => Promise<T>): Promise<T> {
    const { breaker, fence, limit } = this.#options;
    const turn = await this.#turn(call);
    breaker.confirm(pass);
    if (isWrite(call.operation)) fence();
    try {
      const output = await send();
      limit.answered(turn);
      breaker.accepted();
      return output;
    } catch (error) {
      this.#learn(turn, error);
      throw error;
    }
  }

  async #turn({ priority, signal }: PendingCall): Promise<Turn> {
    const { limit, accountId } = this.#options;
    try {
      return await limit.acquire(priority, signal);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error;
      throw retryable('Throttled', `Calls to IAM of account ${accountId} wait for their turn: there are too many.`, {
        cause: error,
      });
    }
  }

  #learn(turn: Turn, error: unknown): void {
    const { breaker, limit } = this.#options;
    if (isThrottling(error)) limit.throttled(turn);
    if (awsErrorCode(error) === undefined || isThrottling(error) || isServerFault(error)) return;
    limit.answered(turn);
    if (!areCredentialsRefused(error)) breaker.accepted();
  }
}

/** All operations of IAM that change nothing are named so, as far as the operator uses them. */
export const isWrite = (operation: string): boolean => !/^(Get|List)/.test(operation);
