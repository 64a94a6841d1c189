import type { RoleAction } from '../controllers/aws-federated-identity/plan.ts';
import type { PolicyDocument } from '../iam/policy-document.ts';
import type { IdentityPlan } from './identity-plan.ts';
import { jsonText } from './terminal.ts';

/**
 * The plans for a program: an array of { namespace, name, role, actions: [{type, …}], drift: [{path, want, have}],
 * refused?: {reason, message} }. Policy documents are objects, tags are objects; `role` is null where it is not known.
 */
export function planJson(plans: readonly IdentityPlan[]): string {
  const rows = plans.map(({ namespace, name, role = null, outcome }) => {
    switch (outcome.kind) {
      case 'planned':
        return { namespace, name, role, actions: outcome.actions.map(actionJson), drift: outcome.drift };
      case 'refused': {
        const { reason, message } = outcome;
        return { namespace, name, role, actions: [], drift: [], refused: { reason, message } };
      }
      default:
        return outcome satisfies never;
    }
  });
  return jsonText(rows);
}

function actionJson(action: RoleAction): object {
  switch (action.type) {
    case 'CreateRole': {
      const { name, path, description, maxSessionDurationSeconds, permissionsBoundaryArn, tags } = action.role;
      const trustPolicy = documentJson(action.role.trustPolicy);
      const role = { name, path, description, maxSessionDurationSeconds, permissionsBoundaryArn, trustPolicy };
      return { type: action.type, role: { ...role, tags: Object.fromEntries(tags) } };
    }
    case 'UpdateAssumeRolePolicy':
      return { type: action.type, document: documentJson(action.document) };
    case 'PutRolePolicy':
      return { type: action.type, policyName: action.policyName, document: documentJson(action.document) };
    case 'TagRole':
      return { type: action.type, tags: Object.fromEntries(action.tags) };
    case 'AttachRolePolicy':
    case 'DetachRolePolicy':
    case 'DeleteRolePolicy':
    case 'PutRolePermissionsBoundary':
    case 'DeleteRolePermissionsBoundary':
    case 'UpdateRole':
    case 'UntagRole':
    case 'DeleteRole':
      return action;
    default:
      return action satisfies never;
  }
}

/** What we send to AWS is JSON that was parsed before. */
const documentJson = (document: PolicyDocument): unknown => JSON.parse(document);
