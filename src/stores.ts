import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { IDENTITY_INDEXES } from './controllers/aws-federated-identity/watches.ts';
import { annotatedIndex } from './controllers/annotated-service-account/watches.ts';
import { type KubernetesClient, type ListQuery, metadataWatch, type ObjectList } from './kube/client.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from './kube/injection-table.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  IDENTITIES,
  NAMESPACES,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from './kube/kinds.ts';
import { type KubernetesResource, resourcePath, type ResourceType } from './kube/resource.ts';
import { NOT_ENDED, PODS } from './kube/pods.ts';
import { ObjectStore, type ObjectStoreOptions } from './runtime/object-store.ts';
import { runReflector } from './runtime/reflector.ts';
import { TextPool } from './text-pool.ts';

/** What the operator knows of the cluster. */
export interface Stores {
  readonly providers: ObjectStore<AwsOidcProvider>;
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  /** All of the cluster, only their metadata. */
  readonly serviceAccounts: ObjectStore<KubernetesResource>;
  readonly tables: ObjectStore<InjectionTable>;
  /** Those of the cluster that have not ended, only their names and UIDs. */
  readonly pods: ObjectStore<KubernetesResource>;
  /** All of the cluster, only their labels. */
  readonly namespaces: ObjectStore<KubernetesResource>;
}

export function createStores(log: Logger, annotationPrefix: string): Stores {
  const options = { log, transform: withoutHistory };
  const texts = new TextPool();
  const identityOptions: ObjectStoreOptions<AwsFederatedIdentity> = {
    log,
    transform: (identity) => sharing(texts, withoutHistory(identity)),
    indexes: IDENTITY_INDEXES,
  };
  return {
    providers: new ObjectStore<AwsOidcProvider>(options),
    identities: new ObjectStore(identityOptions),
    serviceAccounts: new ObjectStore<KubernetesResource>({
      log,
      transform: (account) => sharing(texts, { metadata: withoutHistory(account).metadata }),
      indexes: annotatedIndex(annotationPrefix),
    }),
    tables: new ObjectStore<InjectionTable>(options),
    pods: new ObjectStore<KubernetesResource>({ log, transform: nameOnly }),
    namespaces: new ObjectStore<KubernetesResource>({ log, transform: labelsOnly }),
  };
}

/** managedFields and what kubectl applied last are more than the rest of a small object, and nobody here reads them. */
function withoutHistory<T extends KubernetesResource>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown }; // not in ObjectMeta
  if (metadata.annotations === undefined) return { ...object, metadata };
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...annotations } = metadata.annotations;
  return { ...object, metadata: { ...metadata, annotations } };
}

function sharing<T>(texts: TextPool, object: T): T {
  texts.share(object);
  return object;
}

/** Of pods there are tens of thousands. */
const nameOnly = ({ metadata: { namespace, name, uid } }: KubernetesResource): KubernetesResource => ({
  metadata: { ...(namespace && { namespace }), ...(name && { name }), ...(uid && { uid }) },
});

const labelsOnly = ({ metadata: { name, labels } }: KubernetesResource): KubernetesResource => ({
  metadata: { ...(name && { name }), ...(labels && { labels }) },
});

export interface Connection {
  readonly config: KubeConfig;
  readonly kubernetes: KubernetesClient;
  readonly log: Logger;
}

/** Keeps the stores as the API server has them, until the signal aborts. */
export async function followAll(connection: Connection, stores: Stores, signal: AbortSignal): Promise<void> {
  const { providers, identities, serviceAccounts, tables, pods, namespaces } = stores;
  const ofTables = { fieldSelector: `metadata.name=${TABLE_NAME}` };
  // A pod that ends leaves the selection, and so the store.
  const notEnded = { fieldSelector: NOT_ENDED };
  await Promise.all([
    follow(connection, PROVIDERS, { store: providers }, signal),
    follow(connection, IDENTITIES, { store: identities }, signal),
    follow(connection, CONFIG_MAPS, { store: tables, query: ofTables }, signal),
    follow(connection, SERVICE_ACCOUNTS, { store: serviceAccounts, metadataOnly: true }, signal),
    follow(connection, NAMESPACES, { store: namespaces, metadataOnly: true }, signal),
    follow(connection, PODS, { store: pods, query: notEnded, metadataOnly: true }, signal),
  ]);
}

export interface Followed<T extends KubernetesResource> {
  readonly store: ObjectStore<T>;
  readonly query?: ListQuery & Readonly<Record<string, string>>;
  /** Whether no more than the metadata of each object leaves the API server. */
  readonly metadataOnly?: boolean;
}

/** Keeps one store as the API server has it, until the signal aborts. */
export async function follow<T extends KubernetesResource>(
  { config, kubernetes, log }: Connection,
  type: ResourceType,
  { store, query = {}, metadataOnly = false }: Followed<T>,
  signal: AbortSignal,
): Promise<void> {
  const list = async (limited: AbortSignal): Promise<ObjectList<T>> => {
    const items: T[] = [];
    let resourceVersion = '';
    for await (const page of kubernetes.pages<T>(type, { ...query, metadataOnly }, limited)) {
      // What is not kept goes page by page, so that a list never needs the memory of all that was sent.
      for (const item of page.items) items.push(store.trimmed(item));
      ({ resourceVersion } = page);
    }
    return { items, resourceVersion };
  };
  const watch = metadataOnly ? { watch: metadataWatch(config) } : {};
  await runReflector<T>({ config, path: resourcePath(type), query, store, log, list, ...watch }, signal);
}
