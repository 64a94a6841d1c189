import { mkdir, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { INSTALL_ADVICE, completeBinaries, localSources, remoteSources } from './binaries.ts';
import type { Cluster, ClusterOptions } from './interface.ts';
import { type KindOptions, startKindCluster, whyNoKind } from './kind.ts';
import { startLocalCluster } from './local-cluster.ts';
import { ProgramError } from './process.ts';
import { withProgress } from './progress.ts';
import { type Source, firstOf, found, passedOver } from './sources.ts';
import { KUBERNETES_VERSION } from './version.ts';

export type { Cluster, ClusterOptions } from './interface.ts';

const KIND_ADVICE = 'Start Docker and install kind, or let the cluster be found by itself.';
/** Without a port, as IAM refuses providers with one. The domain is reserved (RFC 2606): nobody answers there. */
const DEFAULT_ISSUER = 'https://oidc.federated-identity.example';

interface Started {
  readonly kind: 'started';
  readonly cluster: Cluster;
}

/**
 * Starts a real Kubernetes control plane: the programs of KUBEBUILDER_ASSETS, of the cache, a kind cluster, the
 * official envtest archive or a build from Go modules, whichever is first to be had. Throws one error that names
 * what is missing, or quotes the log of what did not start.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  if (process.platform === 'win32') throw new Error('the development cluster needs Linux, macOS or WSL');
  const { issuer = DEFAULT_ISSUER, progress = () => {}, environment = process.env } = options;
  const { version = KUBERNETES_VERSION } = options;
  if (!URL.canParse(issuer) || !issuer.startsWith('https://')) throw new Error(`issuer "${issuer}" is no https URL`);
  const wanted = { environment, progress, version, controllerManager: options.controllerManager === true };
  const kind = kindSource({
    version,
    issuer,
    progress,
    environment,
    ...keeping(options),
    createFolder: () => createFolder(options),
  });
  const origin = await (options.kind === true
    ? firstOf([kind], progress, KIND_ADVICE)
    : firstOf(clusterSources(localSources(wanted), kind, remoteSources(wanted)), progress, INSTALL_ADVICE));
  switch (origin.kind) {
    case 'started':
      return origin.cluster;
    case 'programs': {
      const binaries = await completeBinaries(origin, wanted);
      const local = { issuer, ...keeping(options), folder: await createFolder(options) };
      return withProgress(progress, `starting etcd and kube-apiserver ${binaries.version}`, () =>
        startLocalCluster(binaries, local),
      );
    }
    default:
      return origin satisfies never;
  }
}

/** What is on this machine, then kind, which only fetches an image, then what takes minutes. */
export function clusterSources<L, K, R>(
  local: readonly Source<L>[],
  kind: Source<K>,
  remote: readonly Source<R>[],
): readonly Source<L | K | R>[] {
  return [...local, kind, ...remote];
}

type KindSourceOptions = Omit<KindOptions, 'folder'> & {
  readonly version: string;
  readonly createFolder: () => Promise<string>;
};

/** A kind cluster that can't be created (no such node image, no memory) is passed over, not the end. */
function kindSource({ createFolder: folder, version, ...options }: KindSourceOptions): Source<Started> {
  return {
    name: 'kind',
    find: async () => {
      if (version !== KUBERNETES_VERSION) return passedOver(`only for Kubernetes ${KUBERNETES_VERSION}`);
      const obstacle = await whyNoKind(options.environment);
      if (obstacle !== undefined) return passedOver(obstacle);
      try {
        return found({ kind: 'started', cluster: await startKindCluster({ ...options, folder: await folder() }) });
      } catch (error) {
        if (error instanceof ProgramError) return passedOver(ends(error.message));
        throw error;
      }
    },
  };
}

/** A folder that the caller named is the caller's: it is never deleted. */
function keeping({ folder, keep }: ClusterOptions): { readonly keep: boolean } {
  return { keep: folder !== undefined || keep === true };
}

async function createFolder({ folder }: ClusterOptions): Promise<string> {
  if (folder === undefined) return realpath(await mkdtemp(join(tmpdir(), 'federated-identity-')));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return realpath(folder);
}

/** First and last line of what a program wrote: what was tried, and why it ended. */
function ends(message: string): string {
  const lines = message.split('\n');
  return lines.length > 1 ? `${lines[0]} ${lines.at(-1)}` : message;
}
