import type { Context, Permission } from '../authorize.ts';
import { AwsError } from '../errors.ts';
import type { QueryCall, QueryOperations } from '../query-operation.ts';
import { type Role, uniqueId } from '../state.ts';
import type { Constraints, TextConstraint } from '../validation.ts';
import type { XmlRecord } from '../xml.ts';
import { PAGING, pagedResult } from './paging.ts';
import { checkTrustPolicy, policySize } from './policy-document.ts';
import {
  checkBoundary,
  findModifiableRole,
  findRole,
  namedRoleArn,
  PATH,
  POLICY_ARN,
  POLICY_DOCUMENT,
  ROLE_NAME,
  roleArn,
  roleBoundaryContext,
  roleTagContext,
  saveRole,
  shownRole,
} from './role-lookup.ts';
import { createdRoleXml, listedRoleXml, roleXml } from './role-xml.ts';
import { requestTagContext, withTags } from './tags.ts';

const DESCRIPTION: TextConstraint = { kind: 'text', max: 1000, pattern: /^[\t\n\r\x20-\x7e\xa1-\xff]*$/ }; // oxlint-disable-line no-control-regex
const MAX_SESSION: Constraints[string] = { kind: 'integer', min: 3600, max: 43_200 };
const NAME_ONLY: Constraints = { RoleName: ROLE_NAME };

/** Role operations of IAM 2010-05-08. */
export const ROLE_OPERATIONS: QueryOperations = {
  CreateRole: {
    write: true,
    constraints: {
      RoleName: ROLE_NAME,
      Path: PATH,
      AssumeRolePolicyDocument: POLICY_DOCUMENT,
      Description: DESCRIPTION,
      MaxSessionDuration: MAX_SESSION,
      PermissionsBoundary: { ...POLICY_ARN, required: false },
      Tags: { kind: 'tags' },
    },
    resource: newRoleArn,
    context: newRoleContext,
    alsoNeeds: tagPermission,
    run: createRole,
  },
  GetRole: read(NAME_ONLY, (call) => ({ Role: roleXml(findRole(call)) })),
  ListRoles: {
    write: false,
    constraints: { ...PAGING, PathPrefix: { kind: 'text', min: 1, max: 512, pattern: /^\/[!-\x7f]*$/ } },
    resource: () => '*',
    run: listRoles,
  },
  UpdateRole: change({ ...NAME_ONLY, Description: DESCRIPTION, MaxSessionDuration: MAX_SESSION }, (call) => {
    const role = findModifiableRole(call);
    const maxSession = call.parameters.text('MaxSessionDuration');
    const described = call.parameters.text('Description');
    saveRole(call, {
      ...role,
      description: described === undefined ? role.description : described || undefined,
      maxSessionDuration: maxSession === undefined ? role.maxSessionDuration : Number(maxSession),
    });
    return {};
  }),
  UpdateRoleDescription: change({ ...NAME_ONLY, Description: { ...DESCRIPTION, required: true } }, (call) => {
    const role = findModifiableRole(call);
    const updated = { ...role, description: call.parameters.required('Description') || undefined };
    saveRole(call, updated);
    return { Role: { ...listedRoleXml(updated), MaxSessionDuration: undefined } };
  }),
  UpdateAssumeRolePolicy: change({ ...NAME_ONLY, PolicyDocument: POLICY_DOCUMENT }, (call) => {
    const role = findModifiableRole(call);
    saveRole(call, { ...role, trustPolicy: trustPolicy(call, call.parameters.required('PolicyDocument')) });
    return undefined;
  }),
  PutRolePermissionsBoundary: {
    ...change({ ...NAME_ONLY, PermissionsBoundary: POLICY_ARN }, (call) => {
      const role = findModifiableRole(call);
      const boundary = call.parameters.required('PermissionsBoundary');
      checkBoundary(call, boundary);
      saveRole(call, { ...role, permissionsBoundary: boundary });
      return undefined;
    }),
    context: (call) => ({ ...roleTagContext(call), ...requestedBoundary(call) }),
  },
  DeleteRolePermissionsBoundary: change(NAME_ONLY, (call) => {
    saveRole(call, { ...findModifiableRole(call), permissionsBoundary: undefined });
    return undefined;
  }),
  DeleteRole: change(NAME_ONLY, deleteRole),
};

