import type { Context } from '../authorize.ts';
import { AwsError, validationError } from '../errors.ts';
import type { QueryCall } from '../query-operation.ts';
import type { Role } from '../state.ts';
import type { TextConstraint } from '../validation.ts';
import { resourceTagContext } from './tags.ts';

const NAME_PATTERN = /^[\w+=,.@-]+$/;
const nameMessage = (parameter: string): string =>
  `The specified value for ${parameter} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`;

export const ROLE_NAME: TextConstraint = {
  kind: 'text',
  required: true,
  min: 1,
  max: 64,
  pattern: NAME_PATTERN,
  message: nameMessage('roleName'),
};
export const POLICY_NAME: TextConstraint = {
  kind: 'text',
  required: true,
  min: 1,
  max: 128,
  pattern: NAME_PATTERN,
  message: nameMessage('policyName'),
};
export const POLICY_ARN: TextConstraint = { kind: 'text', required: true, min: 20, max: 2048 };
export const POLICY_DOCUMENT: TextConstraint = {
  kind: 'text',
  required: true,
  min: 1,
  max: 131_072,
  pattern: /^[\t\n\r\x20-\xff]+$/, // oxlint-disable-line no-control-regex -- the model's pattern
};
export const PATH: TextConstraint = {
  kind: 'text',
  min: 1,
  max: 512,
  pattern: /^(\/|\/[!-~]+\/)$/,
  message:
    'The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.',
};

export const noSuchEntity = (message: string): AwsError => new AwsError('NoSuchEntity', 404, message);

const key = (call: QueryCall): string => call.parameters.required('RoleName').toLowerCase();

/** The role that the call names, as of the call's reading time. NoSuchEntity 404 [recorded text]. */
export function findRole(call: QueryCall): Role {
  const role = call.account.roles.get(key(call), call.asOf);
  if (role === undefined) {
    throw noSuchEntity(`The role with name ${call.parameters.required('RoleName')} cannot be found.`);
  }
  return role;
}

/** The role for a change of something but its name; service-linked roles are UnmodifiableEntity 400. */
export function findModifiableRole(call: QueryCall): Role {
  const role = findRole(call);
  if (role.path.startsWith('/aws-service-role/') || role.path.startsWith('/aws-reserved/')) {
    throw new AwsError(
      'UnmodifiableEntity',
      400,
      `Cannot perform the operation on the protected role '${role.name}' - this role is only modifiable by AWS`,
    );
  }
  return role;
}

export function saveRole(call: QueryCall, role: Role): void {
  call.account.roles.set(role.name.toLowerCase(), role);
}

/**
 * The ARN that IAM authorises a call with a RoleName against. IAM knows the path only if the role exists, so a policy
 * limited to a path answers AccessDenied, not NoSuchEntity, for a role that does not exist [belief, seen in issues].
 */
export function namedRoleArn(call: QueryCall): string {
  const name = call.parameters.required('RoleName');
  return call.account.roles.get(key(call))?.arn ?? roleArn(call, '/', name);
}

export const shownRole = (call: QueryCall): string => `role ${call.parameters.required('RoleName')}`;

export const roleArn = (call: QueryCall, path: string, name: string): string =>
  `arn:${call.world.partition}:iam::${call.account.id}:role${path}${name}`;

/** `aws:ResourceTag/*` of the named role. */
export const roleTagContext = (call: QueryCall): Context => resourceTagContext(call.account.roles.get(key(call))?.tags);

/**
 * The role's tags and its present boundary. Which action knows which key is AWS's Service Authorization Reference's
 * business: iam-simulate has it as data and drops the rest (no boundary for TagRole and the List operations).
 */
export function roleBoundaryContext(call: QueryCall): Context {
  const boundary = call.account.roles.get(key(call))?.permissionsBoundary;
  return { ...roleTagContext(call), ...(boundary === undefined ? {} : { 'iam:PermissionsBoundary': boundary }) };
}

const POLICY_ARN_FORM = /^arn:[\w-]+:iam::(\d{12}|aws):policy\/\S+$/;

/** A boundary must be the ARN of an existing policy: InvalidInput 400, NoSuchEntity 404 [recorded texts]. */
export function checkBoundary(call: QueryCall, arn: string): void {
  if (!POLICY_ARN_FORM.test(arn)) throw new AwsError('InvalidInput', 400, `ARN ${arn} is not valid.`);
  if (call.account.policies.get(arn) === undefined) {
    throw noSuchEntity(`Scope ARN: ${arn} does not exist or is not attachable.`);
  }
}

/** ValidationError 400 for what is not a policy's ARN [recorded]. */
export function checkPolicyArn(arn: string): void {
  if (!POLICY_ARN_FORM.test(arn)) throw validationError(`ARN ${arn} is not valid.`);
}
