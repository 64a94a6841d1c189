import { type ReconcileError, waiting } from '../errors.ts';
import { type AccountId, ownerOfArn, type Partition } from './arn.ts';
import type { CircuitBreaker } from './breaker.ts';
import { areCredentialsRefused, awsErrorCode, classified, isServerFault, isThrottling } from './errors.ts';

/** Who the operator's credentials belong to. */
export interface Caller {
  readonly arn: string;
  readonly account: AccountId;
  readonly partition: Partition;
}

/** Credentials of a session, by the id of their access key. */
export interface Identity {
  readonly accessKeyId: string;
  readonly caller: Caller;
}

export interface SessionOptions {
  readonly breaker: CircuitBreaker;
  /** The access key in use; `forceRefresh` asks its source for another one first. */
  readonly accessKey: (options: { readonly forceRefresh: boolean }) => Promise<{ readonly accessKeyId: string }>;
  /** GetCallerIdentity with that key. */
  readonly callerArn: () => Promise<string>;
}

/** The credentials of one connection, and whose they are: asked once for each set of them. */
export class Session {
  readonly #options: SessionOptions;
  #known: Identity | undefined;
  #pending: Promise<Identity> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Has the next `identity` ask again, for credentials that were refused since. */
  forget(): void {
    this.#known = undefined;
  }

  /** Who calls now. One call to STS after each change of the credentials, however many ask at once. */
  async identity(signal: AbortSignal): Promise<Identity> {
    this.#pending ??= this.#identify().finally(() => {
      this.#pending = undefined;
    });
    const identity = await this.#pending; // not ended by one of those who wait for it; the SDK's timeout does
    signal.throwIfAborted();
    return identity;
  }

  /** Asks the source of the credentials for others, unless they have changed since `accessKeyId` was used. */
  async renew(accessKeyId: string): Promise<'renewed' | 'unchanged'> {
    if ((await this.#accessKey(false)) !== accessKeyId) return 'renewed';
    return (await this.#accessKey(true)) === accessKeyId ? 'unchanged' : 'renewed';
  }

  /** Refused credentials are renewed once: their source may have others by now. */
  async #identify(): Promise<Identity> {
    const accessKeyId = await this.#accessKey(false);
    if (this.#known?.accessKeyId === accessKeyId) return this.#known;
    try {
      return await this.#ask(accessKeyId);
    } catch (error) {
      if (!areCredentialsRefused(error)) throw this.#failure('GetCallerIdentity', error, false);
      const renewed = await this.#accessKey(true);
      if (renewed === accessKeyId) throw this.#failure('GetCallerIdentity', error, true);
      return await this.#ask(renewed).catch((second: unknown) => {
        throw this.#failure('GetCallerIdentity', second, areCredentialsRefused(second));
      });
    }
  }

  async #ask(accessKeyId: string): Promise<Identity> {
    const arn = await this.#options.callerArn();
    this.#known = { accessKeyId, caller: { arn, ...ownerOfArn(arn) } };
    this.#options.breaker.accepted();
    return this.#known;
  }

  async #accessKey(forceRefresh: boolean): Promise<string> {
    try {
      return (await this.#options.accessKey({ forceRefresh })).accessKeyId;
    } catch (error) {
      // Whatever AWS says against giving a session, it says to everybody.
      const isRefused = awsErrorCode(error) !== undefined && !isThrottling(error) && !isServerFault(error);
      throw this.#failure('AssumeRole', error, isRefused);
    }
  }

  #failure(operation: string, error: unknown, isRefused: boolean): ReconcileError {
    const failure = classified(operation, 'as the operator', error);
    return isRefused ? this.#options.breaker.refused(failure) : failure;
  }
}

/** Throws WrongAccount unless the caller belongs to `expected`. */
export function checkAccount({ arn, account }: Caller, expected: string): void {
  if (account === expected) return;
  throw waiting(
    'WrongAccount',
    `The operator's credentials (${arn}) belong to account ${account}, but spec.accountId is ${expected}. ` +
      'Nothing is written. Give the operator credentials of that account, or correct spec.accountId in a new AwsOidcProvider.',
    60_000,
  );
}
