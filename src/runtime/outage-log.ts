import type { Logger } from 'pino';
import { errorCode, errorFields } from './error-fields.ts';

/** Tells the log of an API server that is away without filling it. */
export interface OutageLog {
  failed(error: unknown, retryInMs: number): void;
  recovered(): void;
}

/** Warns of the 1st, 2nd, 4th, 8th ... failure in a row (the others are debug) and of the recovery. */
export function outageLog(log: Logger, fields: object): OutageLog {
  let failures = 0;
  let startedAt = 0;
  return {
    failed: (error, retryInMs) => {
      if (failures === 0) startedAt = performance.now();
      failures += 1;
      const level = Number.isInteger(Math.log2(failures)) ? 'warn' : 'debug';
      const code = errorCode(error);
      // 4xx: it is there but does not let us, or does not know the kind; waiting alone will not help.
      const refused = typeof code === 'number' && code >= 400 && code < 500 && code !== 408 && code !== 429;
      const message = refused ? 'API server refuses the request, waiting' : 'API server cannot be reached, waiting';
      const { type, message: detail } = errorFields(error);
      log[level]({ ...fields, code, error: type, detail, failures, retryInMs: Math.round(retryInMs) }, message);
    },
    recovered: () => {
      if (failures === 0) return;
      log.info(
        { ...fields, failures, outageMs: Math.round(performance.now() - startedAt) },
        'API server reachable again',
      );
      failures = 0;
    },
  };
}
