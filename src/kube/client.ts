import { createConfiguration, HttpMethod, type KubeConfig, RequestContext, Watch } from '@kubernetes/client-node';
import { deadline } from '../runtime/abort.ts';
import { ApiError } from './errors.ts';
import { type KubernetesResource, nameOf, type ObjectName, resourcePath, type ResourceType } from './resource.ts';

/** The operator's name in managedFields. Only fields under this name are the operator's. */
const FIELD_MANAGER = 'federatedidentity.dev/operator';

/** What the operator does with the API server, for any kind. Failures are ApiErrors or network errors. */
export interface KubernetesClient {
  get<T extends KubernetesResource>(type: ResourceType, name: ObjectName, signal: AbortSignal): Promise<T>;
  /** What the API server answers below a path that is no resource, such as /openid/v1/jwks: JSON of any shape. */
  getPath(path: string, signal: AbortSignal): Promise<unknown>;
  /** All objects, in pages of 500. */
  list<T extends KubernetesResource>(type: ResourceType, query: ListQuery, signal: AbortSignal): Promise<ObjectList<T>>;
  /** As `list`, page by page, for collections that are too large to be held. */
  pages<T extends KubernetesResource>(
    type: ResourceType,
    query: PageQuery,
    signal: AbortSignal,
  ): AsyncIterable<ObjectList<T>>;
  create<T extends KubernetesResource>(type: ResourceType, object: T, signal: AbortSignal): Promise<T>;
  /** What `create` would make of it, after admission; nothing is stored. */
  tryCreate<T extends KubernetesResource>(type: ResourceType, object: T, signal: AbortSignal): Promise<T>;
  /** Server-side apply under the client's field manager; never forced, so that a conflict is seen. */
  apply<T extends KubernetesResource>(type: ResourceType, object: T, signal: AbortSignal): Promise<T>;
  /** The same for the status, but forced: it is the operator's alone, and what somebody else wrote there must not stay (KEP-555). */
  applyStatus<T extends KubernetesResource>(type: ResourceType, object: T, signal: AbortSignal): Promise<T>;
  /** JSON merge patch: null removes a key. */
  mergePatch(type: ResourceType, name: ObjectName, patch: object, signal: AbortSignal): Promise<void>;
  /** Deletes only the very object that was seen: another UID or resourceVersion is a conflict. */
  delete(type: ResourceType, name: ObjectName, preconditions: Preconditions, signal: AbortSignal): Promise<void>;
  /** POST to a subresource, for example `token` of a ServiceAccount. */
  createSubresource<T>(
    type: ResourceType,
    name: ObjectName,
    subresource: object & { readonly path: string },
    signal: AbortSignal,
  ): Promise<T>;
}

export interface ListQuery {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface PageQuery extends ListQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** True: of each object only its metadata leaves the API server. */
  readonly metadataOnly?: boolean;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

const PAGE_SIZE = 500;
/** The API server's own limit for requests that are no watch. */
const REQUEST_TIMEOUT_MS = 30_000;

const APPLY = 'application/apply-patch+yaml';
const MERGE_PATCH = 'application/merge-patch+json';
const JSON_BODY = 'application/json';
/** PartialObjectMetadata, KEP-2334; `v` is the version of meta.k8s.io, not of the kind. */
const metadataAs = (kind: string): string => `${JSON_BODY};as=${kind};g=meta.k8s.io;v=v1`;

/** `fieldManager` owns what this client writes: the operator, or the person at a terminal. */
export function kubernetesClient(config: KubeConfig, fieldManager = FIELD_MANAGER): KubernetesClient {
  const send = sender(config);
  const apply = <T extends KubernetesResource>(
    type: ResourceType,
    object: T,
    { subresource, force }: { readonly subresource: '' | '/status'; readonly force: boolean },
    signal: AbortSignal,
  ): Promise<T> => {
    const query = `fieldManager=${encodeURIComponent(fieldManager)}${force ? '&force=true' : ''}`;
    const path = `${resourcePath(type, nameOf(object))}${subresource}?${query}`;
    const body = { ...object, apiVersion: type.apiVersion, kind: type.kind };
    return send<T>({ method: HttpMethod.PATCH, path, body, contentType: APPLY, signal });
  };
  const create = <T extends KubernetesResource>(
    type: ResourceType,
    object: T,
    mode: '' | '&dryRun=All',
    signal: AbortSignal,
  ): Promise<T> => {
    const { namespace } = nameOf(object);
    const path = `${resourcePath(type, { namespace })}?fieldManager=${encodeURIComponent(fieldManager)}${mode}`;
    const body = { ...object, apiVersion: type.apiVersion, kind: type.kind };
    return send<T>({ method: HttpMethod.POST, path, body, contentType: JSON_BODY, signal });
  };
  return {
    get: (type, name, signal) => send({ method: HttpMethod.GET, path: resourcePath(type, name), signal }),
    getPath: (path, signal) => send({ method: HttpMethod.GET, path, accept: `${JSON_BODY}, */*`, signal }),
    list: (type, query, signal) => listPages((request) => send({ ...request, signal }), type, query),
    pages: (type, { metadataOnly = false, ...query }, signal) => {
      const accept = metadataOnly ? metadataAs('PartialObjectMetadataList') : JSON_BODY;
      return pagesOf((request) => send({ ...request, accept, signal }), type, query);
    },
    create: (type, object, signal) => create(type, object, '', signal),
    tryCreate: (type, object, signal) => create(type, object, '&dryRun=All', signal),
    apply: (type, object, signal) => apply(type, object, { subresource: '', force: false }, signal),
    applyStatus: (type, object, signal) => apply(type, object, { subresource: '/status', force: true }, signal),
    mergePatch: async (type, name, body, signal) => {
      const path = `${resourcePath(type, name)}?fieldManager=${encodeURIComponent(fieldManager)}`;
      await send({ method: HttpMethod.PATCH, path, body, contentType: MERGE_PATCH, signal });
    },
    delete: async (type, name, preconditions, signal) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
      await send({ method: HttpMethod.DELETE, path: resourcePath(type, name), body, contentType: JSON_BODY, signal });
    },
    createSubresource: (type, name, { path, ...body }, signal) =>
      send({
        method: HttpMethod.POST,
        path: `${resourcePath(type, name)}/${path}`,
        body,
        contentType: JSON_BODY,
        signal,
      }),
  };
}

