import type { World } from '../state.ts';
import { actionsOf, isObject, type JsonObject, malformed, strings } from './policy-grammar.ts';

const TRUST_ACTION =
  /^sts:(AssumeRole|AssumeRoleWithWebIdentity|AssumeRoleWithSAML|AssumeRole\*|TagSession|SetSourceIdentity|SetContext)$/i;
/** Federated principals that are not ARNs (IAM User Guide, "Principal"). */
const FEDERATED_HOSTS: ReadonlySet<string> = new Set([
  'accounts.google.com',
  'cognito-identity.amazonaws.com',
  'graph.facebook.com',
  'www.amazon.com',
]);

/** Checks one statement of a trust policy: only AssumeRole actions, a valid principal, no resource. */
export function checkTrustStatement(statement: JsonObject, world: World): void {
  for (const field of ['Resource', 'NotResource']) {
    if (field in statement) throw malformed(`Has prohibited field ${field}`);
  }
  if (!actionsOf(statement).every((action) => TRUST_ACTION.test(action))) {
    throw malformed('AssumeRole policy may only specify STS AssumeRole actions.');
  }
  const principal = statement['Principal'] ?? statement['NotPrincipal'];
  if (principal === undefined) throw malformed('Missing required field Principal');
  if (principal === '*') throw malformed('AssumeRolepolicy contained an invalid principal: "STAR":"*"');
  if (!isObject(principal) || Object.keys(principal).length === 0) throw malformed('Syntax errors in policy.');
  for (const [type, values] of Object.entries(principal)) {
    const wrong = strings(values).find((value) => !isValidPrincipal(type, value, world));
    if (wrong !== undefined) throw malformed(`Invalid principal in policy: "${type}":"${wrong}"`);
  }
}

function isValidPrincipal(type: string, value: string, world: World): boolean {
  switch (type) {
    case 'AWS':
      return value === '*' || /^\d{12}$/.test(value) || isAwsPrincipal(value, world);
    case 'Service':
      return /^[a-z0-9.-]+\.[a-z.]+$/.test(value);
    case 'Federated':
      return FEDERATED_HOSTS.has(value) || federatedArn(world.partition).test(value);
    case 'CanonicalUser':
      return /^[0-9a-f]{64}$/.test(value);
    default:
      return false;
  }
}

/** The provider need not exist, only its ARN must be well formed [belief]. */
const federatedArn = (partition: string): RegExp =>
  new RegExp(`^arn:${partition}:iam::\\d{12}:(oidc-provider|saml-provider)/\\S+$`);

/** Users and roles must exist where the double knows their account; other accounts are taken on trust. */
function isAwsPrincipal(arn: string, world: World): boolean {
  const [, partition, service, accountId = '', type, name = ''] =
    /^arn:([^:]+):(iam|sts)::(\d{12}):(root|user|role|assumed-role|federated-user)(?:\/(.+))?$/.exec(arn) ?? [];
  if (partition !== world.partition || service === undefined) return false;
  const account = world.accounts.get(accountId);
  if (account === undefined) return true;
  const lastName = name.split('/').at(-1) ?? '';
  if (type === 'role') return account.roles.get(lastName.toLowerCase())?.arn === arn;
  if (type === 'user') return account.users.has(lastName);
  return true;
}
