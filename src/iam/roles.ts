import {
  AttachRolePolicyCommand,
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListInstanceProfilesForRoleCommand,
  paginateListAttachedRolePolicies,
  paginateListRolePolicies,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  type Role as SdkRole,
  TagRoleCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import { waiting } from '../errors.ts';
import { PolicyArn, RoleArn, type RoleName, RolePath } from './arn.ts';
import { awsErrorCode, classify, noAnswer, undefinedIfMissing } from './errors.ts';
import { decodePolicyDocument, type PolicyDocument } from './policy-document.ts';
import type { Tags } from './tags.ts';

/** All that the operator decides about a role. */
export interface DesiredRole {
  readonly name: RoleName;
  /** Fixed at creation: IAM has no call to change it. */
  readonly path: RolePath;
  readonly description: string;
  readonly maxSessionDurationSeconds: number;
  readonly trustPolicy: PolicyDocument;
  readonly permissionsBoundaryArn: PolicyArn | undefined;
  readonly managedPolicyArns: ReadonlySet<PolicyArn>;
  readonly inlinePolicies: ReadonlyMap<string, PolicyDocument>;
  readonly tags: Tags;
}

export interface RoleReference {
  readonly arn: RoleArn;
  /** AROA…: a role made anew under the same name has another. */
  readonly id: string;
}

/** A role as IAM has it. */
export type Role = DesiredRole & RoleReference;

export type RoleSettings = Omit<Role, 'managedPolicyArns' | 'inlinePolicies'>;

/** The part of IAM that the operator uses for roles, in its own types. Every failure is a ReconcileError. */
export interface Roles {
  get(name: RoleName, signal: AbortSignal): Promise<Role | undefined>;
  /** One call: everything but the policies. */
  getSettings(name: RoleName, signal: AbortSignal): Promise<RoleSettings | undefined>;
  /** Trust policy, boundary, path and tags go with the one call, so that the role is never wider than asked. */
  create(role: DesiredRole, signal: AbortSignal): Promise<RoleReference | 'EntityAlreadyExists'>;
  delete(name: RoleName, signal: AbortSignal): Promise<void>;
  updateTrustPolicy(name: RoleName, document: PolicyDocument, signal: AbortSignal): Promise<void>;
  update(
    name: RoleName,
    settings: Pick<DesiredRole, 'description' | 'maxSessionDurationSeconds'>,
    signal: AbortSignal,
  ): Promise<void>;
  putPermissionsBoundary(name: RoleName, boundary: PolicyArn, signal: AbortSignal): Promise<void>;
  deletePermissionsBoundary(name: RoleName, signal: AbortSignal): Promise<void>;
  attachPolicy(name: RoleName, policy: PolicyArn, signal: AbortSignal): Promise<void>;
  detachPolicy(name: RoleName, policy: PolicyArn, signal: AbortSignal): Promise<void>;
  putInlinePolicy(name: RoleName, policyName: string, document: PolicyDocument, signal: AbortSignal): Promise<void>;
  deleteInlinePolicy(name: RoleName, policyName: string, signal: AbortSignal): Promise<void>;
  tag(name: RoleName, tags: Tags, signal: AbortSignal): Promise<void>;
  untag(name: RoleName, keys: readonly string[], signal: AbortSignal): Promise<void>;
}

export function awsRoles(client: IAMClient): Roles {
  return {
    get: (name, abortSignal) => classify('GetRole', name, () => readRole(client, name, abortSignal)),
    getSettings: (name, abortSignal) => classify('GetRole', name, () => readSettings(client, name, abortSignal)),
    create: (role, abortSignal) => classify('CreateRole', role.name, () => createRole(client, role, abortSignal)),
    delete: (name, abortSignal) => classify('DeleteRole', `role ${name}`, () => deleteRole(client, name, abortSignal)),
    updateTrustPolicy: (RoleName, document, abortSignal) =>
      write('UpdateAssumeRolePolicy', RoleName, () =>
        client.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: document }), { abortSignal }),
      ),
    update: (RoleName, { description: Description, maxSessionDurationSeconds: MaxSessionDuration }, abortSignal) =>
      write('UpdateRole', RoleName, () =>
        client.send(new UpdateRoleCommand({ RoleName, Description, MaxSessionDuration }), { abortSignal }),
      ),
    putPermissionsBoundary: (RoleName, PermissionsBoundary, abortSignal) =>
      write('PutRolePermissionsBoundary', RoleName, () =>
        client.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary }), { abortSignal }),
      ),
    deletePermissionsBoundary: (RoleName, abortSignal) =>
      write('DeleteRolePermissionsBoundary', RoleName, () =>
        client.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }), { abortSignal }).catch(undefinedIfMissing),
      ),
    attachPolicy: (RoleName, policyArn, abortSignal) =>
      write('AttachRolePolicy', RoleName, () =>
        client.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: policyArn }), { abortSignal }),
      ),
    detachPolicy: (RoleName, policyArn, abortSignal) =>
      write('DetachRolePolicy', RoleName, () =>
        client
          .send(new DetachRolePolicyCommand({ RoleName, PolicyArn: policyArn }), { abortSignal })
          .catch(undefinedIfMissing),
      ),
    putInlinePolicy: (RoleName, PolicyName, document, abortSignal) =>
      write('PutRolePolicy', RoleName, () =>
        client.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: document }), { abortSignal }),
      ),
    deleteInlinePolicy: (RoleName, PolicyName, abortSignal) =>
      write('DeleteRolePolicy', RoleName, () =>
        client.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }), { abortSignal }).catch(undefinedIfMissing),
      ),
    tag: (RoleName, tags, abortSignal) =>
      write('TagRole', RoleName, () =>
        client.send(new TagRoleCommand({ RoleName, Tags: tagList(tags) }), { abortSignal }),
      ),
    untag: (RoleName, keys, abortSignal) =>
      write('UntagRole', RoleName, () =>
        client.send(new UntagRoleCommand({ RoleName, TagKeys: [...keys] }), { abortSignal }),
      ),
  };
}

