import { isDeepStrictEqual } from 'node:util';
import type { OidcProvider, Role } from '../../dev/aws/state.ts';
import type { FaultCandidate } from '../../dev/aws/faults.ts';
import { PolicyDocument, samePolicyDocument } from '../../src/iam/policy-document.ts';
import type { DesiredRole } from '../../src/iam/roles.ts';
import { CLUSTER_TAG } from '../../src/iam/tags.ts';
import { entryOf, type InjectionTable, isPending } from '../../src/kube/injection-table.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../src/kube/kinds.ts';
import type { KubernetesResource } from '../../src/kube/resource.ts';

export interface Violation {
  readonly kind: 'orphan' | 'duplicate' | 'foreign write' | 'stuck' | 'wider' | 'unfinished' | 'torn';
  readonly what: string;
}

/** An account at one moment. */
export interface AccountView {
  readonly roles: readonly Role[];
  readonly oidcProviders: readonly OidcProvider[];
}

/** A write of the operator to AWS, and the account just before it. */
export interface AwsWrite {
  readonly call: Pick<FaultCandidate, 'service' | 'operation' | 'resource'>;
  readonly before: AccountView;
}

/** What an act of a story asks for, and what is there when it has ended. */
export interface Act {
  readonly cluster: string;
  /** What the specs ask for, by the UID of the identity: at the beginning of the act, and now. Absent: it is deleted. */
  readonly wishesBefore: ReadonlyMap<string, DesiredRole>;
  readonly wishes: ReadonlyMap<string, DesiredRole>;
  readonly clientIds: readonly string[] | undefined;
  /** All UIDs of objects of this story, and of those whose role or OIDC provider stays by their own wish. */
  readonly uids: ReadonlySet<string>;
  readonly retained: ReadonlySet<string>;
  /** Roles of other people. */
  readonly bystanders: readonly Role[];
  readonly writes: readonly AwsWrite[];
  /** `verb path` of the operator's writes to the API server. */
  readonly apiWrites: readonly string[];
  /** What such a write may be about. */
  readonly ownPaths: RegExp;
  readonly account: AccountView;
  readonly identities: readonly AwsFederatedIdentity[];
  readonly providers: readonly AwsOidcProvider[];
  readonly table: InjectionTable | undefined;
  readonly serviceAccounts: readonly KubernetesResource[];
}

const UID_TAG = 'federatedidentity.dev/uid';
const tagOf = ({ tags }: Pick<Role, 'tags'>, key: string): string | undefined =>
  tags.find(({ Key }) => Key === key)?.Value;
const uidOf = (one: Pick<Role, 'tags'>): string => tagOf(one, UID_TAG) ?? '';

/** Everything that an act leaves wrong, or did on its way. Pure. */
export function judge(act: Act): readonly Violation[] {
  return [
    ...act.writes.flatMap((write) => foreignWrite(act, write)),
    ...foreignApiWrites(act),
    ...changedBystanders(act),
    ...widerAccess(act),
    ...leftovers(act),
    ...unfinished(act),
  ];
}

/** Nothing is written but to the objects of the run. */
export const foreignApiWrites = ({ apiWrites, ownPaths }: Pick<Act, 'apiWrites' | 'ownPaths'>): readonly Violation[] =>
  apiWrites
    .filter((write) => !ownPaths.test(write))
    .map((what) => ({ kind: 'foreign write', what: `API server: ${what}` }));

/** Whatever is written to must carry the tags of one of ours; creation is judged by what came of it. */
function foreignWrite({ uids, cluster }: Act, { call, before }: AwsWrite): readonly Violation[] {
  const name = call.resource.slice(call.resource.lastIndexOf('/') + 1);
  const target = call.resource.includes(':oidc-provider/')
    ? before.oidcProviders.find(({ arn }) => arn === call.resource)
    : before.roles.find((role) => role.name === name && call.resource.includes(':role/'));
  if (target === undefined || call.operation.startsWith('Create')) return []; // creation of what is there fails
  if (tagOf(target, CLUSTER_TAG) === cluster && uids.has(uidOf(target))) return [];
  return [{ kind: 'foreign write', what: `${call.operation} on ${call.resource}, which is not ours` }];
}

const changedBystanders = ({ bystanders, account }: Act): readonly Violation[] =>
  bystanders
    .filter((one) => !account.roles.some((role) => isDeepStrictEqual(role, one)))
    .map(({ arn }) => ({ kind: 'foreign write', what: `${arn} of somebody else is not as it was` }));

/** Who may do what by a role: trust policy, boundary and policy together. Nobody, where the trust policy denies. */
function accessOf(role: Role): readonly string[] {
  if (role.trustPolicy.includes('"Effect":"Deny"')) return [];
  const granted = [...role.attachedPolicies, ...Object.values(role.inlinePolicies)];
  return granted.map((policy) => [role.trustPolicy, role.permissionsBoundary ?? '', policy].join('\n'));
}

/** Whether one grant of a role is within what a spec asks for. A boundary narrows what had none. */
function isWithin(access: string, wish: DesiredRole): boolean {
  const [trust = '', boundary = '', policy = ''] = access.split('\n');
  const isAsked = policy.startsWith('arn:')
    ? [...wish.managedPolicyArns].some((arn) => arn === policy)
    : [...wish.inlinePolicies.values()].some((document) => isSame(document, policy));
  const isBound = wish.permissionsBoundaryArn === undefined || wish.permissionsBoundaryArn === boundary;
  return isAsked && isBound && isSame(wish.trustPolicy, trust);
}

const isSame = (wanted: PolicyDocument, document: string): boolean =>
  samePolicyDocument(wanted, PolicyDocument.parse(document));

