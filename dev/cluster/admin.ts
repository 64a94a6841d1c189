import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiException, CoreV1Api, KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { writeKubeconfig } from './kubeconfig.ts';

const TOKEN_SECONDS = 86_400;
const NAMESPACE_PATIENCE_MS = 20_000;

/**
 * What every cluster of ours has beyond a bare API server: anonymous access to the issuer's discovery document and
 * keys, as on a cluster that federates with AWS, and the ServiceAccount that a pod runs as by default.
 */
export async function prepareCluster(kubeconfig: string): Promise<void> {
  const config = load(kubeconfig);
  await Promise.all([allowAnonymousDiscovery(config), createDefaultServiceAccount(config)]);
}

/**
 * Writes a kubeconfig into `folder` that acts as the ServiceAccount "namespace/name" and returns its path. Throws
 * when the ServiceAccount does not exist.
 */
export async function writeServiceAccountKubeconfig(
  kubeconfig: string,
  serviceAccount: string,
  folder: string,
): Promise<string> {
  const [namespace = '', name = ''] = serviceAccount.split('/');
  const config = load(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const spec = { audiences: [], expirationSeconds: TOKEN_SECONDS }; // no audience: the API server's own
  const { status } = await core
    .createNamespacedServiceAccountToken({ namespace, name, body: { spec } })
    .catch((error: unknown) => {
      throw new Error(`no token for ServiceAccount ${serviceAccount}: ${describe(error)}`, { cause: error });
    });
  if (status?.token === undefined) throw new Error(`the API server gave no token for ${serviceAccount}`);
  const file = join(folder, `kubeconfig-${namespace}-${name}`);
  await writeKubeconfig(file, {
    url: serverUrl(kubeconfig),
    caCertificate: certificateAuthority(kubeconfig),
    user: `${namespace}-${name}`,
    credentials: { kind: 'token', token: status.token },
  });
  return file;
}

/** PEM of the certificate authority in a kubeconfig with inline data. */
export function certificateAuthority(kubeconfig: string): string {
  return Buffer.from(load(kubeconfig).getCurrentCluster()?.caData ?? '', 'base64').toString();
}

/** Address of the API server in a kubeconfig. */
export function serverUrl(kubeconfig: string): string {
  return load(kubeconfig).getCurrentCluster()?.server ?? '';
}

function load(kubeconfig: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  return config;
}

async function allowAnonymousDiscovery(config: KubeConfig): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const body = {
    metadata: { name: 'anonymous-issuer-discovery' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'system:service-account-issuer-discovery' },
    subjects: [{ apiGroup, kind: 'Group', name: 'system:unauthenticated' }],
  };
  await ignoreExisting(config.makeApiClient(RbacAuthorizationV1Api).createClusterRoleBinding({ body }));
}

/** The API server makes the namespace `default` a moment after it is ready. */
async function createDefaultServiceAccount(config: KubeConfig): Promise<void> {
  const core = config.makeApiClient(CoreV1Api);
  const namespace = 'default';
  const giveUpAt = Date.now() + NAMESPACE_PATIENCE_MS;
  for (;;) {
    try {
      await ignoreExisting(core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'default' } } }));
      return;
    } catch (error) {
      if (!(error instanceof ApiException && error.code === 404) || Date.now() > giveUpAt) throw error;
      await sleep(100);
    }
  }
}

async function ignoreExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof ApiException && error.code === 409)) throw error;
  }
}

/** ApiException's message holds body and headers; status code and the API server's sentence are enough. */
function describe(error: unknown): string {
  if (!(error instanceof ApiException)) return String(error);
  const body: unknown = typeof error.body === 'string' ? safeParse(error.body) : error.body;
  const sentence = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : '';
  return `${error.code} ${sentence}`.trim();
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
