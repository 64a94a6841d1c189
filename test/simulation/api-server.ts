import { isDeepStrictEqual } from 'node:util';
import type { KubernetesClient } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { CONFIG_MAPS } from '../../src/kube/injection-table.ts';
import { IDENTITIES, PROVIDERS, SERVICE_ACCOUNTS } from '../../src/kube/kinds.ts';
import { type KubernetesResource, nameOf, type ObjectName, type ResourceType } from '../../src/kube/resource.ts';
import type { Jwk } from '../../src/oidc/published-keys.ts';
import { ISSUER } from '../support/builders.ts';
import type { Line } from './network.ts';
import { applied, Ownership } from './server-side-apply.ts';

export const WATCHED = [PROVIDERS, IDENTITIES, CONFIG_MAPS, SERVICE_ACCOUNTS] as const;
type Author = 'operator' | 'user' | 'garbage-collector';

export interface Commit {
  readonly kind: string;
  readonly type: 'set' | 'deleted';
  readonly object: KubernetesResource;
  readonly previous: KubernetesResource | undefined;
  readonly author: Author;
}

type Draft = KubernetesResource & { readonly spec?: unknown; readonly status?: unknown; readonly data?: unknown };

const keyOf = ({ kind }: ResourceType, { namespace = '', name }: ObjectName): string => `${kind}/${namespace}/${name}`;

const isGoing = ({ metadata: { deletionTimestamp, finalizers = [] } }: KubernetesResource): boolean =>
  deletionTimestamp !== undefined && finalizers.length === 0;

const versionOf = (object: KubernetesResource | undefined): { readonly resourceVersion?: string } => {
  const { resourceVersion } = object?.metadata ?? {};
  return resourceVersion === undefined ? {} : { resourceVersion };
};

const bareOf = ({ metadata: { namespace, name = '' } }: KubernetesResource): Draft => ({
  metadata: namespace === undefined ? { name } : { namespace, name },
});

const notFound = ({ plural }: ResourceType, { name }: ObjectName): ApiError =>
  new ApiError(404, 'NotFound', `${plural} "${name}" not found`);

/** A public key of the cluster. */
export const signingKey = (kid: string): Jwk => ({ kid, kty: 'RSA', alg: 'RS256', use: 'sig', n: 'AQ', e: 'AQAB' });

/** The objects of a cluster with the rules of an API server that the operator rests on. */
export class ApiServer {
  readonly #now: () => Date;
  readonly #objects = new Map<string, Draft>();
  readonly #ownership = new Map<string, Ownership>();
  readonly #listeners = new Set<(commit: Commit) => void>();
  #version = 100;
  #uids = 0;
  /** Public keys of those that verify tokens, as it serves them. */
  keys: readonly Jwk[] = [signingKey('k1')];

  constructor(now: () => Date) {
    this.#now = now;
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  read<T extends KubernetesResource>(type: ResourceType, name: ObjectName): T | undefined {
    return this.#objects.get(keyOf(type, name)) as T | undefined; // who asks knows what a kind looks like
  }

  all<T extends KubernetesResource>({ kind }: ResourceType): readonly T[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${kind}/`)).map(([, object]) => object as T); // as above
  }

  /** POST. Conflicts where the name is taken. */
  create(type: ResourceType, object: Draft, author: Author): Draft {
    if (this.read(type, nameOf(object)) !== undefined) throw new ApiError(409, 'AlreadyExists', 'already exists');
    this.#uids += 1;
    const metadata = {
      ...object.metadata,
      uid: `uid-${this.#uids}`,
      creationTimestamp: `${this.#now().toISOString().slice(0, 19)}Z`,
      ...(object.spec === undefined ? {} : { generation: 1 }),
    };
    if (author === 'user') this.#owners(type, object).seize(undefined, object);
    return this.#commit(type, { ...object, metadata }, author);
  }

  /** What a person does with kubectl edit: takes over every field that it changes. */
  edit(type: ResourceType, name: ObjectName, change: (object: Draft) => Draft): void {
    const before = this.read<Draft>(type, name);
    if (before === undefined) return;
    const after = change(before);
    this.#owners(type, before).seize(before, after);
    this.#commit(type, after, 'user');
  }

  apply(type: ResourceType, object: Draft): Draft {
    const before = this.read<Draft>(type, nameOf(object));
    const { uid } = object.metadata;
    if (uid !== undefined && before?.metadata.uid !== uid) throw new ApiError(409, 'Conflict', 'uid mismatch');
    const owners = this.#owners(type, object);
    const merged = applied<Draft>(before ?? bareOf(object), object, owners);
    return before === undefined ? this.create(type, merged, 'operator') : this.#commit(type, merged, 'operator');
  }

  applyStatus(type: ResourceType, { metadata, status }: Draft): Draft {
    const before = this.read<Draft>(type, nameOf({ metadata }));
    if (before === undefined) throw notFound(type, nameOf({ metadata }));
    if (metadata.uid !== before.metadata.uid) throw new ApiError(409, 'Conflict', 'uid mismatch');
    return this.#commit(type, { ...before, status }, 'operator');
  }

  mergePatch(type: ResourceType, name: ObjectName, patch: object, author: Author): void {
    const before = this.read<Draft>(type, name);
    if (before === undefined) throw notFound(type, name);
    const { uid, resourceVersion }: KubernetesResource['metadata'] =
      'metadata' in patch ? { ...(patch.metadata as object) } : {};
    if (uid !== undefined && uid !== before.metadata.uid) throw new ApiError(409, 'Conflict', 'uid mismatch');
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion)
      throw new ApiError(409, 'Conflict', 'the object has been modified');
    this.#commit(type, mergePatched(before, patch) as Draft, author); // a patch of an object is an object
  }

