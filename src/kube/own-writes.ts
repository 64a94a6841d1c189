import type { KubernetesClient } from './client.ts';
import type { KubernetesResource, ObjectName } from './resource.ts';

/** A store of what the API server told by watch, which can be older than what we have just written. */
interface Store<T> {
  get(name: ObjectName): T | undefined;
}

/**
 * Read your writes: remembers the answers to our own writes until the watch has caught up, so that no decision rests on an
 * object as it was before them. An object that the store does not have is gone, whatever was written to it.
 */
export class OwnWrites {
  readonly #written = new Map<string, KubernetesResource>();

  record(object: KubernetesResource): void {
    const { uid } = object.metadata;
    if (uid !== undefined) this.#written.set(uid, object);
  }

  /** The newer of the two: the stored object and our last write to it. */
  freshest<T extends KubernetesResource>(stored: T | undefined): T | undefined {
    const { uid, resourceVersion } = stored?.metadata ?? {};
    if (uid === undefined) return stored;
    const written = this.#written.get(uid);
    if (written === undefined) return stored;
    if (isNewer(written.metadata.resourceVersion, resourceVersion)) return written as T; // same UID, same kind
    this.#written.delete(uid);
    return stored;
  }
}

/** A store that answers with our own writes until the watch has caught up. */
export const readingOwnWrites = <T extends KubernetesResource>(store: Store<T>, ownWrites: OwnWrites): Store<T> => ({
  get: (name) => ownWrites.freshest(store.get(name)),
});

/** A client that records what the API server answers to its applies. */
export function recordingWrites(client: KubernetesClient, ownWrites: OwnWrites): KubernetesClient {
  const record = <T extends KubernetesResource>(object: T): T => {
    ownWrites.record(object);
    return object;
  };
  return {
    ...client,
    apply: async (type, object, signal) => record(await client.apply(type, object, signal)),
    applyStatus: async (type, object, signal) => record(await client.applyStatus(type, object, signal)),
  };
}

/** Versions of one resource are decimal numbers that grow (KEP-5504). Unknown forms count as not newer. */
function isNewer(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || !/^[0-9]+$/.test(a) || !/^[0-9]+$/.test(b)) return false;
  return a.length === b.length ? a > b : a.length > b.length;
}
