import type { Logger } from 'pino';
import { errorCode, errorFields, isProgramFault } from './error-fields.ts';

/** Tells the log of an API server that is away, or of a fault of our own on the way to it, without filling it. */
export interface OutageLog {
  failed(error: unknown, retryInMs: number): void;
  recovered(): void;
}

/**
 * Tells of the 1st, 2nd, 4th, 8th ... failure in a row (the others are debug) and of the recovery. A fault of the program is
 * an error with its stack, and is counted by itself, so that no outage before it keeps it quiet.
 */
export function outageLog(log: Logger, fields: object): OutageLog {
  let failures = 0;
  let faults = 0;
  let startedAt = 0;
  return {
    failed: (error, retryInMs) => {
      if (failures + faults === 0) startedAt = performance.now();
      const retry = { retryInMs: Math.round(retryInMs) };
      if (isProgramFault(error)) {
        faults += 1;
        const level = isTold(faults) ? 'error' : 'debug';
        log[level](
          { ...fields, err: errorFields(error), faults, ...retry },
          'fault of the operator itself, trying again',
        );
        return;
      }
      failures += 1;
      const level = isTold(failures) ? 'warn' : 'debug';
      const code = errorCode(error);
      const { type, message: detail } = errorFields(error);
      log[level]({ ...fields, code, error: type, detail, failures, ...retry }, outageText(code));
    },
    recovered: () => {
      if (failures + faults === 0) return;
      const outage = { failures, faults, outageMs: Math.round(performance.now() - startedAt) };
      const message = failures > 0 ? 'API server reachable again' : 'the fault is over';
      log.info({ ...fields, ...outage }, message);
      failures = 0;
      faults = 0;
    },
  };
}

const isTold = (count: number): boolean => Number.isInteger(Math.log2(count));

function outageText(code: string | number | undefined): string {
  // 4xx: it is there but does not let us, or does not know the kind; waiting alone will not help.
  const refused = typeof code === 'number' && code >= 400 && code < 500 && code !== 408 && code !== 429;
  return refused ? 'API server refuses the request, waiting' : 'API server cannot be reached, waiting';
}
