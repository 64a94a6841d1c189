import { type CallGate, isWrite } from './call-gate.ts';
import { awsErrorCode } from './errors.ts';
import type { Priority } from './rate-limit.ts';

/** One finished call, for the metrics. `code` is OK, the wire code of the error, or Unreachable where nothing was answered. */
export interface AwsCall {
  readonly service: string;
  readonly operation: string;
  readonly code: string;
  /** From sending to the answer, without the time that the call waited for its turn. */
  readonly seconds: number;
}

/**
 * Options of every SDK client. The SDK retries nothing: the work queue does, where it is counted, and never a quota error. By
 * itself it uses no proxy; Node's agent takes HTTPS_PROXY and NO_PROXY from here (Node 24.5 and later).
 */
export const CLIENT_OPTIONS = {
  maxAttempts: 1,
  userAgentAppId: 'federated-identity-operator',
  requestHandler: {
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    throwOnRequestTimeout: true, // else the SDK only warns, and waits for ever
    httpsAgent: { proxyEnv: process.env },
  },
} as const;

/** A middleware for an SDK client's `initialize` step that tells of each call. */
export const tellCalls =
  (service: string, onCall: (call: AwsCall) => void) =>
  <Arguments, Output>(next: (args: Arguments) => Promise<Output>, { commandName = '' }: { commandName?: string }) =>
  async (args: Arguments): Promise<Output> => {
    const operation = operationOf(commandName);
    const sentAt = performance.now();
    const tell = (code: string): void =>
      onCall({ service, operation, code, seconds: (performance.now() - sentAt) / 1000 });
    try {
      const output = await next(args);
      tell('OK');
      return output;
    } catch (error) {
      tell(awsErrorCode(error) ?? 'Unreachable');
      throw error;
    }
  };

/** What the SDK tells a middleware of a call, as far as it is used here. */
interface CallContext {
  readonly commandName?: string;
  /** Holds the caller's signal (@smithy/core, Command.resolveMiddleware). */
  readonly __smithy_context?: { readonly abortSignal?: unknown };
}

/** A middleware for an SDK client's `initialize` step that sends calls through a gate. Goes before `tellCalls`. */
export const gateCalls =
  (gate: Pick<CallGate, 'pass'>, priority: Priority) =>
  <Arguments, Output>(next: (args: Arguments) => Promise<Output>, context: CallContext) =>
  (args: Arguments): Promise<Output> =>
    gate.pass({ operation: operationOf(context.commandName), priority, signal: signalOf(context) }, () => next(args));

/**
 * A middleware for the very last step before a write is sent, when it has been signed: a process that stood still since the
 * gate let it pass may lead no more.
 */
export const fenceWrites =
  (fence: () => void) =>
  <Arguments, Output>(next: (args: Arguments) => Promise<Output>, { commandName }: CallContext) =>
  async (args: Arguments): Promise<Output> => {
    if (isWrite(operationOf(commandName))) fence();
    return next(args);
  };

const operationOf = (commandName = ''): string => commandName.replace(/Command$/, '');

function signalOf({ __smithy_context: context }: CallContext): AbortSignal {
  const signal = context?.abortSignal;
  return signal instanceof AbortSignal ? signal : new AbortController().signal;
}
