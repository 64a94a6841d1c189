import { type AwsFederatedIdentity, IDENTITIES } from '../kube/kinds.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import { inNamespace, reading } from './cluster-reads.ts';
import { CliError } from './failures.ts';

/** Which identities: all of the cluster, all of a namespace, or one. */
export type Selection =
  | { readonly kind: 'all' }
  | { readonly kind: 'namespace'; readonly namespace: string }
  | { readonly kind: 'one'; readonly namespace: string; readonly name: string };

/** What the arguments of a command select. */
export function selectionOf(name: string | undefined, namespace: string, isAll: boolean): Selection {
  if (isAll) return { kind: 'all' };
  return name === undefined ? { kind: 'namespace', namespace } : { kind: 'one', namespace, name };
}

/** Throws a CliError when a name is given together with --all-namespaces. */
export function checkSelection(name: string | undefined, isAll: boolean): void {
  if (isAll && name !== undefined) throw new CliError('a name and --all-namespaces exclude each other');
}

export const nothingFound = (selection: Selection): string =>
  selection.kind === 'all'
    ? 'No AwsFederatedIdentity found.'
    : `No AwsFederatedIdentity found in namespace ${selection.namespace}.`;

/**
 * All identities of the cluster, or of the whole namespace: an identity's neighbours decide over ServiceAccounts and
 * limits. Sorted by namespace and name. Throws a CliError.
 */
export async function listIdentities(
  cluster: ClusterConnection,
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

const keyOf = ({ metadata: { namespace, name } }: AwsFederatedIdentity): string => `${namespace}/${name}`;

/** Those of the listed ones that are selected. Throws a CliError when the one that is named is not among them. */
export function chosen(listed: readonly AwsFederatedIdentity[], selection: Selection): readonly AwsFederatedIdentity[] {
  if (selection.kind !== 'one') return listed;
  const { namespace, name } = selection;
  const identity = listed.find(({ metadata }) => metadata.name === name);
  if (identity !== undefined) return [identity];
  const others = listed.map(({ metadata }) => metadata.name).join(', ');
  const hint = others === '' ? 'it has none; choose another with -n' : `it has ${others}`;
  throw new CliError(`there is no AwsFederatedIdentity "${name}" in namespace ${namespace}: ${hint}`);
}
