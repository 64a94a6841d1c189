import type { Pod } from '../kube/pods.ts';
import type { KubernetesResource, ObjectName, OwnerReference, ResourceType } from '../kube/resource.ts';

/** What makes a pod anew. */
export type PodOwner =
  /** `kubectl rollout restart` replaces its pods. */
  | { readonly kind: 'Restartable'; readonly type: ResourceType; readonly name: string }
  /** A person has to do something; `advice` says what. */
  | { readonly kind: 'ByHand'; readonly title: string; readonly advice: string };

/** Reads an object; undefined where it is not there. */
export type GetOwner = <T extends KubernetesResource>(type: ResourceType, name: ObjectName) => Promise<T | undefined>;

const apps = (kind: string, plural: string): ResourceType => ({
  apiVersion: 'apps/v1',
  kind,
  plural,
  namespaced: true,
});
const REPLICA_SETS = apps('ReplicaSet', 'replicasets');
const DEPLOYMENTS = apps('Deployment', 'deployments');
const STATEFUL_SETS = apps('StatefulSet', 'statefulsets');
const DAEMON_SETS = apps('DaemonSet', 'daemonsets');
const JOBS: ResourceType = { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs', namespaced: true };

interface Workload extends KubernetesResource {
  readonly spec?: { readonly paused?: boolean; readonly updateStrategy?: { readonly type?: string } };
}

const DELETE_PODS = 'delete its pods, one after the other; it makes new ones';

/** The owner by which a pod is restarted: that of its ReplicaSet, or its own. Rejects with what `get` rejects with. */
export async function ownerOf({ metadata }: Pod, get: GetOwner): Promise<PodOwner> {
  const { namespace } = metadata;
  const reference = controllerOf(metadata);
  if (reference === undefined) {
    return byHand('no owner', 'delete the pod, and create it again from its manifest');
  }
  const { name } = reference;
  switch (kindOf(reference)) {
    case 'apps/ReplicaSet': {
      const replicaSet = await get(REPLICA_SETS, { namespace, name });
      const owner = controllerOf(replicaSet?.metadata ?? {});
      if (owner === undefined) return byHand(`ReplicaSet ${name}`, DELETE_PODS);
      return kindOf(owner) === 'apps/Deployment'
        ? rollout(DEPLOYMENTS, { namespace, name: owner.name }, get)
        : custom(owner);
    }
    case 'apps/StatefulSet':
      return rollout(STATEFUL_SETS, { namespace, name }, get);
    case 'apps/DaemonSet':
      return rollout(DAEMON_SETS, { namespace, name }, get);
    case '/ReplicationController':
      return byHand(`ReplicationController ${name}`, DELETE_PODS);
    case 'batch/Job': {
      const job = await get(JOBS, { namespace, name });
      const owner = controllerOf(job?.metadata ?? {});
      return owner === undefined
        ? byHand(`Job ${name}`, 'let it end, or delete it and create it again from its manifest')
        : byHand(`${owner.kind} ${owner.name}`, 'nothing: the pods of its next run get the role');
    }
    default:
      return custom(reference);
  }
}

const controllerOf = ({ ownerReferences = [] }: KubernetesResource['metadata']): OwnerReference | undefined =>
  ownerReferences.find(({ controller }) => controller === true);

/** Group and kind: versions come and go. */
const kindOf = ({ apiVersion, kind }: OwnerReference): string =>
  `${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''}/${kind}`;

const byHand = (title: string, advice: string): PodOwner => ({ kind: 'ByHand', title, advice });

const custom = ({ kind, name }: OwnerReference): PodOwner =>
  byHand(`${kind} ${name}`, 'restart it in its own way; a pod that is made anew gets the role');

/** Where `kubectl rollout restart` would fail or change nothing, that is said instead. */
async function rollout(type: ResourceType, name: ObjectName, get: GetOwner): Promise<PodOwner> {
  const workload = await get<Workload>(type, name);
  const title = `${type.kind} ${name.name}`;
  if (workload === undefined) return byHand(title, 'nothing: it is gone, and its pods will be');
  if (workload.spec?.paused === true) {
    const target = `${type.kind.toLowerCase()}/${name.name}`;
    return byHand(
      title,
      `it is paused: run kubectl rollout resume ${target} -n ${name.namespace}, and then this again`,
    );
  }
  if (workload.spec?.updateStrategy?.type === 'OnDelete')
    return byHand(title, `${DELETE_PODS} (updateStrategy OnDelete)`);
  return { kind: 'Restartable', type, name: name.name };
}
