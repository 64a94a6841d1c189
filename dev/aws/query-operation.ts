import type { Context, Permission, Principal } from './authorize.ts';
import type { Parameters } from './query-protocol.ts';
import type { AccountState, World } from './state.ts';
import type { Issuers } from './sts/issuer-keys.ts';
import type { Constraints } from './validation.ts';
import type { XmlRecord } from './xml.ts';

/** One IAM or STS call on its way through the pipeline. */
export interface QueryCall {
  readonly world: World;
  /** The account that the call is about: the caller's, or the role's for STS. */
  readonly account: AccountState;
  readonly principal: Principal;
  readonly parameters: Parameters;
  /** Reads see the state as of this moment (epoch milliseconds); `Infinity` is the present. */
  readonly asOf: number;
  readonly issuers: Issuers;
}

/** An operation: what it accepts, what it needs permission for, what it does. */
export interface QueryOperation {
  readonly write: boolean;
  readonly constraints: Constraints;
  /** Unsigned (AssumeRoleWithWebIdentity). */
  readonly anonymous?: boolean;
  /** Account of a role named in the request, where that is not the caller's. */
  readonly accountId?: (parameters: Parameters) => string | undefined;
  /** ARN of what the call is about, `*` for calls without one. */
  readonly resource: (call: QueryCall) => string;
  readonly shownResource?: (call: QueryCall) => string | undefined;
  /** Condition keys of the operation's own permission. */
  readonly context?: (call: QueryCall) => Context;
  /** Further permissions (CreateRole with tags needs TagRole). */
  readonly alsoNeeds?: (call: QueryCall) => readonly Permission[];
  /** `none`: no check in the pipeline (GetCallerIdentity; operations that check by themselves). */
  readonly permission?: 'none';
  readonly run: (call: QueryCall) => XmlRecord | undefined | Promise<XmlRecord | undefined>;
}

export type QueryOperations = Readonly<Record<string, QueryOperation>>;
