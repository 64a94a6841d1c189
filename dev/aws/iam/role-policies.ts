import type { Context } from '../authorize.ts';
import { AwsError } from '../errors.ts';
import type { QueryCall, QueryOperation, QueryOperations } from '../query-operation.ts';
import type { Constraints } from '../validation.ts';
import type { XmlRecord } from '../xml.ts';
import { PAGING, pagedResult } from './paging.ts';
import { checkIdentityPolicy, policySize } from './policy-document.ts';
import {
  checkPolicyArn,
  findModifiableRole,
  findRole,
  namedRoleArn,
  noSuchEntity,
  POLICY_ARN,
  POLICY_DOCUMENT,
  POLICY_NAME,
  ROLE_NAME,
  roleBoundaryContext,
  roleTagContext,
  saveRole,
  shownRole,
} from './role-lookup.ts';
import { attachedPolicyXml, encodedDocument } from './role-xml.ts';
import { sortedTags, tagXml, requestTagContext, withoutTags, withTags } from './tags.ts';
import { TAG_KEY_PATTERN } from '../validation.ts';

const ATTACHMENT: Constraints = { RoleName: ROLE_NAME, PolicyArn: POLICY_ARN };
const INLINE: Constraints = { RoleName: ROLE_NAME, PolicyName: POLICY_NAME };
const PAGED_ROLE: Constraints = { ...PAGING, RoleName: ROLE_NAME };

/** Managed policies, inline policies and tags of a role. */
export const ROLE_PART_OPERATIONS: QueryOperations = {
  AttachRolePolicy: write(ATTACHMENT, attachmentContext, attach),
  DetachRolePolicy: write(ATTACHMENT, attachmentContext, detach),
  ListAttachedRolePolicies: read({ ...PAGED_ROLE, PathPrefix: { kind: 'text', max: 512 } }, (call) => {
    const items = findRole(call).attachedPolicies;
    return pagedResult(
      call,
      { member: 'AttachedPolicies', items: items.toSorted(), keyOf: (arn) => arn },
      attachedPolicyXml,
    );
  }),
  PutRolePolicy: write({ ...INLINE, PolicyDocument: POLICY_DOCUMENT }, roleBoundaryContext, putInline),
  GetRolePolicy: read(INLINE, getInline),
  DeleteRolePolicy: write(INLINE, roleBoundaryContext, deleteInline),
  ListRolePolicies: read(PAGED_ROLE, (call) => {
    const items = Object.keys(findRole(call).inlinePolicies).toSorted();
    return pagedResult(call, { member: 'PolicyNames', items, keyOf: (name) => name }, (name) => name);
  }),
  TagRole: write({ RoleName: ROLE_NAME, Tags: { kind: 'tags', required: true } }, tagContext, (call) => {
    const role = findModifiableRole(call);
    saveRole(call, { ...role, tags: withTags(role.tags, call.parameters.tags('Tags') ?? []) });
  }),
  UntagRole: write(
    {
      RoleName: ROLE_NAME,
      TagKeys: {
        kind: 'list',
        required: true,
        max: 50,
        notNull: true,
        item: { kind: 'text', min: 1, max: 128, pattern: TAG_KEY_PATTERN },
      },
    },
    (call) => ({ ...roleTagContext(call), 'aws:TagKeys': [...(call.parameters.list('TagKeys') ?? [])] }),
    (call) => {
      const role = findModifiableRole(call);
      saveRole(call, { ...role, tags: withoutTags(role.tags, call.parameters.list('TagKeys') ?? []) });
    },
  ),
  ListRoleTags: read(PAGED_ROLE, (call) => {
    const items = sortedTags(findRole(call).tags);
    return pagedResult(call, { member: 'Tags', items, keyOf: (tag) => tag.Key }, (tag) => tagXml([tag])[0] ?? {});
  }),
};

function read(constraints: Constraints, run: (call: QueryCall) => XmlRecord): QueryOperation {
  return { write: false, constraints, resource: namedRoleArn, shownResource: shownRole, context: roleTagContext, run };
}

function write(
  constraints: Constraints,
  context: (call: QueryCall) => Context,
  run: (call: QueryCall) => void,
): QueryOperation {
  return {
    write: true,
    constraints,
    resource: namedRoleArn,
    shownResource: shownRole,
    context,
    run: (call) => {
      run(call);
      return undefined;
    },
  };
}

function attachmentContext(call: QueryCall): Context {
  return { ...roleBoundaryContext(call), 'iam:PolicyARN': call.parameters.required('PolicyArn') };
}

function tagContext(call: QueryCall): Context {
  return { ...roleTagContext(call), ...requestTagContext(call.parameters.tags('Tags')) };
}

/** Idempotent. Over the quota: LimitExceeded 409 "Cannot exceed quota for PoliciesPerRole: N" [thread]. */
function attach(call: QueryCall): void {
  const arn = call.parameters.required('PolicyArn');
  checkPolicyArn(arn);
  const role = findModifiableRole(call);
  if (call.account.policies.get(arn) === undefined) {
    throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
  }
  if (role.attachedPolicies.includes(arn)) return;
  const quota = call.account.quotas.attachedPoliciesPerRole;
  if (role.attachedPolicies.length >= quota) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for PoliciesPerRole: ${quota}`);
  }
  saveRole(call, { ...role, attachedPolicies: [...role.attachedPolicies, arn] });
}

function detach(call: QueryCall): void {
  const arn = call.parameters.required('PolicyArn');
  checkPolicyArn(arn);
  const role = findModifiableRole(call);
  if (!role.attachedPolicies.includes(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
  saveRole(call, { ...role, attachedPolicies: role.attachedPolicies.filter((other) => other !== arn) });
}

function putInline(call: QueryCall): void {
  const document = call.parameters.required('PolicyDocument');
  const role = findModifiableRole(call);
  checkIdentityPolicy(document);
  const inlinePolicies = { ...role.inlinePolicies, [call.parameters.required('PolicyName')]: document };
  const size = Object.values(inlinePolicies).reduce((sum, policy) => sum + policySize(policy), 0);
  const quota = call.account.quotas.rolePolicySize;
  if (size > quota) {
    throw new AwsError('LimitExceeded', 409, `Maximum policy size of ${quota} bytes exceeded for role ${role.name}`);
  }
  saveRole(call, { ...role, inlinePolicies });
}

function getInline(call: QueryCall): XmlRecord {
  const role = findRole(call);
  const name = call.parameters.required('PolicyName');
  const document = Object.hasOwn(role.inlinePolicies, name) ? role.inlinePolicies[name] : undefined;
  if (document === undefined) throw noSuchEntity(`The role policy with name ${name} cannot be found.`);
  return { RoleName: role.name, PolicyName: name, PolicyDocument: encodedDocument(document) };
}

function deleteInline(call: QueryCall): void {
  const role = findModifiableRole(call);
  const name = call.parameters.required('PolicyName');
  if (!Object.hasOwn(role.inlinePolicies, name)) {
    throw noSuchEntity(`The role policy with name ${name} cannot be found.`);
  }
  const { [name]: _deleted, ...inlinePolicies } = role.inlinePolicies;
  saveRole(call, { ...role, inlinePolicies });
}