  delete(
    type: ResourceType,
    name: ObjectName,
    seen: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
    author: Author,
  ): void {
    const before = this.read<Draft>(type, name);
    if (before === undefined) throw notFound(type, name);
    const { uid, resourceVersion } = before.metadata;
    if (!isDeepStrictEqual({ uid, resourceVersion, ...seen }, { uid, resourceVersion }))
      throw new ApiError(409, 'Conflict', 'precondition failed');
    if (before.metadata.deletionTimestamp !== undefined) return;
    const generation = before.metadata.generation;
    const metadata = {
      ...before.metadata,
      deletionTimestamp: this.#now().toISOString(),
      ...(generation === undefined ? {} : { generation: generation + 1 }),
    };
    this.#commit(type, { ...before, metadata }, author);
  }

  #owners(type: ResourceType, object: KubernetesResource): Ownership {
    const key = keyOf(type, nameOf(object));
    const owners = this.#ownership.get(key) ?? new Ownership();
    this.#ownership.set(key, owners);
    return owners;
  }

  #commit(type: ResourceType, wanted: Draft, author: Author): Draft {
    const key = keyOf(type, nameOf(wanted));
    const previous = this.#objects.get(key);
    if (previous !== undefined && isDeepStrictEqual(previous, wanted)) return previous;
    this.#version += 1;
    const { generation = 0 } = wanted.metadata;
    const isNewSpec = previous !== undefined && !isDeepStrictEqual(previous.spec, wanted.spec);
    const metadata = {
      ...wanted.metadata,
      resourceVersion: String(this.#version),
      ...(isNewSpec ? { generation: generation + 1 } : {}),
    };
    const object = { ...wanted, metadata };
    const isDeleted = isGoing(object);
    if (isDeleted) {
      this.#objects.delete(key);
      this.#ownership.delete(key);
    } else this.#objects.set(key, object);
    const commit: Commit = { kind: type.kind, type: isDeleted ? 'deleted' : 'set', object, previous, author };
    for (const listener of this.#listeners) listener(commit);
    return isDeleted ? { ...object, metadata: { ...metadata, ...versionOf(previous) } } : object; // as the real one answers
  }
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

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** The API server as one process of the operator reaches it. */
export function clientOf(api: ApiServer, line: Line): KubernetesClient {
  const call = <T>(verb: string, { kind }: ResourceType, effect: () => unknown, signal: AbortSignal): Promise<T> =>
    line.send({ target: 'api', operation: `${verb} ${kind}`, effect: () => effect() as T }, signal); // the caller names the shape
  const get = (type: ResourceType, name: ObjectName): KubernetesResource => {
    const found = api.read(type, name);
    if (found === undefined) throw notFound(type, name);
    return found;
  };
  const unused = (): never => {
    throw new Error('The reconcile core does not call this.');
  };
  return {
    get: (type, name, signal) => call('get', type, () => get(type, name), signal),
    list: (type, _query, signal) => call('list', type, () => ({ items: api.all(type), resourceVersion: '1' }), signal),
    getPath: (path, signal) =>
      line.send({ target: 'api', operation: `get ${path}`, effect: () => ({ keys: api.keys }) }, signal), // only the keys are asked for so
    pages: unused,
    tryCreate: unused,
    create: (type, object, signal) => call('create', type, () => api.create(type, object, 'operator'), signal),
    apply: (type, object, signal) => call('apply', type, () => api.apply(type, object), signal),
    applyStatus: (type, object, signal) => call('applyStatus', type, () => api.applyStatus(type, object), signal),
    mergePatch: (type, name, patch, signal) =>
      call('mergePatch', type, () => api.mergePatch(type, name, patch, 'operator'), signal),
    delete: (type, name, seen, signal) => call('delete', type, () => api.delete(type, name, seen, 'operator'), signal),
    createSubresource: (type, name, request, signal) =>
      call('token', type, () => tokenOf(get(type, name), request), signal),
  };
}

function tokenOf({ metadata: { namespace, name } }: KubernetesResource, request: object): object {
  const { spec } = request as { readonly spec: { readonly audiences: readonly string[] } }; // a TokenRequest
  const payload = { iss: ISSUER, sub: `system:serviceaccount:${namespace}:${name}`, aud: spec.audiences[0] };
  return { status: { token: `${encode({ alg: 'RS256', kid: 'k1' })}.${encode(payload)}.sig` } };
}
