import type { Role } from '../state.ts';
import type { XmlRecord } from '../xml.ts';
import { tagXml } from './tags.ts';

/** Policy documents travel percent-encoded (RFC 3986: also `!'()*`). */
export const encodedDocument = (document: string): string =>
  encodeURIComponent(document).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Timestamps of IAM have whole seconds. */
export const seconds = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z');

function identity(role: Role): XmlRecord {
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.id,
    Arn: role.arn,
    CreateDate: seconds(role.createDate),
    AssumeRolePolicyDocument: encodedDocument(role.trustPolicy),
  };
}

const boundary = (role: Role): XmlRecord | undefined =>
  role.permissionsBoundary === undefined
    ? undefined
    : { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn: role.permissionsBoundary };

const tagsIfAny = (role: Role): XmlRecord['Tags'] => (role.tags.length === 0 ? undefined : tagXml(role.tags));

/** CreateRole answers without Description and MaxSessionDuration, even when they were sent [recorded]. */
export const createdRoleXml = (role: Role): XmlRecord => ({
  ...identity(role),
  PermissionsBoundary: boundary(role),
  Tags: tagsIfAny(role),
});

/** ListRoles answers without tags, boundary and last use [model, recorded]. */
export const listedRoleXml = (role: Role): XmlRecord => ({
  ...identity(role),
  Description: role.description,
  MaxSessionDuration: role.maxSessionDuration,
});

/** GetRole shows all; `RoleLastUsed` stays empty: the double does not model its hours of delay. */
export const roleXml = (role: Role): XmlRecord => ({
  ...listedRoleXml(role),
  PermissionsBoundary: boundary(role),
  Tags: tagsIfAny(role),
  RoleLastUsed: {},
});

/** GetAccountAuthorizationDetails: all policies, but neither Description nor MaxSessionDuration [model RoleDetail]. */
export const roleDetailXml = (role: Role): XmlRecord => ({
  ...identity(role),
  PermissionsBoundary: boundary(role),
  InstanceProfileList: role.instanceProfiles.map((name) => instanceProfileXml(role, name)),
  RolePolicyList: Object.entries(role.inlinePolicies).map(([PolicyName, document]) => ({
    PolicyName,
    PolicyDocument: encodedDocument(document),
  })),
  AttachedManagedPolicies: role.attachedPolicies.map(attachedPolicyXml),
  Tags: tagXml(role.tags),
  RoleLastUsed: {},
});

/** Instance profiles exist only as names on a role: enough for DeleteConflict and for listing what blocks. */
export const instanceProfileXml = (role: Role, name: string): XmlRecord => ({
  Path: '/',
  InstanceProfileName: name,
  InstanceProfileId: 'AIPAEXAMPLEEXAMPLE123',
  Arn: role.arn.replace(/:role\/.*$/, `:instance-profile/${name}`),
  CreateDate: seconds(role.createDate),
  Roles: [identity(role)],
});

export const attachedPolicyXml = (arn: string): XmlRecord => ({
  PolicyName: arn.split('/').at(-1) ?? arn,
  PolicyArn: arn,
});
