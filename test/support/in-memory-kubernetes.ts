import { isDeepStrictEqual } from 'node:util';
import type { KubernetesClient, PageQuery } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { type KubernetesResource, nameOf, type ObjectName, type ResourceType } from '../../src/kube/resource.ts';

export interface InMemoryKubernetes {
  readonly client: KubernetesClient;
  /** Writes that took effect, in their order, as `apply ServiceAccount reports`; TokenRequests are not among them. */
  readonly writes: string[];
  /** Documents that are no objects, by their path. */
  readonly paths: Map<string, unknown>;
  /** Errors that the next call of a write throws, by its line in `writes`. */
  readonly refusals: Map<string, Error>;
  read<T extends KubernetesResource>(type: ResourceType, name: ObjectName): T | undefined;
  all<T extends KubernetesResource>(type: ResourceType): readonly T[];
  put<T extends KubernetesResource>(type: ResourceType, object: T): void;
}

const keyOf = ({ kind }: ResourceType, { namespace = '', name }: ObjectName): string => `${kind}/${namespace}/${name}`;

/**
 * A few objects and the operator's writes to them. Server-side apply is its essence for one manager: the operator's
 * earlier fields that it no longer names go. An object whose last finalizer goes, goes too.
 */
export function inMemoryKubernetes(): InMemoryKubernetes {
  const objects = new Map<string, KubernetesResource>();
  const applied = new Map<string, KubernetesResource>();
  const writes: string[] = [];
  const paths = new Map<string, unknown>();
  const refusals = new Map<string, Error>();
  let version = 100;

  const set = (type: ResourceType, object: KubernetesResource): void =>
    void objects.set(keyOf(type, nameOf(object)), object);
  const put = <T extends KubernetesResource>(type: ResourceType, object: T): void => {
    set(type, object);
    applied.set(keyOf(type, nameOf(object)), { metadata: operatorsPart(object) });
  };
  const read = <T extends KubernetesResource>(type: ResourceType, name: ObjectName): T | undefined =>
    objects.get(keyOf(type, name)) as T | undefined; // the tests put what they read
  const found = <T extends KubernetesResource>(type: ResourceType, name: ObjectName): T => {
    const object = read<T>(type, name);
    if (object === undefined) throw new ApiError(404, 'NotFound', `${type.plural} "${name.name}" not found`);
    return object;
  };
  const write = (verb: string, { kind }: ResourceType, { name }: ObjectName): void => {
    const line = `${verb} ${kind} ${name}`;
    const refusal = refusals.get(line);
    refusals.delete(line);
    if (refusal !== undefined) throw refusal;
    writes.push(line);
  };
  const store = <T extends KubernetesResource>(
    type: ResourceType,
    before: KubernetesResource | undefined,
    object: T,
  ): T => {
    version += 1;
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    const uid = before?.metadata.uid ?? object.metadata.uid ?? `uid-${version}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } };
    if (deletionTimestamp !== undefined && finalizers.length === 0) objects.delete(keyOf(type, nameOf(object)));
    else set(type, stored);
    return stored;
  };

  const client: KubernetesClient = {
    get: async (type, name) => found(type, name),
    getPath: async (path) => {
      if (!paths.has(path)) throw new ApiError(404, 'NotFound', `the server could not find ${path}`);
      return paths.get(path);
    },
    list: async <T extends KubernetesResource>(type: ResourceType) => ({ items: all<T>(type), resourceVersion: '1' }),
    pages: async function* <T extends KubernetesResource>(type: ResourceType, { namespace }: PageQuery) {
      const items = all<T>(type).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
      yield { items, resourceVersion: '1' };
    },
    create: async (type, object) => {
      write('create', type, nameOf(object));
      if (read(type, nameOf(object)) !== undefined) throw new ApiError(409, 'AlreadyExists', 'already exists');
      return store(type, undefined, object);
    },
    tryCreate: async (_type, object) => object,
    apply: async (type, object) => {
      write('apply', type, nameOf(object));
      const key = keyOf(type, nameOf(object));
      const before = objects.get(key);
      if (before === undefined && object.metadata.uid !== undefined)
        throw new ApiError(409, 'Conflict', 'uid mismatch: the object is gone');
      const merged = { ...before, ...object, metadata: mergedMetadata(before, applied.get(key), object) };
      applied.set(key, object);
      return store(type, before, merged);
    },
    applyStatus: async (type, object) => {
      write('applyStatus', type, nameOf(object));
      const before = found<typeof object>(type, nameOf(object));
      return store(type, before, { ...object, ...before, status: 'status' in object ? object.status : undefined });
    },
    mergePatch: async (type, name, patch) => {
      const before = found(type, name);
      const { resourceVersion } = before.metadata;
      const seen = 'metadata' in patch ? (patch.metadata as Metadata) : {}; // a patch of an object
      if (seen.resourceVersion !== undefined && seen.resourceVersion !== resourceVersion)
        throw new ApiError(409, 'Conflict', 'the object has been modified');
      write('mergePatch', type, name);
      store(type, before, mergePatched(before, patch) as KubernetesResource); // a patch of an object is an object
    },
    delete: async (type, name, preconditions) => {
      const { uid, resourceVersion } = found(type, name).metadata;
      write('delete', type, name);
      const seen = { uid, resourceVersion, ...preconditions };
      if (!isDeepStrictEqual(seen, { uid, resourceVersion }))
        throw new ApiError(409, 'Conflict', 'precondition failed');
      objects.delete(keyOf(type, name));
    },
    createSubresource: async <T>(_type: ResourceType, { namespace, name }: ObjectName, request: object) => {
      const { spec } = request as { readonly spec: { readonly audiences: readonly string[] } }; // a TokenRequest
      const answer: unknown = { status: { token: `token of ${namespace}/${name} for ${spec.audiences.join()}` } };
      return answer as T; // the caller names the shape
    },
  };
  const all = <T extends KubernetesResource>(type: ResourceType): readonly T[] =>
    [...objects].filter(([key]) => key.startsWith(`${type.kind}/`)).map(([, object]) => object as T); // as above
  return { client, writes, paths, refusals, read, all, put };
}

type Metadata = KubernetesResource['metadata'];

/** What the operator must have applied earlier to an object that a test starts with. */
function operatorsPart({ metadata: { finalizers = [], labels = {} } }: KubernetesResource): Metadata {
  const ours = Object.entries(labels).filter(([key]) => key.startsWith('federatedidentity.dev/'));
  return { finalizers, labels: Object.fromEntries(ours) };
}

function mergedMetadata(
  before: KubernetesResource | undefined,
  last: KubernetesResource | undefined,
  { metadata }: KubernetesResource,
): Metadata {
  const old = before?.metadata ?? {};
  const map = (field: 'labels' | 'annotations'): Readonly<Record<string, string>> => {
    const theirs = Object.entries(old[field] ?? {}).filter(([key]) => !(key in (last?.metadata[field] ?? {})));
    return { ...Object.fromEntries(theirs), ...metadata[field] };
  };
  const theirs = (old.finalizers ?? []).filter((one) => !(last?.metadata.finalizers ?? []).includes(one));
  return {
    ...old,
    ...metadata,
    labels: map('labels'),
    annotations: map('annotations'),
    finalizers: [...new Set([...theirs, ...(metadata.finalizers ?? [])])],
  };
}

/** RFC 7386. */
function mergePatched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged = new Map(typeof target === 'object' && target !== null ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatched(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
