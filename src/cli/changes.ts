import type { RoleAction } from '../controllers/aws-federated-identity/plan.ts';
import type { Drift } from '../crds/aws-federated-identity.ts';
import type { PolicyDocument } from '../iam/policy-document.ts';
import type { Role } from '../iam/roles.ts';

/** One field that would be added, removed or changed. */
export interface Change {
  readonly sign: '+' | '-' | '~';
  readonly path: string;
  readonly want: string;
  readonly have: string;
  /** The operation of AWS that does it; undefined where there is none. */
  readonly operation: RoleAction['type'] | undefined;
  /** Where the field is a policy document. */
  readonly documents?: { readonly have: PolicyDocument | undefined; readonly want: PolicyDocument | undefined };
  /** Comes with the change above it, for the same call. */
  readonly isPart?: true;
}

export interface Changes {
  readonly actions: readonly RoleAction[];
  /** In the order of the actions, as planRole gives them. */
  readonly drift: readonly Drift[];
  readonly observed: Role | undefined;
}

interface Operation {
  readonly sign: Change['sign'];
  /** The fields that it is about; a plan has at most one row for each. */
  readonly paths: readonly string[];
}

const OPERATIONS: Readonly<Record<RoleAction['type'], Operation>> = {
  CreateRole: { sign: '+', paths: ['role'] },
  DeleteRole: { sign: '-', paths: ['role'] },
  AttachRolePolicy: { sign: '+', paths: ['role.managedPolicyArns'] },
  DetachRolePolicy: { sign: '-', paths: ['role.managedPolicyArns'] },
  PutRolePolicy: { sign: '~', paths: ['role.inlinePolicies'] },
  DeleteRolePolicy: { sign: '-', paths: ['role.inlinePolicies'] },
  UpdateAssumeRolePolicy: { sign: '~', paths: ['role.trustPolicy'] },
  PutRolePermissionsBoundary: { sign: '~', paths: ['role.permissionsBoundaryArn'] },
  DeleteRolePermissionsBoundary: { sign: '-', paths: ['role.permissionsBoundaryArn'] },
  UpdateRole: { sign: '~', paths: ['role.description', 'role.maxSessionDurationSeconds'] },
  TagRole: { sign: '~', paths: ['role.tags'] },
  UntagRole: { sign: '-', paths: ['role.tags'] },
};

/** The actions of a plan with the rows of drift that each of them repairs. */
export function changesOf({ actions, drift, observed }: Changes): readonly Change[] {
  const rows = [...drift];
  const changes = actions.flatMap((action) => {
    const { paths } = OPERATIONS[action.type];
    const isOther = (row: Drift): boolean => !paths.some((path) => row.path.startsWith(path));
    const other = rows.slice(0, paths.length).findIndex(isOther);
    const own = rows.splice(0, other === -1 ? paths.length : other);
    return [...own.map((row) => changeOf(action, row, observed)), ...partsOf(action)];
  });
  return [...changes, ...rows.map((row): Change => ({ ...row, sign: '~', operation: undefined }))];
}

function changeOf(action: RoleAction, row: Drift, observed: Role | undefined): Change {
  const { type: operation } = action;
  const documents = documentsOf(action, observed);
  const isAdded =
    (operation === 'PutRolePolicy' && documents?.have === undefined) ||
    (operation === 'PutRolePermissionsBoundary' && observed?.permissionsBoundaryArn === undefined);
  const sign = isAdded ? '+' : OPERATIONS[operation].sign;
  return { ...row, sign, operation, ...(documents === undefined ? {} : { documents }) };
}

function documentsOf(action: RoleAction, observed: Role | undefined): Change['documents'] {
  switch (action.type) {
    case 'PutRolePolicy':
      return { have: observed?.inlinePolicies.get(action.policyName), want: action.document };
    case 'DeleteRolePolicy':
      return { have: observed?.inlinePolicies.get(action.policyName), want: undefined };
    case 'UpdateAssumeRolePolicy':
      return { have: observed?.trustPolicy, want: action.document };
    default:
      return undefined; // no other action has a document in its row
  }
}

/** What CreateRole carries beside the name. */
function partsOf(action: RoleAction): readonly Change[] {
  if (action.type !== 'CreateRole') return [];
  const { path, description, maxSessionDurationSeconds, permissionsBoundaryArn, tags, trustPolicy } = action.role;
  const tagTexts = [...tags].map(([key, value]) => `${key}=${value}`);
  return [
    part('path', path),
    ...(description === '' ? [] : [part('description', description)]),
    part('maxSessionDurationSeconds', String(maxSessionDurationSeconds)),
    ...(permissionsBoundaryArn === undefined ? [] : [part('permissionsBoundaryArn', permissionsBoundaryArn)]),
    part('tags', tagTexts.join(', ')),
    { ...part('trustPolicy', ''), documents: { have: undefined, want: trustPolicy } },
  ];
}

const part = (field: string, want: string): Change => ({
  sign: '+',
  path: `role.${field}`,
  want,
  have: 'absent',
  operation: 'CreateRole',
  isPart: true,
});
