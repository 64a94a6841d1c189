import { awsErrorCode } from './errors.ts';

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
    const operation = commandName.replace(/Command$/, '');
    try {
      const output = await next(args);
      onCall({ service, operation, code: 'OK' });
      return output;
    } catch (error) {
      onCall({ service, operation, code: awsErrorCode(error) ?? 'Unreachable' });
      throw error;
    }
  };