/** At each moment of the act, every grant is within the spec of before or the spec of now. */
function widerAccess({ writes, account, wishes, wishesBefore, cluster }: Act): readonly Violation[] {
  const moments = [...writes.map(({ before }) => before), account];
  const found = moments.flatMap(({ roles }) =>
    roles
      .filter((role) => tagOf(role, CLUSTER_TAG) === cluster)
      .flatMap((role) => {
        const asked = [wishesBefore.get(uidOf(role)), wishes.get(uidOf(role))].filter((wish) => wish !== undefined);
        if (asked.length === 0) return []; // an orphan, and told as such
        const wider = accessOf(role).find((access) => !asked.some((wish) => isWithin(access, wish)));
        return wider === undefined ? [] : [`${role.name} allows ${wider.replaceAll('\n', ' + ')}`];
      }),
  );
  return [...new Set(found)].map((what) => ({ kind: 'wider', what }));
}

/** What carries this cluster's tags and belongs to no object, or belongs to one that has another one already. */
function leftovers({ account, wishes, retained, cluster, clientIds, uids }: Act): readonly Violation[] {
  const ours = account.roles.filter((role) => tagOf(role, CLUSTER_TAG) === cluster && uids.has(uidOf(role)));
  const orphans = ours.filter((role) => !wishes.has(uidOf(role)) && !retained.has(uidOf(role)));
  const counts = Map.groupBy(ours, uidOf);
  const provider = account.oidcProviders.find((one) => tagOf(one, CLUSTER_TAG) === cluster && uids.has(uidOf(one)));
  const isKept = provider !== undefined && retained.has(uidOf(provider));
  const lost = [...retained].filter((uid) => !counts.has(uid) && !(isKept && uidOf(provider) === uid));
  return [
    ...orphans.map(({ name }): Violation => ({ kind: 'orphan', what: `role ${name}` })),
    ...(clientIds === undefined && provider !== undefined && !isKept
      ? [{ kind: 'orphan', what: `OIDC provider ${provider.arn}` } as const]
      : []),
    ...[...counts]
      .filter(([, roles]) => roles.length > 1)
      .map(([uid, roles]): Violation => ({
        kind: 'duplicate',
        what: `${uid}: ${roles.map(({ name }) => name).join()}`,
      })),
    ...lost.map((uid): Violation => ({ kind: 'unfinished', what: `what ${uid} had in IAM was to stay, and is gone` })),
  ];
}

function unfinished(act: Act): readonly Violation[] {
  const { wishes, account, identities, clientIds, serviceAccounts, table } = act;
  const problems = [...wishes].flatMap(([uid, wish]) => {
    const identity = identities.find(({ metadata }) => metadata.uid === uid);
    const role = account.roles.find((one) => uidOf(one) === uid);
    const problem = identity === undefined ? 'is gone' : problemOf(identity, role, wish, table);
    return problem === undefined ? [] : [`${identity?.metadata.name ?? uid} ${problem}`];
  });
  const isEmpty = identities.length === 0;
  const entries = isEmpty ? Object.keys(table?.data ?? {}) : [];
  const made = isEmpty ? serviceAccounts.filter(({ metadata }) => metadata.name !== 'default') : [];
  const [provider] = account.oidcProviders;
  const hasAll = clientIds === undefined || isDeepStrictEqual(new Set(provider?.clientIds), new Set(clientIds));
  return [
    ...problems,
    ...entries.map((name) => `the table still has an entry for ${name}`),
    ...made.map(({ metadata }) => `ServiceAccount ${metadata.name} is still there`),
    ...(hasAll ? [] : [`the OIDC provider has the client ids ${provider?.clientIds.join()}`]),
  ].map((what) => ({ kind: 'unfinished', what }));
}

// oxlint-disable-next-line max-params -- an identity and all that belongs to it
function problemOf(
  { metadata, spec, status }: AwsFederatedIdentity,
  role: Role | undefined,
  wish: DesiredRole,
  table: InjectionTable | undefined,
): string | undefined {
  if (role === undefined) return 'has no role';
  if (status?.roleId !== role.id || status.roleArn !== role.arn) return `remembers ${status?.roleId}, not ${role.id}`;
  if (metadata.finalizers?.length !== 1) return 'has no finalizer';
  const entry = entryOf(table, spec.serviceAccount.name);
  if (entry === undefined || isPending(entry) || !entry.startsWith(`${role.arn} `)) return `has the entry ${entry}`;
  const difference = differenceOf(wish, role);
  return difference === undefined ? undefined : `and its role differ in ${difference}`;
}

function differenceOf(wish: DesiredRole, role: Role): string | undefined {
  const tags = new Map(role.tags.map(({ Key, Value }) => [Key, Value]));
  const inline = Object.entries(role.inlinePolicies);
  const same = {
    'trust policy': isSame(wish.trustPolicy, role.trustPolicy),
    boundary: wish.permissionsBoundaryArn === role.permissionsBoundary,
    'managed policies': isDeepStrictEqual(new Set<string>(wish.managedPolicyArns), new Set(role.attachedPolicies)),
    'inline policies':
      inline.length === wish.inlinePolicies.size &&
      inline.every(([name, document]) => isSame(wish.inlinePolicies.get(name) ?? PolicyDocument.parse('{}'), document)),
    description: wish.description === (role.description ?? ''),
    session: wish.maxSessionDurationSeconds === role.maxSessionDuration,
    tags: isDeepStrictEqual(new Map(wish.tags), tags),
  };
  return Object.entries(same).find(([, isEqual]) => !isEqual)?.[0];
}
