import { ApiError } from '../../kube/errors.ts';
import { CliError } from '../failures.ts';
import { Unseen } from './chain.ts';

/** For `catch`: what the person at the terminal may not read makes its link unseen; every other failure is thrown on. */
export const unseenIfForbidden =
  (what: string) =>
  (error: unknown): never => {
    const cause = error instanceof CliError ? error.cause : error;
    if (!(cause instanceof ApiError) || cause.code !== 403) throw error;
    throw new Unseen(`you may not look at ${what}.`, { cause: error });
  };
