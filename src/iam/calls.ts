import type { CallGate } from './call-gate.ts';
import { awsErrorCode } from './errors.ts';
import type { Priority } from './rate-limit.ts';

/** One finished call, for the metrics. `code` is OK, the wire code of the error, or Unreachable where nothing was answered. */
export interface AwsCall {
  readonly service: string;
  readonly operation: string;
  readonly code: string;
}

/** Options of every SDK client. The SDK retries nothing: the work queue does, where it is counted, and never a quota error. */
export const CLIENT_OPTIONS = {
  maxAttempts: 1,
  userAgentAppId: 'federated-identity-operator',
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 15_000 },
} as const;

/** A middleware for an SDK client's `initialize` step that tells of each call. */
export const tellCalls =
  (service: string, onCall: (call: AwsCall) => void) =>
  <Arguments, Output>(next: (args: Arguments) => Promise<Output>, { commandName = '' }: { commandName?: string }) =>
  async (args: Arguments): Promise<Output> => {
    const operation = operationOf(commandName);
    try {
      const output = await next(args);
      onCall({ service, operation, code: 'OK' });
      return output;
    } catch (error) {
      onCall({ service, operation, code: awsErrorCode(error) ?? 'Unreachable' });
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

const operationOf = (commandName = ''): string => commandName.replace(/Command$/, '');

function signalOf({ __smithy_context: context }: CallContext): AbortSignal {
  const signal = context?.abortSignal;
  return signal instanceof AbortSignal ? signal : new AbortController().signal;
}
