import type { Logger } from 'pino';
import { errorFields } from './error-fields.ts';
import { requestKey, type Request, type RequestKey } from './reconciler.ts';

/** The part of any Kubernetes object that the runtime looks at. */
export interface StoredObject {
  readonly metadata?:
    | {
        readonly namespace?: string | undefined;
        readonly name?: string | undefined;
        readonly uid?: string | undefined;
        readonly resourceVersion?: string | undefined;
        readonly generation?: number | undefined;
        readonly deletionTimestamp?: Date | string | undefined;
        readonly labels?: Readonly<Record<string, string>> | undefined;
        readonly annotations?: Readonly<Record<string, string>> | undefined;
        readonly finalizers?: readonly string[] | undefined;
      }
    | undefined;
}

export type Change<T> =
  | { readonly type: 'added'; readonly object: Readonly<T> }
  | { readonly type: 'updated'; readonly object: Readonly<T>; readonly previous: Readonly<T> }
  | { readonly type: 'deleted'; readonly object: Readonly<T> };

export type ChangeHandler<T> = (change: Change<T>) => void;

export interface ObjectStoreOptions<T> {
  /** By index name, the values under which an object is found. */
  readonly indexes?: Readonly<Record<string, (object: Readonly<T>) => readonly string[]>>;
  /** Trims what nobody reads, such as managedFields, before an object is kept. */
  readonly transform?: (object: T) => T;
  readonly log: Pick<Logger, 'error'>;
}

/**
 * The objects of one kind as the API server has them, written by a reflector and read by controllers. All readers share
 * the same objects: never change one. A handler, index or transform that throws is logged and cannot harm the store.
 */
export class ObjectStore<T extends StoredObject> {
  readonly #options: ObjectStoreOptions<T>;
  readonly #objects = new Map<RequestKey, T>();
  /** Index name, then value, to the keys of the objects. */
  readonly #indexes: ReadonlyMap<string, Map<string, Set<RequestKey>>>;
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #firstReplace = Promise.withResolvers<void>();
  #isSynced = false;
  #staleSince: number | undefined;

  constructor(options: ObjectStoreOptions<T>) {
    this.#options = options;
    this.#indexes = new Map(Object.keys(options.indexes ?? {}).map((name) => [name, new Map()]));
  }

  /** Resolves with the first `replace`: from then on, a missing object does not exist. */
  get synced(): Promise<void> {
    return this.#firstReplace.promise;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** How long the store has not been told of changes, so that it shows what was; 0 while it is told. */
  get staleSeconds(): number {
    return this.#staleSince === undefined ? 0 : (performance.now() - this.#staleSince) / 1000;
  }

  /** For whoever keeps the store: whether it tells it of changes from now on. The same again is no news. */
  setFollowed(isFollowed: boolean): void {
    this.#staleSince = isFollowed ? undefined : (this.#staleSince ?? performance.now());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(request: Request): Readonly<T> | undefined {
    return this.#objects.get(requestKey(request));
  }

  list(): ReadonlyArray<Readonly<T>> {
    return [...this.#objects.values()];
  }

  /** The objects that have `value` in the index. Throws for an index that was not given at construction. */
  byIndex(index: string, value: string): ReadonlyArray<Readonly<T>> {
    const entries = this.#indexes.get(index);
    if (entries === undefined) throw new Error(`The store has no index "${index}".`);
    return [...(entries.get(value) ?? [])].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Calls `handler` on each change from now on, until the returned function is called. */
  onChange(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** As `onChange`, after a call with `added` for each object that is there already. */
  follow(handler: ChangeHandler<T>): () => void {
    for (const object of this.#objects.values()) this.#call(handler, { type: 'added', object });
    return this.onChange(handler);
  }

  /** Makes the store equal to a complete list; only true differences are told to the handlers. */
  replace(items: readonly T[]): void {
    const listed = new Set(items.map(keyOf));
    for (const [key, object] of this.#objects) if (!listed.has(key)) this.delete(object);
    for (const object of items) this.set(object);
    this.#isSynced = true;
    this.#firstReplace.resolve();
  }

  /** What the store keeps of an object; trimming it again changes nothing. */
  trimmed(object: T): T {
    return this.#guard('transform of a store threw', () => this.#options.transform?.(object)) ?? object;
  }

  /** Puts an object; the same resourceVersion again is no change. */
  set(received: T): void {
    const key = keyOf(received);
    const previous = this.#objects.get(key);
    const version = received.metadata?.resourceVersion;
    if (previous !== undefined && version !== undefined && previous.metadata?.resourceVersion === version) return;
    const object = this.trimmed(received);
    if (previous !== undefined) this.#unindex(key, previous);
    this.#objects.set(key, object);
    this.#eachIndexValue(object, (entries, value) => {
      const keys = entries.get(value) ?? new Set();
      entries.set(value, keys.add(key));
    });
    this.#tell(previous === undefined ? { type: 'added', object } : { type: 'updated', object, previous });
  }

  /** Removes the object of this name; handlers get the given, last state of it. */
  delete(object: T): void {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (previous === undefined) return;
    this.#unindex(key, previous);
    this.#objects.delete(key);
    this.#tell({ type: 'deleted', object });
  }

  #unindex(key: RequestKey, object: T): void {
    this.#eachIndexValue(object, (entries, value) => {
      const keys = entries.get(value);
      keys?.delete(key);
      if (keys?.size === 0) entries.delete(value);
    });
  }

  #eachIndexValue(object: T, visit: (entries: Map<string, Set<RequestKey>>, value: string) => void): void {
    for (const [name, entries] of this.#indexes) {
      const values = this.#guard('index of a store threw', () => this.#options.indexes?.[name]?.(object)) ?? [];
      for (const value of values) visit(entries, value);
    }
  }

  #tell(change: Change<T>): void {
    for (const handler of this.#handlers) this.#call(handler, change);
  }

  #call(handler: ChangeHandler<T>, change: Change<T>): void {
    this.#guard('change handler threw', () => handler(change));
  }

  #guard<R>(message: string, call: () => R): R | undefined {
    try {
      return call();
    } catch (error) {
      this.#options.log.error({ err: errorFields(error) }, message);
      return undefined;
    }
  }
}

function keyOf({ metadata }: StoredObject): RequestKey {
  if (metadata?.name === undefined) throw new Error('An object without metadata.name cannot be stored.');
  return requestKey({ namespace: metadata.namespace, name: metadata.name });
}
