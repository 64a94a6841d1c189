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
import type { Tags } from './tags.ts';

/** Which roles of an account are looked for. */
export interface InventoryQuery {
  /** Roles elsewhere are not looked at. */
  readonly pathPrefix: RolePath;
  /** Of these, everything is wanted. */
  readonly names: ReadonlySet<RoleName>;
  /** Of all with such tags, no more than the tags is wanted. */
  readonly isMarked: (tags: Tags) => boolean;
}

/** Of ten thousand roles only what was asked for is kept. */
export interface FoundRoles {
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly marked: ReadonlyMap<RoleName, Tags>;
}

/** All roles of an account at once: two calls a thousand roles, where reading each takes four. */
export interface Inventory {
  /** What exists of them. A role that changes during the look may be missing or half old. */
  roles(query: InventoryQuery, signal: AbortSignal): Promise<FoundRoles>;
}

const PAGE_SIZE = 1000;

type Settings = Pick<Role, 'description' | 'maxSessionDurationSeconds'>;
const NO_SETTINGS: ReadonlyMap<string, Settings> = new Map();

/**
 * GetAccountAuthorizationDetails has trust, policies, boundary and tags, but neither description nor session duration;
 * ListRoles has just these (IAM API model), and is the only one that knows a path.
 */
export function awsInventory(client: IAMClient): Inventory {
  return {
    roles: ({ pathPrefix, names, isMarked }, abortSignal) =>
      classify('GetAccountAuthorizationDetails', `roles under ${pathPrefix}`, async () => {
        const settings = names.size === 0 ? NO_SETTINGS : await listSettings(client, pathPrefix, abortSignal);
        const roles = new Map<RoleName, Role>();
        const marked = new Map<RoleName, Tags>();
        const config = { client, pageSize: PAGE_SIZE };
        for await (const page of paginateGetAccountAuthorizationDetails(
          config,
          { Filter: ['Role'] },
          { abortSignal },
        )) {
          for (const detail of page.RoleDetailList ?? []) {
            if (detail.Path?.startsWith(pathPrefix) !== true) continue; // this call knows no path
            const name = RoleName.parse(detail.RoleName);
            const known = settings.get(name);
            const tags = tagsOf(detail);
            if (known !== undefined && names.has(name)) roles.set(name, toRole(detail, tags, known));
            if (isMarked(tags)) marked.set(name, tags);
          }
        }
        return { roles, marked };
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

function toRole(detail: RoleDetail, tags: Tags, settings: Settings): Role {
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
    tags,
  };
}

const tagsOf = ({ Tags: tags = [] }: RoleDetail): Tags => new Map(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
