import { undefinedIfNotFound } from '../kube/errors.ts';
import type { ClusterConnection } from '../kube/kubeconfig.ts';
import type { KubernetesResource, ObjectName, ResourceType } from '../kube/resource.ts';
import { kubernetesFailure } from './failures.ts';

/** The collection of one namespace: whoever works in it may often list no other. */
export const inNamespace = (type: ResourceType, namespace: string): ResourceType => ({
  ...type,
  plural: `namespaces/${encodeURIComponent(namespace)}/${type.plural}`,
});

/** An object, or undefined where it is not there. Throws a CliError that says what failed. */
export const getIfThere = <T extends KubernetesResource>(
  cluster: ClusterConnection,
  type: ResourceType,
  name: ObjectName,
  signal: AbortSignal,
): Promise<T | undefined> =>
  reading(cluster, `get ${type.kind} ${name.name}`, () =>
    cluster.kubernetes.get<T>(type, name, signal).catch(undefinedIfNotFound),
  );

/** Work with the API server; a failure becomes a CliError. `request` as "list AwsOidcProviders". */
export async function reading<T>(
  { server }: Pick<ClusterConnection, 'server'>,
  request: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw kubernetesFailure(request, server, error);
  }
}
