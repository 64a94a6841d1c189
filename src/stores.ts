import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { IDENTITY_INDEXES } from './controllers/aws-federated-identity/watches.ts';
import type { KubernetesClient, ListQuery } from './kube/client.ts';
import { CONFIG_MAPS, type InjectionTable, TABLE_NAME } from './kube/injection-table.ts';
import {
  type AwsFederatedIdentity,
  type AwsOidcProvider,
  IDENTITIES,
  MANAGED_LABEL,
  PROVIDERS,
  SERVICE_ACCOUNTS,
} from './kube/kinds.ts';
import { type KubernetesResource, resourcePath, type ResourceType } from './kube/resource.ts';
import { ObjectStore, type ObjectStoreOptions } from './runtime/object-store.ts';
import { runReflector } from './runtime/reflector.ts';

/** What the operator knows of the cluster. */
export interface Stores {
  readonly providers: ObjectStore<AwsOidcProvider>;
  readonly identities: ObjectStore<AwsFederatedIdentity>;
  readonly serviceAccounts: ObjectStore<KubernetesResource>;
  readonly tables: ObjectStore<InjectionTable>;
}

export function createStores(log: Logger): Stores {
  const options = { log, transform: withoutManagedFields };
  const identityOptions: ObjectStoreOptions<AwsFederatedIdentity> = {
    log,
    transform: withoutManagedFields,
    indexes: IDENTITY_INDEXES,
  };
  return {
    providers: new ObjectStore<AwsOidcProvider>(options),
    identities: new ObjectStore(identityOptions),
    serviceAccounts: new ObjectStore<KubernetesResource>(options),
    tables: new ObjectStore<InjectionTable>(options),
  };
}

/** managedFields are half of a small object, and nobody here reads them. */
function withoutManagedFields<T extends KubernetesResource>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown }; // not in ObjectMeta
  return { ...object, metadata };
}

export interface Connection {
  readonly config: KubeConfig;
  readonly kubernetes: KubernetesClient;
  readonly log: Logger;
}

/** Keeps the stores as the API server has them, until the signal aborts. */
export async function followAll(connection: Connection, stores: Stores, signal: AbortSignal): Promise<void> {
  await Promise.all([
    follow(connection, PROVIDERS, stores.providers, {}, signal),
    follow(connection, IDENTITIES, stores.identities, {}, signal),
    follow(connection, CONFIG_MAPS, stores.tables, { fieldSelector: `metadata.name=${TABLE_NAME}` }, signal),
    follow(connection, SERVICE_ACCOUNTS, stores.serviceAccounts, { labelSelector: `${MANAGED_LABEL}=true` }, signal),
  ]);
}

// oxlint-disable-next-line max-params -- the last one is the signal, as everywhere
const follow = <T extends KubernetesResource>(
  { config, kubernetes, log }: Connection,
  type: ResourceType,
  store: ObjectStore<T>,
  query: ListQuery & Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> =>
  runReflector<T>(
    {
      config,
      path: resourcePath(type),
      query,
      store,
      log,
      list: (limited) => kubernetes.list<T>(type, query, limited),
    },
    signal,
  );
