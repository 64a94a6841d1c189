import { notImplemented } from '../errors.ts';
import type { QueryCall, QueryOperations } from '../query-operation.ts';
import { XmlList, type XmlRecord } from '../xml.ts';
import { PAGING, page } from './paging.ts';
import { findRole, namedRoleArn, ROLE_NAME, shownRole } from './role-lookup.ts';
import { instanceProfileXml, roleDetailXml } from './role-xml.ts';

const FILTER = /^(User|Role|Group|LocalManagedPolicy|AWSManagedPolicy)$/;

/** Operations about the account as a whole. */
export const ACCOUNT_OPERATIONS: QueryOperations = {
  GetAccountAuthorizationDetails: {
    write: false,
    constraints: { ...PAGING, Filter: { kind: 'list', item: { kind: 'text', pattern: FILTER } } },
    resource: () => '*',
    run: authorizationDetails,
  },
  GetAccountSummary: { write: false, constraints: {}, resource: () => '*', run: accountSummary },
  ListInstanceProfilesForRole: {
    write: false,
    constraints: { ...PAGING, RoleName: ROLE_NAME },
    resource: namedRoleArn,
    shownResource: shownRole,
    run: instanceProfiles,
  },
};

/** Roles only: any other filter is NotImplemented rather than an empty answer. */
function authorizationDetails(call: QueryCall): XmlRecord {
  const filter = call.parameters.list('Filter') ?? [];
  if (filter.length !== 1 || filter[0] !== 'Role') {
    throw notImplemented('GetAccountAuthorizationDetails but with Filter=[Role]');
  }
  const roles = call.account.roles.values(call.asOf);
  const { items, truncation } = page(call, roles, (role) => role.name.toLowerCase());
  return {
    ...truncation,
    UserDetailList: [],
    GroupDetailList: [],
    RoleDetailList: items.map(roleDetailXml),
    Policies: [],
  };
}

/** The 33 entries that AWS answers [recorded 2026-02]; what the double does not know is 0. */
function accountSummary(call: QueryCall): XmlRecord {
  const { account } = call;
  const { quotas } = account;
  const own = account.policies.values(call.asOf).filter((policy) => policy.arn.includes(`::${account.id}:`));
  const summary: Readonly<Record<string, number>> = {
    AccessKeysPerUserQuota: 2,
    AccountAccessKeysPresent: 0,
    AccountMFAEnabled: 0,
    AccountPasswordPresent: 0,
    AccountSigningCertificatesPresent: 0,
    AssumeRolePolicySizeQuota: quotas.assumeRolePolicySize,
    AttachedPoliciesPerGroupQuota: 10,
    AttachedPoliciesPerRoleQuota: quotas.attachedPoliciesPerRole,
    AttachedPoliciesPerUserQuota: 10,
    GlobalEndpointTokenVersion: 1,
    GroupPolicySizeQuota: 5120,
    Groups: 0,
    GroupsPerUserQuota: 10,
    GroupsQuota: 300,
    InstanceProfiles: 0,
    InstanceProfilesQuota: 1000,
    MFADevices: 0,
    MFADevicesInUse: 0,
    Policies: own.length,
    PoliciesQuota: quotas.policies,
    PolicySizeQuota: quotas.policySize,
    PolicyVersionsInUse: own.length,
    PolicyVersionsInUseQuota: 10_000,
    Providers: account.providers.values(call.asOf).length,
    RolePolicySizeQuota: quotas.rolePolicySize,
    Roles: account.roles.values(call.asOf).length,
    RolesQuota: quotas.roles,
    ServerCertificates: 0,
    ServerCertificatesQuota: 20,
    SigningCertificatesPerUserQuota: 2,
    UserPolicySizeQuota: 2048,
    Users: account.users.size,
    UsersQuota: 5000,
    VersionsPerPolicyQuota: 5,
  };
  const entries = Object.entries(summary).map(([key, value]) => ({ key, value }));
  return { SummaryMap: new XmlList('entry', entries) };
}

function instanceProfiles(call: QueryCall): XmlRecord {
  const role = findRole(call);
  const { items, truncation } = page(call, role.instanceProfiles.toSorted(), (name) => name);
  return { ...truncation, InstanceProfiles: items.map((name) => instanceProfileXml(role, name)) };
}
