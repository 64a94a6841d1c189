import {
  type IAMClient,
  paginateGetAccountAuthorizationDetails,
  paginateListRoles,
  type RoleDetail,
} from '@aws-sdk/client-iam';
import { PolicyArn, RoleArn, RoleName, RolePath } from './arn.ts';
import { classify } from './errors.ts';
import { decodePolicyDocument, type PolicyDocument } from './policy-document.ts';
import type { Role } from './roles.ts';

/** All roles of an account at once: two calls a thousand roles, where reading each takes four. */
export interface Inventory {
  /** Those of `names` that exist under a path. A role that changes during the look may be missing or half old. */
  roles(names: ReadonlySet<RoleName>, pathPrefix: RolePath, signal: AbortSignal): Promise<ReadonlyMap<RoleName, Role>>;
}

const PAGE_SIZE = 1000;

type Settings = Pick<Role, 'description' | 'maxSessionDurationSeconds'>;

/**
 * GetAccountAuthorizationDetails has trust, policies, boundary and tags, but neither description nor session duration;
 * ListRoles has just these (IAM API model), and is the only one that knows a path.
 */
export function awsInventory(client: IAMClient): Inventory {
  return {
    roles: (names, pathPrefix, abortSignal) =>
      classify('GetAccountAuthorizationDetails', `roles under ${pathPrefix}`, async () => {
        const settings = await listSettings(client, pathPrefix, abortSignal);
        const roles = new Map<RoleName, Role>();
        const config = { client, pageSize: PAGE_SIZE };
        for await (const page of paginateGetAccountAuthorizationDetails(
          config,
          { Filter: ['Role'] },
          { abortSignal },
        )) {
          for (const detail of page.RoleDetailList ?? []) {
            const name = RoleName.parse(detail.RoleName);
            const known = settings.get(name);
            if (known !== undefined && names.has(name)) roles.set(name, toRole(detail, known));
          }
        }
        return roles;
      }),
  };
}

async function listSettings(
  client: IAMClient,
  PathPrefix: RolePath,
  abortSignal: AbortSignal,
): Promise<ReadonlyMap<string, Settings>> {
  const settings = new Map<string, Settings>();
  for await (const page of paginateListRoles({ client, pageSize: PAGE_SIZE }, { PathPrefix }, { abortSignal })) {
    for (const { RoleName: name = '', Description = '', MaxSessionDuration = 3600 } of page.Roles ?? []) {
      settings.set(name, { description: Description, maxSessionDurationSeconds: MaxSessionDuration });
    }
  }
  return settings;
}

function toRole(detail: RoleDetail, settings: Settings): Role {
  const boundary = detail.PermissionsBoundary?.PermissionsBoundaryArn;
  const attached = (detail.AttachedManagedPolicies ?? []).map((policy) => PolicyArn.parse(policy.PolicyArn));
  const inline = (detail.RolePolicyList ?? []).map((policy): readonly [string, PolicyDocument] => [
    policy.PolicyName ?? '',
    decodePolicyDocument(policy.PolicyDocument),
  ]);
  return {
    ...settings,
    name: RoleName.parse(detail.RoleName),
    arn: RoleArn.parse(detail.Arn),
    id: detail.RoleId ?? '',
    path: RolePath.parse(detail.Path),
    trustPolicy: decodePolicyDocument(detail.AssumeRolePolicyDocument),
    permissionsBoundaryArn: boundary === undefined ? undefined : PolicyArn.parse(boundary),
    managedPolicyArns: new Set(attached),
    inlinePolicies: new Map(inline),
    tags: new Map((detail.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  };
}
