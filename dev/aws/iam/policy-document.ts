import type { World } from '../state.ts';
import {
  actionsOf,
  asList,
  isArray,
  isObject,
  type Json,
  type JsonObject,
  malformed,
  statementsOf,
  strings,
} from './policy-grammar.ts';
import { checkTrustStatement } from './trust-statement.ts';

/** Checks an identity policy (inline or managed): actions and resources, no principal. */
export function checkIdentityPolicy(document: string): void {
  for (const statement of statementsOf(document)) {
    if ('Principal' in statement || 'NotPrincipal' in statement) {
      throw malformed('Policy document should not specify a principal.');
    }
    checkActions(statement);
    checkResources(statement);
  }
}

/** Checks a trust policy and gives it back as IAM stores it: account ids become root ARNs, else byte for byte as sent. */
export function checkTrustPolicy(document: string, world: World): string {
  const statements = statementsOf(document);
  for (const statement of statements) checkTrustStatement(statement, world);
  const rewritten = rewriteAccountIds(JSON.parse(document), world.partition);
  return JSON.stringify(rewritten) === JSON.stringify(JSON.parse(document)) ? document : JSON.stringify(rewritten);
}

/** Characters that count against a quota: all but white space. */
export const policySize = (document: string): number => document.replace(/\s/g, '').length;

function checkActions(statement: JsonObject): void {
  if (!actionsOf(statement).every((action) => action === '*' || /^[\w-]+:[\w*?]+$/.test(action))) {
    throw malformed('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
  }
}

function checkResources(statement: JsonObject): void {
  const resources = statement['Resource'] ?? statement['NotResource'];
  if (resources === undefined || asList(resources).length === 0) {
    throw malformed('Policy statement must contain resources.');
  }
  if ('Resource' in statement && 'NotResource' in statement) throw malformed('Syntax errors in policy.');
  const wrong = strings(resources).find(
    (resource) => resource !== '*' && !/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$/.test(resource),
  );
  if (wrong !== undefined) throw malformed(`Resource ${wrong} must be in ARN format or "*".`);
}

/** `{"AWS":"111122223333"}` is stored as the account's root ARN (IAM User Guide, "AWS account principals"). */
function rewriteAccountIds(policy: JsonObject, partition: string): JsonObject {
  const toArn = (value: Json): Json =>
    typeof value === 'string' && /^\d{12}$/.test(value) ? `arn:${partition}:iam::${value}:root` : value;
  const inStatement = (statement: Json): Json => {
    if (!isObject(statement)) return statement;
    const { Principal } = statement;
    if (!isObject(Principal) || Principal['AWS'] === undefined) return statement;
    const { AWS } = Principal;
    return { ...statement, Principal: { ...Principal, AWS: isArray(AWS) ? AWS.map(toArn) : toArn(AWS) } };
  };
  const { Statement = [] } = policy;
  return { ...policy, Statement: isArray(Statement) ? Statement.map(inStatement) : inStatement(Statement) };
}
