import { AwsError } from '../errors.ts';
import type { QueryCall, QueryOperations } from '../query-operation.ts';
import { type ManagedPolicy, uniqueId } from '../state.ts';
import type { XmlRecord } from '../xml.ts';
import { requestTagContext, tagXml, withTags } from './tags.ts';
import { PAGING, pagedResult } from './paging.ts';
import { checkIdentityPolicy, policySize } from './policy-document.ts';
import { checkPolicyArn, noSuchEntity, PATH, POLICY_ARN, POLICY_DOCUMENT, POLICY_NAME } from './role-lookup.ts';
import { encodedDocument, seconds } from './role-xml.ts';

/** Customer managed policies, one version each: the double has no CreatePolicyVersion. */
export const MANAGED_POLICY_OPERATIONS: QueryOperations = {
  CreatePolicy: {
    write: true,
    constraints: {
      PolicyName: POLICY_NAME,
      Path: PATH,
      PolicyDocument: POLICY_DOCUMENT,
      Description: { kind: 'text', max: 1000 },
      Tags: { kind: 'tags' },
    },
    resource: newPolicyArn,
    context: (call) => requestTagContext(call.parameters.tags('Tags')),
    run: createPolicy,
  },
  GetPolicy: {
    write: false,
    constraints: { PolicyArn: POLICY_ARN },
    resource: (call) => call.parameters.required('PolicyArn'),
    run: (call) => {
      const arn = call.parameters.required('PolicyArn');
      checkPolicyArn(arn);
      const policy = call.account.policies.get(arn, call.asOf);
      if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
      return { Policy: { ...policyXml(call, policy), Tags: tagXml(policy.tags) } };
    },
  },
  GetPolicyVersion: {
    write: false,
    constraints: {
      PolicyArn: POLICY_ARN,
      VersionId: { kind: 'text', required: true, pattern: /^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$/ },
    },
    resource: (call) => call.parameters.required('PolicyArn'),
    run: getPolicyVersion,
  },
  ListPolicies: {
    write: false,
    constraints: {
      ...PAGING,
      PathPrefix: { kind: 'text', max: 512 },
      Scope: { kind: 'text', pattern: /^(All|AWS|Local)$/ },
    },
    resource: () => '*',
    run: listPolicies,
  },
  DeletePolicy: {
    write: true,
    constraints: { PolicyArn: POLICY_ARN },
    resource: (call) => call.parameters.required('PolicyArn'),
    run: deletePolicy,
  },
};

function newPolicyArn(call: QueryCall): string {
  const path = call.parameters.text('Path') ?? '/';
  return `arn:${call.world.partition}:iam::${call.account.id}:policy${path}${call.parameters.required('PolicyName')}`;
}

function createPolicy(call: QueryCall): XmlRecord {
  const { account, parameters, world } = call;
  const name = parameters.required('PolicyName');
  const document = parameters.required('PolicyDocument');
  const tags = withTags([], parameters.tags('Tags') ?? []);
  checkIdentityPolicy(document);
  if (policySize(document) > account.quotas.policySize) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for PolicySize: ${account.quotas.policySize}`);
  }
  const local = account.policies.values().filter((policy) => isLocal(call, policy));
  if (local.some((policy) => policy.name.toLowerCase() === name.toLowerCase())) {
    const message = `A policy called ${name} already exists. Duplicate names are not allowed.`;
    throw new AwsError('EntityAlreadyExists', 409, message);
  }
  if (local.length >= account.quotas.policies) {
    throw new AwsError('LimitExceeded', 409, `Cannot exceed quota for PoliciesPerAccount: ${account.quotas.policies}`);
  }
  const policy: ManagedPolicy = {
    arn: newPolicyArn(call),
    name,
    path: parameters.text('Path') ?? '/',
    id: uniqueId('ANPA'),
    document,
    description: parameters.text('Description'),
    tags,
    createDate: world.now(),
  };
  account.policies.set(policy.arn, policy);
  return {
    Policy: { ...policyXml(call, policy), Description: undefined, Tags: tags.length > 0 ? tagXml(tags) : undefined },
  };
}

function getPolicyVersion(call: QueryCall): XmlRecord {
  const arn = call.parameters.required('PolicyArn');
  const version = call.parameters.required('VersionId');
  checkPolicyArn(arn);
  const policy = call.account.policies.get(arn, call.asOf);
  if (policy === undefined || version !== 'v1') {
    throw noSuchEntity(`Policy ${arn} version ${version} does not exist or is not attachable.`);
  }
  return {
    PolicyVersion: {
      Document: encodedDocument(policy.document),
      VersionId: 'v1',
      IsDefaultVersion: true,
      CreateDate: seconds(policy.createDate),
    },
  };
}

function listPolicies(call: QueryCall): XmlRecord {
  const prefix = call.parameters.text('PathPrefix') ?? '/';
  const scope = call.parameters.text('Scope') ?? 'All';
  const items = call.account.policies
    .values(call.asOf)
    .filter((policy) => policy.path.startsWith(prefix))
    .filter((policy) => scope === 'All' || (scope === 'Local') === isLocal(call, policy));
  const list = { member: 'Policies', items, keyOf: (policy: ManagedPolicy) => policy.arn };
  return pagedResult(call, list, (policy) => ({ ...policyXml(call, policy), Description: undefined }));
}

function deletePolicy(call: QueryCall): undefined {
  const arn = call.parameters.required('PolicyArn');
  checkPolicyArn(arn);
  const policy = call.account.policies.get(arn);
  if (policy === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
  const { attached, bounding } = usage(call, arn);
  if (attached + bounding > 0) {
    throw new AwsError('DeleteConflict', 409, 'Cannot delete a policy attached to entities.');
  }
  call.account.policies.delete(arn);
}

const isLocal = (call: QueryCall, policy: ManagedPolicy): boolean =>
  policy.arn.startsWith(`arn:${call.world.partition}:iam::${call.account.id}:`);

function usage(call: QueryCall, arn: string): { attached: number; bounding: number } {
  const roles = call.account.roles.values(call.asOf);
  return {
    attached: roles.filter((role) => role.attachedPolicies.includes(arn)).length,
    bounding: roles.filter((role) => role.permissionsBoundary === arn).length,
  };
}

/** One policy as CreatePolicy, GetPolicy and ListPolicies show it [recorded]. */
function policyXml(call: QueryCall, policy: ManagedPolicy): XmlRecord {
  const { attached, bounding } = usage(call, policy.arn);
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: 'v1',
    AttachmentCount: attached,
    PermissionsBoundaryUsageCount: bounding,
    IsAttachable: true,
    Description: policy.description,
    CreateDate: seconds(policy.createDate),
    UpdateDate: seconds(policy.createDate),
  };
}
