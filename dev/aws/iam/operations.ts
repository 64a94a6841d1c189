import type { QueryOperations } from '../query-operation.ts';
import { ACCOUNT_OPERATIONS } from './account.ts';
import { MANAGED_POLICY_OPERATIONS } from './managed-policies.ts';
import { OIDC_PROVIDER_OPERATIONS } from './oidc-providers.ts';
import { ROLE_PART_OPERATIONS } from './role-policies.ts';
import { ROLE_OPERATIONS } from './roles.ts';
import { UNSERVED_OPERATIONS } from './unserved-operations.ts';

/** All operations of IAM 2010-05-08 that the double serves, and some that it only authorises. */
export const IAM_OPERATIONS: QueryOperations = {
  ...ROLE_OPERATIONS,
  ...ROLE_PART_OPERATIONS,
  ...OIDC_PROVIDER_OPERATIONS,
  ...MANAGED_POLICY_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
  ...UNSERVED_OPERATIONS,
};