type Run = (call: QueryCall) => XmlRecord | undefined;

function read(constraints: Constraints, run: Run): QueryOperations[string] {
  return {
    write: false,
    constraints,
    resource: namedRoleArn,
    shownResource: shownRole,
    context: roleBoundaryContext,
    run,
  };
}

function change(constraints: Constraints, run: Run): QueryOperations[string] {
  return { ...read(constraints, run), write: true };
}

function newRoleArn(call: QueryCall): string {
  return roleArn(call, call.parameters.text('Path') ?? '/', call.parameters.required('RoleName'));
}

function requestedBoundary(call: QueryCall): Context {
  const boundary = call.parameters.text('PermissionsBoundary');
  return boundary === undefined ? {} : { 'iam:PermissionsBoundary': boundary };
}

function newRoleContext(call: QueryCall): Context {
  return { ...requestedBoundary(call), ...requestTagContext(call.parameters.tags('Tags')) };
}

/** CreateRole with tags needs TagRole too (seen in openshift/installer 1073). */
function tagPermission(call: QueryCall): readonly Permission[] {
  const tags = call.parameters.tags('Tags') ?? [];
  if (tags.length === 0) return [];
  const resource = newRoleArn(call);
  return [{ action: 'iam:TagRole', resource, resourceAccount: call.account.id, context: requestTagContext(tags) }];
}

function createRole(call: QueryCall): XmlRecord {
  const { account, parameters, world } = call;
  const name = parameters.required('RoleName');
  const tags = withTags([], parameters.tags('Tags') ?? []);
  const permissionsBoundary = parameters.text('PermissionsBoundary');
  const document = trustPolicy(call, parameters.required('AssumeRolePolicyDocument'));
  if (permissionsBoundary !== undefined) checkBoundary(call, permissionsBoundary);
  if (account.roles.get(name.toLowerCase()) !== undefined) {
    throw new AwsError('EntityAlreadyExists', 409, `Role with name ${name} already exists.`);
  }
  if (account.roles.size >= account.quotas.roles) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for RolesPerAccount: ${account.quotas.roles}`);
  }
  const role: Role = {
    name,
    path: parameters.text('Path') ?? '/',
    id: uniqueId('AROA'),
    arn: newRoleArn(call),
    createDate: world.now(),
    trustPolicy: document,
    description: parameters.text('Description') || undefined,
    maxSessionDuration: Number(parameters.text('MaxSessionDuration') ?? 3600),
    permissionsBoundary,
    tags,
    attachedPolicies: [],
    inlinePolicies: {},
    instanceProfiles: [],
  };
  saveRole(call, role);
  return { Role: createdRoleXml(role) };
}

/** Quota first, then the grammar. Over: LimitExceeded 409 "Cannot exceed quota for ACLSizePerRole: N" [thread]. */
function trustPolicy(call: QueryCall, document: string): string {
  const stored = checkTrustPolicy(document, call.world);
  const quota = call.account.quotas.assumeRolePolicySize;
  if (policySize(document) > quota) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for ACLSizePerRole: ${quota}`);
  }
  return stored;
}

function listRoles(call: QueryCall): XmlRecord {
  const prefix = call.parameters.text('PathPrefix') ?? '/';
  const items = call.account.roles.values(call.asOf).filter((role) => role.path.startsWith(prefix));
  return pagedResult(call, { member: 'Roles', items, keyOf: (role) => role.name.toLowerCase() }, listedRoleXml);
}

/** Order of the checks: instance profiles, attached policies, inline policies [recorded]. A boundary may stay. */
function deleteRole(call: QueryCall): undefined {
  const role = findModifiableRole(call);
  if (role.instanceProfiles.length > 0) throw deleteConflict('must remove roles from instance profile first.');
  if (role.attachedPolicies.length > 0) throw deleteConflict('must detach all policies first.');
  if (Object.keys(role.inlinePolicies).length > 0) throw deleteConflict('must delete policies first.');
  call.account.roles.delete(role.name.toLowerCase());
}

const deleteConflict = (what: string): AwsError => new AwsError('DeleteConflict', 409, `Cannot delete entity, ${what}`);
