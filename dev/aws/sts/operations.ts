import type { QueryOperations } from '../query-operation.ts';
import { ASSUME_ROLE } from './assume-role.ts';
import { ASSUME_ROLE_WITH_WEB_IDENTITY } from './web-identity.ts';

/** All operations of STS 2011-06-15 that the double serves. */
export const STS_OPERATIONS: QueryOperations = {
  AssumeRole: ASSUME_ROLE,
  AssumeRoleWithWebIdentity: ASSUME_ROLE_WITH_WEB_IDENTITY,
  GetCallerIdentity: {
    write: false,
    permission: 'none', // allowed to every authenticated caller, even against an explicit deny
    constraints: {},
    resource: () => '*',
    run: ({ principal }) => {
      if (principal.kind === 'anonymous') return {};
      return { Arn: principal.arn, UserId: principal.userId, Account: principal.account };
    },
  },
};
