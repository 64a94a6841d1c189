import type { Progress } from './progress.ts';

/** A running Kubernetes control plane without nodes (or a kind cluster). Disposing it stops it. */
export interface Cluster extends AsyncDisposable {
  /** https://127.0.0.1:<port> */
  readonly url: string;
  /** Path of a kubeconfig of a member of system:masters. */
  readonly kubeconfig: string;
  /** Path of a kubectl of the cluster's version. */
  readonly kubectl: string;
  /** PEM of the authority that signed the API server's certificate. */
  readonly caCertificate: string;
  /** The `iss` of ServiceAccount tokens now. The certificate carries the host of the first one, DNS does not. */
  readonly issuer: string;
  /** JSON lines, one for each stage of each request, level Metadata. */
  readonly auditLog: string;
  /** Where logs, keys, kubeconfigs and etcd's data are. */
  readonly folder: string;
  /** "1.36.3" */
  readonly version: string;
  stop(): Promise<void>;
  /**
   * Kills the API server (SIGKILL) and resolves when it answers again, at the same address; with the same issuer and keys
   * unless a change is given, which needs the local control plane.
   */
  restartApiServer(change?: ApiServerChange): Promise<void>;
  /** Writes a kubeconfig with a token of the ServiceAccount (24 h) and returns its path. Throws when there is none. */
  kubeconfigFor(user: { readonly serviceAccount: `${string}/${string}` }): Promise<string>;
}

/** What an administrator changes in the API server's flags. */
export interface ApiServerChange {
  /** The first one is the `iss` of new tokens; tokens of all are accepted. */
  readonly issuers?: readonly [string, ...string[]];
  /** Signs with a new key from now on; tokens signed with earlier ones are accepted, and all keys are served. */
  readonly newSigningKey?: true;
}

export interface ClusterOptions {
  /** Default `https://oidc.federated-identity.example`. AWS refuses issuers with a port. */
  readonly issuer?: string;
  readonly progress?: Progress;
  /** A patch release of Kubernetes, such as "1.30.14"; default: the one of `version.ts`. */
  readonly version?: string;
  /** Also run kube-controller-manager: garbage collection, `default` ServiceAccounts of new namespaces, Deployments. */
  readonly controllerManager?: boolean;
  /** Where everything is kept; default: a new temporary folder. A folder of an earlier cluster continues it. */
  readonly folder?: string;
  /** Leave a temporary folder behind when the cluster stops, to read its logs. A given `folder` is always kept. */
  readonly keep?: boolean;
  /** A kind cluster or none, whatever is on this machine. */
  readonly kind?: boolean;
  /** Default: the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv;
}
