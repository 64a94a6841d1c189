import pRetry from 'p-retry';
import type { AwsAccounts } from '../iam/account.ts';
import type { Role } from '../iam/roles.ts';
import type { Caller } from '../iam/session.ts';
import { undefinedIfNotFound } from '../kube/errors.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import { type AwsFederatedIdentity, type AwsOidcProvider, IDENTITIES, NAMESPACES, PROVIDERS } from '../kube/kinds.ts';
import type { KubernetesResource, ObjectName, ResourceType } from '../kube/resource.ts';
import type { ProviderInput } from '../controllers/aws-federated-identity/desired.ts';
import { ReconcileError, terminal } from '../errors.ts';
import { asPerson, CliError, kubernetesFailure } from './failures.ts';
import type { IdentityPlan } from './identity-plan.ts';
import { type IdentityContext, type LookAtRole, planIdentity } from './plan-identity.ts';

export interface PlanDependencies {
  readonly cluster: ClusterConnection;
  /** AWS with the credentials of the person who runs the command. */
  readonly accounts: Pick<AwsAccounts, 'of'>;
}

/** Which identities: all of the cluster, all of a namespace, or one. */
export type Selection =
  | { readonly kind: 'all' }
  | { readonly kind: 'namespace'; readonly namespace: string }
  | { readonly kind: 'one'; readonly namespace: string; readonly name: string };

/**
 * What the operator would do for each identity now. Reads the cluster and, with the credentials of the caller, AWS; writes
 * nothing. Throws a CliError for what concerns all of them: cluster or AWS not reachable, not allowed, no such identity.
 */
export async function planIdentities(
  dependencies: PlanDependencies,
  selection: Selection,
  signal: AbortSignal,
): Promise<readonly IdentityPlan[]> {
  const listed = await listIdentities(dependencies, selection, signal);
  const identities = chosen(listed, selection);
  if (identities.length === 0) return [];
  const clusterId = await readClusterId(dependencies, signal);
  const providers = await readProviders(dependencies, identities, signal);
  const labels = await readLabels(dependencies, identities, providers, signal);
  const context: IdentityContext = {
    clusterId,
    provider: (name) => providers.get(name),
    identities: listed,
    namespaceLabels: (namespace) => labels.get(namespace),
    look: lookWith(dependencies, signal),
  };
  return Promise.all(identities.map((identity) => planIdentity(context, identity)));
}

/** The whole namespace, since an identity's neighbours decide over ServiceAccounts and limits. */
async function listIdentities(
  { cluster }: PlanDependencies,
  selection: Selection,
  signal: AbortSignal,
): Promise<readonly AwsFederatedIdentity[]> {
  const isAll = selection.kind === 'all';
  const type = isAll ? IDENTITIES : inNamespace(IDENTITIES, selection.namespace);
  const where = isAll ? '' : ` in namespace ${selection.namespace}`;
  return reading(cluster, `list AwsFederatedIdentities${where}`, async () => {
    const { items } = await cluster.kubernetes.list<AwsFederatedIdentity>(type, {}, signal);
    return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  });
}

/** The collection of one namespace: whoever works in it may often list no other. */
const inNamespace = (type: ResourceType, namespace: string): ResourceType => ({
  ...type,
  plural: `namespaces/${encodeURIComponent(namespace)}/${type.plural}`,
});

const keyOf = ({ metadata: { namespace, name } }: AwsFederatedIdentity): string => `${namespace}/${name}`;

function chosen(listed: readonly AwsFederatedIdentity[], selection: Selection): readonly AwsFederatedIdentity[] {
  if (selection.kind !== 'one') return listed;
  const { namespace, name } = selection;
  const identity = listed.find(({ metadata }) => metadata.name === name);
  if (identity !== undefined) return [identity];
  const others = listed.map(({ metadata }) => metadata.name).join(', ');
  const hint = others === '' ? 'it has none; choose another with -n' : `it has ${others}`;
  throw new CliError(`there is no AwsFederatedIdentity "${name}" in namespace ${namespace}: ${hint}`);
}

async function readClusterId({ cluster }: PlanDependencies, signal: AbortSignal): Promise<string> {
  const kubeSystem = await get(cluster, NAMESPACES, { name: 'kube-system' }, signal);
  return kubeSystem?.metadata.uid ?? '';
}

async function readProviders(
  { cluster }: PlanDependencies,
  identities: readonly AwsFederatedIdentity[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AwsOidcProvider | undefined>> {
  const names = new Set(identities.map(({ spec }) => spec.providerRef.name));
  const entries = [...names].map(
    async (name) => [name, await get<AwsOidcProvider>(cluster, PROVIDERS, { name }, signal)] as const,
  );
  return new Map(await Promise.all(entries));
}

type Labels = Readonly<Record<string, string>>;

/** Only where a provider selects namespaces by them. */
async function readLabels(
  { cluster }: PlanDependencies,
  identities: readonly AwsFederatedIdentity[],
  providers: ReadonlyMap<string, AwsOidcProvider | undefined>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Labels>> {
  const selecting = identities.filter(
    ({ spec }) => providers.get(spec.providerRef.name)?.spec.guardrails?.namespaceSelector !== undefined,
  );
  const namespaces = new Set(selecting.map(({ metadata: { namespace = '' } }) => namespace));
  const entries = [...namespaces].map(async (name) => {
    const namespace = await get(cluster, NAMESPACES, { name }, signal);
    return [name, namespace?.metadata.labels ?? {}] as const;
  });
  return new Map(await Promise.all(entries));
}

const get = <T extends KubernetesResource>(
  cluster: ClusterConnection,
  type: ResourceType,
  name: ObjectName,
  signal: AbortSignal,
): Promise<T | undefined> =>
  reading(cluster, `get ${type.kind} ${name.name}`, () =>
    cluster.kubernetes.get<T>(type, name, signal).catch(undefinedIfNotFound),
  );

async function reading<T>({ server }: ClusterConnection, request: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw kubernetesFailure(request, server, error);
  }
}

/** Reads roles as the person who runs the command, whatever role the operator would assume. */
const lookWith =
  ({ accounts }: PlanDependencies, signal: AbortSignal): LookAtRole =>
  async (provider, role): Promise<Role | undefined> => {
    const { accountId, region } = provider.spec;
    const account = accounts.of({ accountId, region });
    const caller = await asPerson(() => account.caller(signal));
    if (caller.account !== accountId) throw wrongAccount(caller, provider);
    return asPerson(() =>
      pRetry(() => account.roles.get(role, signal), {
        ...THROTTLED,
        signal,
        shouldRetry: ({ error }) => error instanceof ReconcileError && error.reason === 'Throttled',
      }),
    );
  };

const THROTTLED = { retries: 5, minTimeout: 500 };

const wrongAccount = ({ account, arn }: Caller, { name, spec }: ProviderInput): ReconcileError =>
  terminal(
    'WrongAccount',
    `your AWS credentials (${arn}) belong to account ${account}, but AwsOidcProvider "${name}" to ${spec.accountId}. Use credentials of that account, for example by AWS_PROFILE.`,
  );
