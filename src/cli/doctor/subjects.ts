import { type AwsOidcProvider, NAMESPACES, PROVIDERS } from '../../kube/kinds.ts';
import type { ClusterConnection } from '../../kube/kubeconfig.ts';
import { getIfThere } from '../cluster-reads.ts';
import { chosen, listIdentities, type Selection } from '../selection.ts';
import type { Subject } from './diagnose.ts';

interface Question {
  readonly selection: Selection;
  readonly pod: string | undefined;
}

/** The selected identities with what they rest on in the cluster. Throws a CliError where it can't be read. */
export async function readSubjects(
  cluster: ClusterConnection,
  { selection, pod }: Question,
  signal: AbortSignal,
): Promise<readonly Subject[]> {
  const neighbours = await listIdentities(cluster, selection, signal);
  const identities = chosen(neighbours, selection);
  const [first] = identities;
  if (first === undefined) return [];
  const names = [...new Set(identities.map(({ spec }) => spec.providerRef.name))];
  const [providers, kubeSystem, namespace] = await Promise.all([
    Promise.all(names.map((name) => getIfThere<AwsOidcProvider>(cluster, PROVIDERS, { name }, signal))),
    getIfThere(cluster, NAMESPACES, { name: 'kube-system' }, signal),
    getIfThere(cluster, NAMESPACES, { name: first.metadata.namespace ?? '' }, signal),
  ]);
  return identities.map((identity) => ({
    identity,
    provider: providers[names.indexOf(identity.spec.providerRef.name)],
    neighbours,
    namespaceLabels: namespace?.metadata.labels ?? {},
    clusterId: kubeSystem?.metadata.uid ?? '',
    pod,
  }));
}
