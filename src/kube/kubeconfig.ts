import { KubeConfig } from '@kubernetes/client-node';
import { type KubernetesClient, kubernetesClient } from './client.ts';

/** A cluster as a person at a terminal reaches it. */
export interface ClusterConnection {
  readonly kubernetes: KubernetesClient;
  /** URL of the API server, for messages. */
  readonly server: string;
  /** Namespace of the context, or `default`, as kubectl does. */
  readonly namespace: string;
}

/** Never the operator's, which marks what the operator owns. */
const FIELD_MANAGER = 'kubectl-aws-identity';

/** What client-node falls back to when it finds nothing at all. */
const NO_KUBECONFIG = 'http://localhost:8080';

/**
 * The cluster of a context of KUBECONFIG (or ~/.kube/config, or of the pod); default: the current context. Makes no call.
 * Throws an Error that says what to do when there is no kubeconfig or no such context.
 */
export function connectCluster({ context }: { readonly context?: string | undefined }): ClusterConnection {
  const config = loadKubeconfig();
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(noContext(config));
  if (cluster.server === NO_KUBECONFIG) {
    throw new Error('no kubeconfig: set KUBECONFIG to its path, or create ~/.kube/config');
  }
  const { namespace } = config.getContextObject(config.getCurrentContext()) ?? {};
  return {
    kubernetes: kubernetesClient(config, FIELD_MANAGER),
    server: cluster.server,
    namespace: namespace ?? 'default',
  };
}

function loadKubeconfig(): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`the kubeconfig cannot be read: ${text}. Check KUBECONFIG.`, { cause: error });
  }
  return config;
}

function noContext(config: KubeConfig): string {
  const current = config.getCurrentContext();
  const names = config.getContexts().map(({ name }) => name);
  const choice = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return current === '' || current === undefined
    ? `the kubeconfig has no current context: choose one with --context (${choice})`
    : `the kubeconfig has no usable context "${current}" (${choice})`;
}
