import { authorize } from '../authorize.ts';
import { accessDenied, validationError } from '../errors.ts';
import type { QueryCall, QueryOperation } from '../query-operation.ts';
import type { Role } from '../state.ts';
import type { XmlRecord } from '../xml.ts';
import { checkDuration, issueSession, parseRoleArn, refuseUnsupported, SESSION_CONSTRAINTS } from './sessions.ts';

const MAX_CHAINED_SECONDS = 3600;

/** AssumeRole, also across accounts: the caller's policies and the role's trust policy (with ExternalId) must agree. */
export const ASSUME_ROLE: QueryOperation = {
  write: false,
  permission: 'none',
  constraints: {
    ...SESSION_CONSTRAINTS,
    ExternalId: { kind: 'text', min: 2, max: 1224, pattern: /^[\w+=,.@:/-]*$/ },
  },
  accountId: (parameters) => parameters.text('RoleArn')?.split(':')[4],
  resource: (call) => call.parameters.required('RoleArn'),
  run: assumeRole,
};

async function assumeRole(call: QueryCall): Promise<XmlRecord> {
  const { parameters, principal, world } = call;
  refuseUnsupported(parameters);
  const reference = parseRoleArn(parameters.required('RoleArn'));
  const sessionName = parameters.required('RoleSessionName');
  const durationSeconds = Number(parameters.text('DurationSeconds') ?? 3600);
  if (principal.kind === 'session' && durationSeconds > MAX_CHAINED_SECONDS) {
    throw validationError(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    );
  }
  const role = await findAllowedRole(call, reference.account, reference.name);
  checkDuration(durationSeconds, role);
  const sessionPolicy = parameters.text('Policy');
  return issueSession(world, { account: reference.account, role, sessionName, durationSeconds, sessionPolicy });
}

/** Denied and missing look alike: `User: X is not authorized to perform: sts:AssumeRole on resource: ROLE`. */
async function findAllowedRole(call: QueryCall, account: string, name: string): Promise<Role> {
  const { parameters, principal, world } = call;
  const arn = parameters.required('RoleArn');
  const caller = principal.kind === 'anonymous' ? 'anonymous' : principal.arn;
  const denied = accessDenied(`User: ${caller} is not authorized to perform: sts:AssumeRole on resource: ${arn}`);
  const role = world.accounts.get(account)?.roles.get(name.toLowerCase(), call.asOf);
  if (role === undefined || role.arn !== arn) throw denied;
  const externalId = parameters.text('ExternalId');
  const permission = {
    action: 'sts:AssumeRole',
    resource: arn,
    resourceAccount: account,
    context: {
      'sts:RoleSessionName': parameters.required('RoleSessionName'),
      ...(externalId === undefined ? {} : { 'sts:ExternalId': externalId }),
    },
    resourcePolicy: role.trustPolicy,
  };
  await authorize(principal, permission, world).catch((error: unknown) => {
    throw error instanceof Error && 'code' in error && error.code === 'AccessDenied' ? denied : error;
  });
  return role;
}
