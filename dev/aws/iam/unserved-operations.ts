import { notImplemented } from '../errors.ts';
import type { QueryCall, QueryOperation, QueryOperations } from '../query-operation.ts';

/**
 * Operations that are authorised as in AWS and then not carried out: a caller without the right learns AccessDenied, any
 * other one NotImplemented. They are what somebody would try who wants more rights than given.
 */
export const UNSERVED_OPERATIONS: QueryOperations = {
  CreateUser: unserved('CreateUser', (call) => userArn(call)),
  CreateAccessKey: unserved('CreateAccessKey', (call) => userArn(call)),
  CreateLoginProfile: unserved('CreateLoginProfile', (call) => userArn(call)),
  AttachUserPolicy: unserved('AttachUserPolicy', (call) => userArn(call)),
  PutUserPolicy: unserved('PutUserPolicy', (call) => userArn(call)),
  CreateGroup: unserved('CreateGroup', (call) => arnOf(call, 'group', 'GroupName')),
  AddUserToGroup: unserved('AddUserToGroup', (call) => arnOf(call, 'group', 'GroupName')),
  CreatePolicyVersion: unserved('CreatePolicyVersion', (call) => call.parameters.required('PolicyArn')),
  SetDefaultPolicyVersion: unserved('SetDefaultPolicyVersion', (call) => call.parameters.required('PolicyArn')),
  CreateInstanceProfile: unserved('CreateInstanceProfile', (call) => profileArn(call)),
  AddRoleToInstanceProfile: unserved('AddRoleToInstanceProfile', (call) => profileArn(call)),
};

function unserved(name: string, resource: (call: QueryCall) => string): QueryOperation {
  return {
    write: true,
    constraints: {},
    resource,
    run: () => {
      throw notImplemented(name);
    },
  };
}

const arnOf = (call: QueryCall, type: string, parameter: string): string =>
  `arn:${call.world.partition}:iam::${call.account.id}:${type}/${call.parameters.required(parameter)}`;

const userArn = (call: QueryCall): string => arnOf(call, 'user', 'UserName');

const profileArn = (call: QueryCall): string => arnOf(call, 'instance-profile', 'InstanceProfileName');
