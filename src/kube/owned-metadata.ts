import type { KubernetesClient } from './client.ts';
import { BOUND_LABEL, FINALIZER } from './kinds.ts';
import type { KubernetesResource, ResourceType } from './resource.ts';

/** The metadata of an object of ours that belongs to the operator; everything else belongs to its author. */
export interface OwnedMetadata {
  readonly finalizer: boolean;
  readonly bound: boolean;
}

export const ownedMetadataOf = ({ metadata }: KubernetesResource): OwnedMetadata => ({
  finalizer: metadata.finalizers?.includes(FINALIZER) === true,
  bound: metadata.labels?.[BOUND_LABEL] === 'true',
});

/** An object of ours and where it is served. */
interface Subject {
  readonly type: ResourceType;
  readonly metadata: KubernetesResource['metadata'];
}

/**
 * Writes the operator's part of the metadata by server-side apply, so that what others put there stays. The UID makes the
 * API server refuse to create the object anew, should it be gone. Returns the object as written.
 */
export function applyOwnedMetadata(
  client: KubernetesClient,
  { type, metadata: { name = '', namespace, uid } }: Subject,
  { finalizer, bound }: OwnedMetadata,
  signal: AbortSignal,
): Promise<KubernetesResource> {
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(finalizer ? { finalizers: [FINALIZER] } : {}),
    ...(bound ? { labels: { [BOUND_LABEL]: 'true' } } : {}),
  };
  return client.apply<KubernetesResource>(type, { metadata }, signal);
}
