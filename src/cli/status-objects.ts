import { ApiError } from '../kube/errors.ts';
import { type AwsOidcProvider, PROVIDERS, SERVICE_ACCOUNTS } from '../kube/kinds.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import { NOT_ENDED, type Pod, PODS } from '../kube/pods.ts';
import type { KubernetesResource, ResourceType } from '../kube/resource.ts';
import { getIfThere, inNamespace, reading } from './cluster-reads.ts';
import { CliError } from './failures.ts';
import { chosen, listIdentities, type Selection } from './selection.ts';
import type { StatusObjects } from './status-tree.ts';

/**
 * What the status of the selected identities is made of. Providers without identities are among it only for the whole
 * cluster. Throws a CliError; a provider that the reader may not see is no error, for tenants may read none.
 */
export async function readStatusObjects(
  cluster: ClusterConnection,
  selection: Selection,
  signal: AbortSignal,
): Promise<StatusObjects> {
  const identities = chosen(await listIdentities(cluster, selection, signal), selection);
  const names = new Set(identities.map(({ spec }) => spec.providerRef.name));
  const providers = selection.kind === 'all' ? allProviders(cluster, signal) : readProviders(cluster, names, signal);
  if (identities.length === 0) return { identities, providers: await providers, serviceAccounts: [], pods: [] };
  const [found, serviceAccounts, pods] = await Promise.all([
    providers,
    listIn<KubernetesResource>(cluster, selection, SERVICE_ACCOUNTS, { signal }),
    listIn<Pod>(cluster, selection, PODS, { fieldSelector: NOT_ENDED, signal }),
  ]);
  return { identities, providers: found, serviceAccounts, pods };
}

async function allProviders(
  cluster: ClusterConnection,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AwsOidcProvider>> {
  const { items } = await reading(cluster, 'list AwsOidcProviders', () =>
    cluster.kubernetes.list<AwsOidcProvider>(PROVIDERS, {}, signal),
  );
  return new Map(items.map((provider) => [provider.metadata.name ?? '', provider]));
}

async function readProviders(
  cluster: ClusterConnection,
  names: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, AwsOidcProvider | 'hidden'>> {
  const entries = [...names].map(async (name): Promise<[string, AwsOidcProvider | 'hidden'][]> => {
    const provider = await getIfThere<AwsOidcProvider>(cluster, PROVIDERS, { name }, signal).catch(hiddenIfForbidden);
    return provider === undefined ? [] : [[name, provider]];
  });
  return new Map((await Promise.all(entries)).flat());
}

function hiddenIfForbidden(error: unknown): 'hidden' {
  if (error instanceof CliError && error.cause instanceof ApiError && error.cause.code === 403) return 'hidden';
  throw error;
}

interface ListOptions {
  readonly fieldSelector?: string;
  readonly signal: AbortSignal;
}

async function listIn<T extends KubernetesResource>(
  cluster: ClusterConnection,
  selection: Selection,
  type: ResourceType,
  { signal, ...query }: ListOptions,
): Promise<readonly T[]> {
  const isAll = selection.kind === 'all';
  const where = isAll ? type : inNamespace(type, selection.namespace);
  const request = `list ${type.kind}s${isAll ? '' : ` in namespace ${selection.namespace}`}`;
  const { items } = await reading(cluster, request, () => cluster.kubernetes.list<T>(where, query, signal));
  return items;
}