interface ApiRequest {
  readonly method: HttpMethod;
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal: AbortSignal;
}

type Send = <T>(request: ApiRequest) => Promise<T>;

/** client-node brings authentication, TLS and proxies; this adds what its generated API lacks: a signal for each request. */
function sender(config: KubeConfig): Send {
  const { httpApi } = createConfiguration();
  return async <T>({ method, path, body, contentType, accept = JSON_BODY, signal }: ApiRequest): Promise<T> => {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig has no current cluster: set KUBECONFIG or a current-context');
    const context = new RequestContext(`${cluster.server}${path}`, method);
    context.setHeaderParam('Accept', accept);
    if (contentType !== undefined) context.setHeaderParam('Content-Type', contentType);
    if (body !== undefined) context.setBody(JSON.stringify(body));
    using limit = deadline(REQUEST_TIMEOUT_MS, signal);
    context.setSignal(limit.signal);
    await config.applySecurityAuthentication(context);
    const response = await httpApi.send(context).toPromise();
    const text = await response.body.text();
    if (response.httpStatusCode < 200 || response.httpStatusCode > 299) {
      throw apiError(response.httpStatusCode, text, response.headers['retry-after']);
    }
    const parsed: T = JSON.parse(text); // the API server has validated it against the kind's schema
    return parsed;
  };
}

function apiError(code: number, text: string, retryAfter: string | undefined): ApiError {
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter !== undefined && seconds >= 0 ? seconds * 1000 : undefined;
  try {
    const { reason = '', message = '' }: { reason?: string; message?: string } = JSON.parse(text);
    return new ApiError(code, reason, message, retryAfterMs);
  } catch {
    return new ApiError(code, '', `HTTP ${code}`, retryAfterMs); // a proxy answered, not the API server
  }
}

type SendGet = <P>(request: Pick<ApiRequest, 'method' | 'path'>) => Promise<P>;

async function listPages<T extends KubernetesResource>(
  send: SendGet,
  type: ResourceType,
  selectors: ListQuery,
): Promise<ObjectList<T>> {
  const items: T[] = [];
  let resourceVersion = '';
  for await (const page of pagesOf<T>(send, type, selectors)) {
    items.push(...page.items);
    ({ resourceVersion } = page);
  }
  return { items, resourceVersion };
}

async function* pagesOf<T extends KubernetesResource>(
  send: SendGet,
  type: ResourceType,
  { namespace, ...selectors }: Omit<PageQuery, 'metadataOnly'>,
): AsyncGenerator<ObjectList<T>> {
  let token = '';
  do {
    const query = new URLSearchParams({ ...selectors, limit: String(PAGE_SIZE) });
    if (token !== '') query.set('continue', token);
    const page: { items: T[] | null; metadata: { resourceVersion: string; continue?: string } } = await send({
      method: HttpMethod.GET,
      path: `${resourcePath(type, { namespace })}?${query}`,
    });
    // An empty list of metadata only has no list at all.
    yield { items: page.items ?? [], resourceVersion: page.metadata.resourceVersion };
    token = page.metadata.continue ?? '';
  } while (token !== '');
}

/** The watch of client-node, except that of each object only its metadata leaves the API server. */
export function metadataWatch(config: KubeConfig): Watch {
  const applySecurityAuthentication = async (context: RequestContext): Promise<void> => {
    await config.applySecurityAuthentication(context);
    context.setHeaderParam('Accept', metadataAs('PartialObjectMetadata'));
  };
  const asking: KubeConfig = Object.create(config, {
    applySecurityAuthentication: { value: applySecurityAuthentication },
  });
  return new Watch(asking);
}
