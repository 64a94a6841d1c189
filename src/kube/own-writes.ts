import type { Change } from '../runtime/object-store.ts';
import type { KubernetesClient } from './client.ts';
import { type KubernetesResource, nameOf, type ObjectName } from './resource.ts';

/** A store of what the API server told by watch, which can be older than what we have just written. */
interface Store<T> {
  get(name: ObjectName): T | undefined;
}

/** A store that tells when the watch has told it of a change; returned is how to stop. */
interface WatchedStore extends Store<KubernetesResource> {
  onChange(handler: (change: Change<KubernetesResource>) => void): () => void;
}

/**
 * Read your writes: remembers the answers to our own writes until the watch has caught up, so that no decision rests on an
 * object as it was before them. An object that the store does not have is gone, whatever was written to it.
 */
export class OwnWrites implements Disposable {
  readonly #written = new Map<string, KubernetesResource>();
  readonly #stores: readonly WatchedStore[];
  readonly #stops: ReadonlyArray<() => void>;

  /** `stores`: where the objects that are written to are watched. */
  constructor(stores: readonly WatchedStore[]) {
    this.#stores = stores;
    this.#stops = stores.map((store) => store.onChange((change) => this.#watched(change)));
  }

  /** Writes that are remembered. */
  get size(): number {
    return this.#written.size;
  }

  record(object: KubernetesResource): void {
    const { uid } = object.metadata;
    if (uid === undefined) return;
    this.#written.set(uid, object);
    const stored = this.#stores.map((store) => store.get(nameOf(object)));
    if (isEnd(object) && !stored.some((one) => one?.metadata.uid === uid)) this.#written.delete(uid); // the watch has told of it
    for (const one of stored) this.freshest(one); // the watch may have been faster
  }

  #watched({ type, object }: Change<KubernetesResource>): void {
    if (type === 'deleted') this.#written.delete(object.metadata.uid ?? '');
    else this.freshest(object);
  }

  /** The newer of the two: the stored object and our last write to it. */
  freshest<T extends KubernetesResource>(stored: T | undefined): T | undefined {
    const { uid, resourceVersion } = stored?.metadata ?? {};
    if (uid === undefined) return stored;
    const written = this.#written.get(uid);
    if (written === undefined) return stored;
    if (isEnd(written) || isNewer(written.metadata.resourceVersion, resourceVersion)) return written as T; // same UID, same kind
    this.#written.delete(uid);
    return stored;
  }

  /** Follows the stores no longer. */
  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop();
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

/**
 * Whether the write let the object go: nothing can come after it. The API server answers such a write with the version that
 * the object had before.
 */
const isEnd = ({ metadata: { deletionTimestamp, finalizers = [] } }: KubernetesResource): boolean =>
  deletionTimestamp !== undefined && finalizers.length === 0;

/** Versions of one resource are decimal numbers that grow (KEP-5504). Unknown forms count as not newer. */
function isNewer(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined || !/^[0-9]+$/.test(a) || !/^[0-9]+$/.test(b)) return false;
  return a.length === b.length ? a > b : a.length > b.length;
}
