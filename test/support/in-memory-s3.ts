import type { BucketObjects, FoundObject, NewObject, ObservedObject } from '../../src/s3/bucket-objects.ts';

export interface InMemoryBucket {
  readonly objects: BucketObjects;
  readonly state: Map<string, FoundObject>;
  /** Calls in their order, as `PutObject openid/v1/jwks`. */
  readonly operations: string[];
  /** Errors that the next call throws, by its line in `operations`. */
  readonly refusals: Map<string, Error>;
  /** Runs once, before the next write takes effect: another writer. */
  meanwhile: (() => void) | undefined;
  /** Whether missing keys are told from denied ones. */
  mayList: boolean;
  /** Adds a listener, which is told of each write that has taken effect. */
  onWrite(listener: (operation: string) => void): void;
}

/** A bucket as S3 keeps it, with its conditional writes. */
export function inMemoryBucket(): InMemoryBucket {
  const state = new Map<string, FoundObject>();
  const operations: string[] = [];
  const refusals = new Map<string, Error>();
  const listeners = new Set<(operation: string) => void>();
  let version = 0;
  const called = (operation: string): void => {
    operations.push(operation);
    const refusal = refusals.get(operation);
    refusals.delete(operation);
    if (refusal !== undefined) throw refusal;
  };
  const wrote = (operation: string): void => {
    for (const listener of listeners) listener(operation);
  };
  const interrupt = (): void => {
    const work = bucket.meanwhile;
    bucket.meanwhile = undefined;
    work?.();
  };
  const bucket: InMemoryBucket = {
    state,
    operations,
    refusals,
    meanwhile: undefined,
    mayList: true,
    onWrite: (listener) => void listeners.add(listener),
    objects: {
      get: async (key): Promise<ObservedObject> => {
        called(`GetObject ${key}`);
        return state.get(key) ?? { kind: bucket.mayList ? 'absent' : 'hidden' };
      },
      put: async (key, object, precondition) => {
        called(`PutObject ${key}`);
        interrupt();
        const etag = state.get(key)?.etag;
        if (etag !== (precondition.kind === 'absent' ? undefined : precondition.etag)) return 'changed';
        version += 1;
        state.set(key, foundObject(object, `"${version}"`));
        wrote(`PutObject ${key}`);
        return 'written';
      },
      delete: async (key, etag) => {
        called(`DeleteObject ${key}`);
        interrupt();
        if (state.get(key)?.etag !== etag) return 'changed';
        state.delete(key);
        wrote(`DeleteObject ${key}`);
        return 'deleted';
      },
    },
  };
  return bucket;
}

/** An object as it would be read. */
export const foundObject = (object: Partial<NewObject> & { readonly body: string }, etag = '"0"'): FoundObject => ({
  kind: 'found',
  etag,
  contentType: 'application/json',
  cacheControl: 'public, max-age=300',
  metadata: {},
  ...object,
});