const write = (operation: string, name: RoleName, call: () => Promise<unknown>): Promise<void> =>
  classify(operation, `role ${name}`, async () => void (await call()));

async function createRole(
  client: IAMClient,
  role: DesiredRole,
  abortSignal: AbortSignal,
): Promise<RoleReference | 'EntityAlreadyExists'> {
  const command = new CreateRoleCommand({
    RoleName: role.name,
    Path: role.path,
    AssumeRolePolicyDocument: role.trustPolicy,
    MaxSessionDuration: role.maxSessionDurationSeconds,
    ...(role.description === '' ? {} : { Description: role.description }),
    ...(role.permissionsBoundaryArn === undefined ? {} : { PermissionsBoundary: role.permissionsBoundaryArn }),
    Tags: tagList(role.tags),
  });
  try {
    const { Role } = await client.send(command, { abortSignal });
    if (Role === undefined) throw noAnswer('CreateRole', role.name, 200);
    return { arn: RoleArn.parse(Role.Arn), id: Role.RoleId ?? '' };
  } catch (error) {
    if (awsErrorCode(error) === 'EntityAlreadyExists') return 'EntityAlreadyExists';
    throw error;
  }
}

async function deleteRole(client: IAMClient, RoleName: RoleName, abortSignal: AbortSignal): Promise<void> {
  try {
    await client.send(new DeleteRoleCommand({ RoleName }), { abortSignal });
  } catch (error) {
    const code = awsErrorCode(error);
    if (code === 'NoSuchEntity') return;
    if (code !== 'DeleteConflict') throw error;
    throw waiting('DeletionBlocked', await conflictOf(client, RoleName, abortSignal), 300_000, { cause: error });
  }
}

/** Our own policies are gone by now, so what is left is somebody else's, and is named instead of removed. */
async function conflictOf(client: IAMClient, RoleName: RoleName, abortSignal: AbortSignal): Promise<string> {
  const { InstanceProfiles = [] } = await client.send(new ListInstanceProfilesForRoleCommand({ RoleName }), {
    abortSignal,
  });
  const names = InstanceProfiles.map(({ InstanceProfileName }) => InstanceProfileName).join(', ');
  const what = names === '' ? 'somebody attached something to it meanwhile' : `it is in the instance profiles ${names}`;
  return `IAM role ${RoleName} cannot be deleted: ${what}. Remove it there, or set deletionPolicy: Retain to leave the role.`;
}

async function readRole(client: IAMClient, name: RoleName, abortSignal: AbortSignal): Promise<Role | undefined> {
  const settings = await readSettings(client, name, abortSignal);
  if (settings === undefined) return undefined;
  const managedPolicyArns = new Set<PolicyArn>();
  for await (const page of paginateListAttachedRolePolicies({ client }, { RoleName: name }, { abortSignal })) {
    for (const policy of page.AttachedPolicies ?? []) managedPolicyArns.add(PolicyArn.parse(policy.PolicyArn));
  }
  const inlinePolicies = new Map<string, PolicyDocument>();
  for await (const page of paginateListRolePolicies({ client }, { RoleName: name }, { abortSignal })) {
    for (const PolicyName of page.PolicyNames ?? []) {
      const policy = await client.send(new GetRolePolicyCommand({ RoleName: name, PolicyName }), { abortSignal });
      inlinePolicies.set(PolicyName, decodePolicyDocument(policy.PolicyDocument));
    }
  }
  return { ...settings, managedPolicyArns, inlinePolicies };
}

async function readSettings(
  client: IAMClient,
  name: RoleName,
  abortSignal: AbortSignal,
): Promise<RoleSettings | undefined> {
  const output = await client.send(new GetRoleCommand({ RoleName: name }), { abortSignal }).catch(undefinedIfMissing);
  if (output === undefined) return undefined;
  if (output.Role === undefined) throw noAnswer('GetRole', name, 200);
  return settingsOf(name, output.Role);
}

function settingsOf(name: RoleName, role: SdkRole): RoleSettings {
  const boundary = role.PermissionsBoundary?.PermissionsBoundaryArn;
  return {
    name,
    arn: RoleArn.parse(role.Arn),
    id: role.RoleId ?? '',
    path: RolePath.parse(role.Path),
    description: role.Description ?? '',
    maxSessionDurationSeconds: role.MaxSessionDuration ?? 3600,
    trustPolicy: decodePolicyDocument(role.AssumeRolePolicyDocument),
    permissionsBoundaryArn: boundary === undefined ? undefined : PolicyArn.parse(boundary),
    tags: new Map((role.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}

const tagList = (tags: Tags): { Key: string; Value: string }[] => [...tags].map(([Key, Value]) => ({ Key, Value }));
