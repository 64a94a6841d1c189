import { runSimulation, type Simulation } from '@cloud-copilot/iam-simulate';
import { accessDenied, AwsError } from './errors.ts';
import type { AccountState, Credential, Role, World } from './state.ts';

export type Context = Readonly<Record<string, string | string[]>>;

/** Who calls: an IAM user, a role session, or nobody. */
export type Principal =
  | {
      readonly kind: 'user' | 'session' | 'root';
      readonly arn: string;
      readonly account: string;
      readonly userId: string;
      readonly credential?: Credential;
    }
  | { readonly kind: 'anonymous' };

/** One permission that a call needs. */
export interface Permission {
  readonly action: string;
  readonly resource: string;
  /** What the message shows instead of the ARN: IAM says `role NAME` for roles that it looks up by name. */
  readonly shownResource?: string | undefined;
  readonly resourceAccount: string;
  readonly context: Context;
  /** Bucket or trust policy, JSON. */
  readonly resourcePolicy?: string | undefined;
}

interface PrincipalPolicies {
  readonly identity: readonly { readonly name: string; readonly policy: unknown }[];
  readonly boundary?: readonly { readonly name: string; readonly policy: unknown }[] | undefined;
  readonly session?: unknown;
}

/** The principal behind a credential. Session ARNs have no path: `assumed-role/ROLE/SESSION`. */
export function principalOf(credential: Credential, world: World): Principal {
  const { account } = credential;
  if (credential.kind === 'session') {
    const { roleName, roleId, sessionName } = credential;
    const arn = `arn:${world.partition}:sts::${account}:assumed-role/${roleName}/${sessionName}`;
    return { kind: 'session', arn, account, userId: `${roleId}:${sessionName}`, credential };
  }
  const user = world.accounts.get(account)?.users.get(credential.userName);
  const arn = user?.arn ?? `arn:${world.partition}:iam::${account}:user/${credential.userName}`;
  return { kind: 'user', arn, account, userId: user?.id ?? credential.userName, credential };
}

export const principalArn = (principal: Principal): string =>
  principal.kind === 'anonymous' ? 'anonymous' : principal.arn;

/**
 * Throws AccessDenied (403) with IAM's text unless the caller's policies, its boundary, its session policy and the
 * resource's policy allow the action. Policies are read anew at each call, so a detached policy bites at once.
 */
export async function authorize(principal: Principal, permission: Permission, world: World): Promise<void> {
  const denial = await findDenial(principal, permission, world);
  if (denial !== undefined) throw accessDenied(denial);
}

/** The AccessDenied text, or `undefined` when the permission is granted. About 1 ms (iam-simulate 0.1.173). */
export async function findDenial(
  principal: Principal,
  permission: Permission,
  world: World,
): Promise<string | undefined> {
  if (principal.kind === 'root') return undefined;
  const result = await runSimulation(simulation(principal, permission, world), {});
  if (result.resultType === 'error') {
    // Not a denial: the simulator could not evaluate (unknown action, a policy it cannot parse). Name it loudly.
    throw new AwsError(
      'InternalFailure',
      500,
      `iam-simulate refuses ${permission.action}: ${JSON.stringify(result.errors)}`,
    );
  }
  if (result.overallResult === 'Allowed') return undefined;
  if (principal.kind === 'anonymous') return 'Access Denied';
  const analysis = result.resultType === 'single' ? result.result.analysis : result.results[0]?.analysis;
  const resource = permission.shownResource ?? permission.resource;
  const denied = `User: ${principal.arn} is not authorized to perform: ${permission.action} on resource: ${resource}`;
  return `${denied} ${reason(permission.action, analysis)}`;
}

interface Analysis {
  readonly identityAnalysis?: { readonly result: string };
  readonly sessionAnalysis?: { readonly result: string } | undefined;
  readonly permissionBoundaryAnalysis?: { readonly result: string } | undefined;
  readonly resourceAnalysis?: { readonly result: string };
}

