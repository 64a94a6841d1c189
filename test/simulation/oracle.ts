import { claimant } from '../../src/controllers/aws-federated-identity/accept.ts';
import { ownershipOf } from '../../src/controllers/aws-federated-identity/ownership.ts';
import type { Desired } from '../../src/controllers/aws-federated-identity/desired.ts';
import type { Condition } from '../../src/crds/condition.ts';
import { ReconcileError } from '../../src/errors.ts';
import type { OidcProvider } from '../../src/iam/oidc-providers.ts';
import { samePolicyDocument } from '../../src/iam/policy-document.ts';
import type { Role } from '../../src/iam/roles.ts';
import { CLUSTER_TAG, isOwnedBy } from '../../src/iam/tags.ts';
import { CONFIG_MAPS, type InjectionTable, isPending, TABLE_NAME, tableEntry } from '../../src/kube/injection-table.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  FINALIZER,
  IDENTITIES,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from '../../src/kube/kinds.ts';
import type { KubernetesResource, ObjectName } from '../../src/kube/resource.ts';
import { annotatedInjection } from '../../src/kube/service-account-annotations.ts';
import { CLUSTER, PROVIDER_ARN } from '../support/builders.ts';
import type { ApiServer } from './api-server.ts';
import type { Aws } from './aws.ts';
import { desiredOf } from './desired-roles.ts';
import type { Watchdog } from './watchdog.ts';

interface Scene {
  readonly api: ApiServer;
  readonly aws: Aws;
  readonly watchdog: Watchdog;
}

/** What must be true when all is quiet for long: AWS and cluster are a pure function of the specs, or a condition says why not. */
export function judgeEnd(scene: Scene): void {
  const { api, watchdog } = scene;
  const identities = api.all<AwsFederatedIdentity>(IDENTITIES);
  judgeOrphans(scene, identities);
  for (const identity of identities) {
    const problem = problemOf(scene, identity, identities);
    if (problem !== undefined) watchdog.report('I3', `${labelOf(identity)}: ${problem}`);
  }
  judgeProviders(scene);
  judgeTables(scene, identities);
}

const labelOf = ({ metadata: { namespace, name, uid } }: KubernetesResource): string =>
  `${namespace ?? ''}/${name} (${uid})`;

function judgeOrphans({ api, aws, watchdog }: Scene, identities: readonly AwsFederatedIdentity[]): void {
  const roles = aws.roles().filter((role) => role.tags.get(CLUSTER_TAG) === CLUSTER);
  const live = new Set(identities.map(({ metadata }) => metadata.uid));
  for (const { name, id, tags } of roles) {
    const uid = tags.get('federatedidentity.dev/uid') ?? '';
    if (!live.has(uid) && !watchdog.retained.has(uid))
      watchdog.report('I2', `role ${name} (${id}) of ${uid} is an orphan`);
  }
  for (const uid of live) {
    const count = roles.filter(({ tags }) => tags.get('federatedidentity.dev/uid') === uid).length;
    if (count > 1) watchdog.report('I2', `${uid} has ${count} roles`);
  }
  const provider = aws.provider(PROVIDER_ARN);
  const [stored] = api.all<AwsOidcProvider>(PROVIDERS);
  if (stored === undefined && provider?.tags.get(CLUSTER_TAG) === CLUSTER)
    watchdog.report('I2', 'the OIDC provider is an orphan');
}

type Expected =
  | { readonly kind: 'ready'; readonly desired: Desired; readonly role: Role }
  | { readonly kind: 'refused'; readonly reasons: readonly string[] }
  /** Drift is shown and not repaired: whether it still works is for STS to say. */
  | { readonly kind: 'observed' }
  | { readonly kind: 'suspended' };

/** What is wrong with an identity, or undefined. */
function problemOf(
  scene: Scene,
  identity: AwsFederatedIdentity,
  all: readonly AwsFederatedIdentity[],
): string | undefined {
  const { metadata, status = {} } = identity;
  if (metadata.deletionTimestamp !== undefined) return `is still being deleted: ${readyOf(status.conditions)?.message}`;
  const ready = readyOf(status.conditions);
  if (ready === undefined) return 'has no status';
  if (ready.observedGeneration !== metadata.generation || status.observedGeneration !== metadata.generation)
    return `speaks of generation ${ready.observedGeneration}, and has ${metadata.generation}`;
  const expected = expectedOf(scene, identity, all);
  switch (expected.kind) {
    case 'suspended':
      return ready.reason === 'Suspended' ? undefined : `is suspended, and says ${ready.reason}`;
    case 'observed':
      return status.driftCount === 0 ? 'differs from its spec, and shows no drift' : undefined;
    case 'refused':
      return expected.reasons.includes(ready.reason) && ready.status !== 'True'
        ? undefined
        : `should say ${expected.reasons.join(' or ')}, and says ${ready.status}/${ready.reason}: ${ready.message}`;
    case 'ready':
      return unreadiness(identity, ready, expected);
    default:
      return expected satisfies never;
  }
}

