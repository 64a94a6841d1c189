import { isDeepStrictEqual } from 'node:util';
import type { Condition } from '../crds/condition.ts';
import type { KubernetesClient } from './client.ts';
import { toKubernetesError } from './errors.ts';
import type { EventRecorder } from './events.ts';
import { type KubernetesResource, nameOf, type ResourceType } from './resource.ts';
import { transitionOf } from './transitions.ts';

interface Status {
  readonly conditions?: readonly Condition[] | undefined;
}

interface WithStatus<S extends Status> extends KubernetesResource {
  readonly status?: S;
}

/**
 * Writes a status if it changed: in steady state nothing, so that no watcher of the object is woken. A change of Ready is
 * told as an Event too. The UID keeps the write from an object of the same name that was made meanwhile. Resolves with the
 * object as it is after the write, or as it was given.
 */
export async function writeStatus<S extends Status>(
  { kubernetes, events }: { readonly kubernetes: KubernetesClient; readonly events: Pick<EventRecorder, 'record'> },
  object: WithStatus<S> & { readonly type: ResourceType },
  status: S,
  signal: AbortSignal,
): Promise<KubernetesResource> {
  if (isDeepStrictEqual(status, object.status)) return object;
  const { type } = object;
  const event = transitionOf(object.status, status);
  if (event !== undefined) events.record({ ...type, metadata: object.metadata }, event);
  const { namespace, name } = nameOf(object);
  const { uid } = object.metadata;
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) };
  try {
    return await kubernetes.applyStatus<WithStatus<S>>(type, { metadata, status }, signal);
  } catch (error) {
    throw toKubernetesError(`Status of ${type.kind} ${namespace === undefined ? name : `${namespace}/${name}`}`, error);
  }
}