function reason(action: string, analysis: Analysis | undefined): string {
  const { identityAnalysis, sessionAnalysis, permissionBoundaryAnalysis, resourceAnalysis } = analysis ?? {};
  const steps = [
    { policy: 'an identity-based policy', none: 'identity-based policy', result: identityAnalysis?.result },
    { policy: 'a permissions boundary', none: 'permissions boundary', result: permissionBoundaryAnalysis?.result },
    { policy: 'a session policy', none: 'session policy', result: sessionAnalysis?.result },
    { policy: 'a resource-based policy', none: 'resource-based policy', result: resourceAnalysis?.result },
  ];
  const explicit = steps.find(({ result }) => result === 'ExplicitlyDenied' || result === 'DeniedForAccount');
  if (explicit !== undefined) return `with an explicit deny in ${explicit.policy}`;
  // Last in the list: a missing resource policy is only the reason when everything else allows (another account's).
  const implicit = steps.find(({ result }) => result === 'ImplicitlyDenied' || result === 'NotApplicable');
  return `because no ${implicit?.none ?? 'identity-based policy'} allows the ${action} action`;
}

function simulation(principal: Principal, permission: Permission, world: World): Simulation {
  const policies = policiesOf(principal, world);
  const caller = principal.kind === 'anonymous' ? { type: 'Anonymous' as const } : principal.arn;
  return {
    request: {
      principal: caller,
      action: permission.action,
      resource: { resource: permission.resource, accountId: permission.resourceAccount },
      contextVariables: { ...principalContext(principal, world), ...permission.context },
    },
    identityPolicies: [...policies.identity],
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(policies.boundary === undefined ? {} : { permissionBoundaryPolicies: [...policies.boundary] }),
    ...(policies.session === undefined ? {} : { sessionPolicy: policies.session }),
    ...(permission.resourcePolicy === undefined ? {} : { resourcePolicy: JSON.parse(permission.resourcePolicy) }),
  };
}

/** Keys that every request has. The double speaks HTTP but stands for HTTPS. */
function principalContext(principal: Principal, world: World): Context {
  const always = { 'aws:SecureTransport': 'true', 'aws:SourceIp': '127.0.0.1' };
  if (principal.kind === 'anonymous') return always;
  const { account, arn, credential, userId } = principal;
  const role = credential?.kind === 'session' ? findSessionRole(world.accounts.get(account), credential) : undefined;
  return {
    ...always,
    'aws:PrincipalAccount': account,
    'aws:PrincipalArn': role?.arn ?? arn,
    'aws:userid': userId,
    ...(credential?.kind === 'user' ? { 'aws:username': credential.userName } : {}),
    ...Object.fromEntries((role?.tags ?? []).map(({ Key, Value }) => [`aws:PrincipalTag/${Key}`, Value])),
  };
}

function policiesOf(principal: Principal, world: World): PrincipalPolicies {
  if (principal.kind === 'anonymous' || principal.credential === undefined) return { identity: [] };
  const { credential } = principal;
  const account = world.accounts.get(credential.account);
  if (account === undefined) return { identity: [] };
  if (credential.kind === 'user') {
    const document = account.users.get(credential.userName)?.policyDocument;
    return { identity: document === undefined ? [] : [{ name: credential.userName, policy: JSON.parse(document) }] };
  }
  return {
    ...rolePolicies(account, credential),
    session: parsed(credential.sessionPolicy),
  };
}

type SessionCredential = Extract<Credential, { kind: 'session' }>;

/** A role that was deleted (or made anew under the same name) leaves its old sessions without any permission. */
function findSessionRole(account: AccountState | undefined, { roleName, roleId }: SessionCredential): Role | undefined {
  const role = account?.roles.get(roleName.toLowerCase());
  return role?.id === roleId ? role : undefined;
}

function rolePolicies(account: AccountState, credential: SessionCredential): PrincipalPolicies {
  const role = findSessionRole(account, credential);
  if (role === undefined) return { identity: [] };
  const managed = (arn: string): { name: string; policy: unknown }[] => {
    const document = account.policies.get(arn)?.document;
    return document === undefined ? [] : [{ name: arn, policy: JSON.parse(document) }];
  };
  const inline = Object.entries(role.inlinePolicies).map(([name, document]) => ({
    name,
    policy: JSON.parse(document),
  }));
  return {
    identity: [...role.attachedPolicies.flatMap(managed), ...inline],
    boundary: role.permissionsBoundary === undefined ? undefined : managed(role.permissionsBoundary),
  };
}

const parsed = (document: string | undefined): unknown => (document === undefined ? undefined : JSON.parse(document));