function unreadiness(
  { metadata, status }: AwsFederatedIdentity,
  ready: Condition,
  { desired, role }: Extract<Expected, { kind: 'ready' }>,
): string | undefined {
  if (ready.status !== 'True' || ready.reason !== 'Succeeded')
    return `should be ready, and says ${ready.reason}: ${ready.message}`;
  if (ready.message.startsWith('Ready before')) return `still tells of an outage: ${ready.message}`;
  if (metadata.finalizers?.includes(FINALIZER) !== true) return 'has a role and no finalizer';
  if (status?.roleId !== role.id) return `remembers ${status?.roleId}, and the role is ${role.id}`;
  return differenceOf(desired, role);
}

const readyOf = (conditions: readonly Condition[] | undefined): Condition | undefined =>
  conditions?.find(({ type }) => type === 'Ready');

const refused = (...reasons: readonly string[]): Extract<Expected, { kind: 'refused' }> => ({
  kind: 'refused',
  reasons,
});

/** In the order in which an identity is looked at. */
function expectedOf(scene: Scene, identity: AwsFederatedIdentity, all: readonly AwsFederatedIdentity[]): Expected {
  if (identity.spec.suspend) return { kind: 'suspended' };
  const provider = scene.api.read<AwsOidcProvider>(PROVIDERS, { name: 'default' });
  if (provider === undefined) return refused('ProviderNotFound');
  if (readyOf(provider.status?.conditions)?.status !== 'True' || provider.metadata.deletionTimestamp !== undefined)
    return refused('ProviderNotReady');
  const desired = desiredOf(identity, provider);
  if (desired instanceof Error) return refused(desired instanceof ReconcileError ? desired.reason : 'InternalError');
  return refusedBesideOthers(identity, provider, all) ?? expectedOfRole(scene, identity, desired);
}

function refusedBesideOthers(
  identity: AwsFederatedIdentity,
  { spec: { guardrails } }: AwsOidcProvider,
  all: readonly AwsFederatedIdentity[],
): Expected | undefined {
  const { metadata, spec } = identity;
  const siblings = all.filter((one) => one.metadata.namespace === metadata.namespace);
  const most = guardrails?.maxIdentitiesPerNamespace ?? 100;
  if (siblings.length > most && ageRank(siblings, identity) >= most) return refused('TooManyIdentities');
  const rivals = siblings.filter((one) => one.spec.serviceAccount.name === spec.serviceAccount.name);
  return claimant(rivals)?.metadata.uid === metadata.uid ? undefined : refused('ServiceAccountConflict');
}

function expectedOfRole({ api, aws }: Scene, identity: AwsFederatedIdentity, desired: Desired): Expected {
  const { metadata, spec, status } = identity;
  const role = aws.role(desired.role.name);
  if (role === undefined) return refused(desired.adoption === undefined ? 'DriftDetected' : 'AdoptionRefused');
  const context = { owner: desired.owner, recordedRoleId: status?.roleId, adoption: desired.adoption };
  const ownership = ownershipOf(desired.role, role, context);
  if (ownership.kind === 'foreign') return refused(ownership.reason);
  const name = { namespace: metadata.namespace, name: spec.serviceAccount.name };
  const serviceAccount = api.read<KubernetesResource>(SERVICE_ACCOUNTS, name);
  if (serviceAccount === undefined && !spec.serviceAccount.create) return refused('ServiceAccountNotFound');
  const annotation = serviceAccount?.metadata.annotations?.['eks.amazonaws.com/role-arn'];
  if (annotation !== undefined && annotation !== role.arn) return refused('ServiceAccountConflict');
  const isObserved = spec.managementPolicy === 'Observe' && differenceOf(desired, role) !== undefined;
  return isObserved ? { kind: 'observed' } : { kind: 'ready', desired, role };
}

/** Of those that are equally old, who has a role comes first, and then the lowest UID. */
function ageRank(identities: readonly AwsFederatedIdentity[], identity: AwsFederatedIdentity): number {
  const rest = [...identities];
  for (let rank = 0; rest.length > 0; rank += 1) {
    const first = claimant(rest);
    if (first === undefined || first.metadata.uid === identity.metadata.uid) return rank;
    rest.splice(rest.indexOf(first), 1);
  }
  return identities.length;
}

function differenceOf({ role: desired, owner }: Desired, role: Role): string | undefined {
  if (!isOwnedBy(role.tags, owner)) return 'its role does not carry its tags';
  if (!samePolicyDocument(desired.trustPolicy, role.trustPolicy)) return 'the trust policy differs';
  if (desired.permissionsBoundaryArn !== role.permissionsBoundaryArn) return 'the boundary differs';
  if (desired.managedPolicyArns.symmetricDifference(role.managedPolicyArns).size > 0) return 'managed policies differ';
  const inline = [...desired.inlinePolicies].every(([name, document]) =>
    samePolicyDocument(document, role.inlinePolicies.get(name) ?? (document.slice(1) as typeof document)),
  );
  if (!inline || desired.inlinePolicies.size !== role.inlinePolicies.size) return 'inline policies differ';
  if (desired.description !== role.description || desired.maxSessionDurationSeconds !== role.maxSessionDurationSeconds)
    return 'settings differ';
  return [...desired.tags].every(([key, value]) => role.tags.get(key) === value) ? undefined : 'tags differ';
}

function judgeProviders({ api, aws, watchdog }: Scene): void {
  const observed = aws.provider(PROVIDER_ARN);
  const areIdentitiesLeft = api.all(IDENTITIES).length > 0;
  for (const provider of api.all<AwsOidcProvider>(PROVIDERS)) {
    const isGoing = provider.metadata.deletionTimestamp !== undefined;
    const ready = readyOf(provider.status?.conditions);
    if (isGoing && !areIdentitiesLeft) watchdog.report('I3', `provider is still being deleted: ${ready?.message}`);
    const problem = isGoing ? undefined : providerProblem(provider, ready, observed);
    if (problem !== undefined) watchdog.report('I3', problem);
  }
}

function providerProblem(
  { metadata: { uid = '', generation }, spec }: AwsOidcProvider,
  ready: Condition | undefined,
  observed: OidcProvider | undefined,
): string | undefined {
  const wanted = new Set(spec.clientIds);
  const isOurs = observed !== undefined && isOwnedBy(observed.tags, { cluster: CLUSTER, name: 'default', uid });
  const isForeign = observed !== undefined && !isOurs;
  const expected = isForeign && !observed.clientIds.isSupersetOf(wanted) ? 'AudienceNotRegistered' : 'Succeeded';
  if (ready?.reason !== expected || ready.observedGeneration !== generation)
    return `provider should say ${expected}, and says ${ready?.reason}: ${ready?.message}`;
  const differs = isOurs && wanted.symmetricDifference(observed.clientIds).size > 0;
  return differs ? 'the client ids of the OIDC provider differ' : undefined;
}

/** Each entry of a table follows from an identity or from annotations. */
function judgeTables(scene: Scene, identities: readonly AwsFederatedIdentity[]): void {
  const { api, watchdog } = scene;
  for (const table of api.all<InjectionTable>(CONFIG_MAPS)) {
    const { namespace } = table.metadata;
    for (const [name, entry] of Object.entries(table.data ?? {})) {
      const users = usersOf(identities, { namespace, name });
      const serviceAccount = api.read<KubernetesResource>(SERVICE_ACCOUNTS, { namespace, name });
      const wanted = users.length > 0 ? (entryOfIdentity(api, users) ?? entry) : annotatedEntry(serviceAccount, api);
      if (wanted !== entry) watchdog.report('I7', `${namespace}/${name} has the entry ${entry}, not ${wanted}`);
    }
  }
  for (const identity of identities) {
    const { namespace } = identity.metadata;
    const ready = readyOf(identity.status?.conditions);
    const table = api.read<InjectionTable>(CONFIG_MAPS, { namespace, name: TABLE_NAME });
    const entry = table?.data?.[identity.spec.serviceAccount.name];
    if (ready?.reason === 'Succeeded' && (entry === undefined || isPending(entry)))
      watchdog.report('I7', `${labelOf(identity)} is ready, and its entry is ${entry}`);
  }
}

const usersOf = (identities: readonly AwsFederatedIdentity[], { namespace, name }: ObjectName) =>
  identities.filter(({ metadata, spec }) => metadata.namespace === namespace && spec.serviceAccount.name === name);

/** Undefined where several entries are right: an identity that is not ready may still have that of its last success. */
function entryOfIdentity(api: ApiServer, users: readonly AwsFederatedIdentity[]): string | undefined {
  const owner = claimant(users);
  const ready = readyOf(owner?.status?.conditions);
  const provider = api.read<AwsOidcProvider>(PROVIDERS, { name: 'default' });
  if (
    owner?.status?.roleArn === undefined ||
    provider === undefined ||
    ready?.status !== 'True' ||
    ready.reason !== 'Succeeded'
  )
    return undefined;
  const { audience, tokenExpirationSeconds } = owner.spec;
  return tableEntry({ roleArn: owner.status.roleArn, audience, tokenExpirationSeconds, region: provider.spec.region });
}

function annotatedEntry(serviceAccount: KubernetesResource | undefined, api: ApiServer): string | undefined {
  if (serviceAccount === undefined) return undefined;
  const region = api.read<AwsOidcProvider>(PROVIDERS, { name: 'default' })?.spec.region;
  const annotated = annotatedInjection(serviceAccount, {
    annotationPrefix: 'eks.amazonaws.com',
    audience: 'sts.amazonaws.com',
    tokenExpirationSeconds: 86_400,
    region,
  });
  return annotated.kind === 'injection' ? tableEntry(annotated.injection) : undefined;
}
