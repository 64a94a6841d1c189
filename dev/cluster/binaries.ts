import { join } from 'node:path';
import {
  CONTROLLER_MANAGER,
  REQUIRED_PROGRAMS,
  type CacheEntry,
  cacheFolder,
  cacheRoot,
  fillCache,
  findCached,
  missingPrograms,
} from './cache.ts';
import { fetchArchiveIndex, selectArchive, unpackArchive } from './envtest-archive.ts';
import { buildControlPlane, buildControllerManager, goBuild, whyNoGo } from './go-build.ts';
import { run } from './process.ts';
import { type Progress, withProgress } from './progress.ts';
import { type Source, firstOf, found, passedOver, unlessItFails } from './sources.ts';
import { minorVersion, platformName } from './version.ts';

/** Paths of the programs of one control plane. */
export interface Binaries {
  readonly apiServer: string;
  readonly etcd: string;
  readonly kubectl: string;
  /** Only when it was asked for. */
  readonly controllerManager?: string;
  readonly version: string;
}

export interface BinariesOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: Progress;
  readonly version: string;
  /** Also obtain kube-controller-manager, which the envtest archive lacks: built with Go when it is missing. */
  readonly controllerManager?: boolean;
}

/** A folder that holds the three required programs of `version`. */
export interface Programs {
  readonly kind: 'programs';
  readonly folder: string;
  readonly version: string;
}

export const INSTALL_ADVICE =
  'Install Go 1.26 or later, or start Docker and install kind, ' +
  'or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl.';

/** KUBEBUILDER_ASSETS (when set) and the cache folder: what is on this machine already. */
export function localSources({ environment, version }: BinariesOptions): readonly Source<Programs>[] {
  const assets = environment['KUBEBUILDER_ASSETS'];
  const cached = cachedPrograms(cacheRoot(environment), version);
  return assets === undefined || assets === '' ? [cached] : [assetsPrograms(assets, version), cached];
}

/** The official envtest archive, then a build from Go modules. Both fill the cache folder. */
export function remoteSources(options: BinariesOptions): readonly Source<Programs>[] {
  return [archivePrograms(options), builtPrograms(options)];
}

/**
 * The programs of the first source that has them. Throws one error that names why each source was passed over and
 * what to install.
 */
export async function obtainBinaries(options: BinariesOptions): Promise<Binaries> {
  const sources = [...localSources(options), ...remoteSources(options)];
  return completeBinaries(await firstOf(sources, options.progress, INSTALL_ADVICE), options);
}

/** Adds kube-controller-manager when it was asked for. Throws when it is neither there nor can be built. */
export async function completeBinaries({ folder, version }: Programs, options: BinariesOptions): Promise<Binaries> {
  const binaries: Binaries = {
    apiServer: join(folder, 'kube-apiserver'),
    etcd: join(folder, 'etcd'),
    kubectl: join(folder, 'kubectl'),
    version,
  };
  if (options.controllerManager !== true) return binaries;
  return { ...binaries, controllerManager: await obtainControllerManager(folder, version, options) };
}

function assetsPrograms(folder: string, wanted: string): Source<Programs> {
  const name = 'KUBEBUILDER_ASSETS';
  return {
    name,
    find: async () => {
      const missing = await missingPrograms(folder, REQUIRED_PROGRAMS);
      // Set on purpose and wrong: going on with other programs would hide it.
      if (missing.length > 0) throw new Error(`${name} is ${folder}, which has no executable ${missing.join(', ')}`);
      const printed = await run(join(folder, 'kube-apiserver'), ['--version'], { timeoutMs: 20_000 });
      const version = /v(\d+\.\d+\.\d+)/.exec(printed)?.[1];
      if (version === undefined) throw new Error(`${name}: kube-apiserver --version printed ${printed.trim()}`);
      return minorVersion(version) === minorVersion(wanted)
        ? found({ kind: 'programs', folder, version })
        : passedOver(`its version is ${version}, not ${wanted}`);
    },
  };
}

function cachedPrograms(root: string, version: string): Source<Programs> {
  return {
    name: 'cache',
    find: async () => {
      const cached = await findCached(root, version);
      return cached === undefined
        ? passedOver(`no Kubernetes ${version} there yet`)
        : found({ kind: 'programs', ...cached });
    },
  };
}

function archivePrograms({ environment, progress, version: wanted }: BinariesOptions): Source<Programs> {
  const root = cacheRoot(environment);
  return {
    name: 'envtest archive',
    find: () =>
      unlessItFails(async () => {
        const archive = selectArchive(await fetchArchiveIndex(), wanted, platformName());
        if (archive === undefined) return passedOver(`none for ${wanted} on ${platformName()}`);
        const { version } = archive;
        const entry = entryOf(root, version, REQUIRED_PROGRAMS);
        await fillCache(entry, progress, (temporary) =>
          withProgress(progress, `downloading Kubernetes ${version} (100 MB, once)`, () =>
            unpackArchive(archive, temporary),
          ),
        );
        return found({ kind: 'programs', folder: entry.folder, version });
      }),
  };
}

function builtPrograms({ environment, progress, version }: BinariesOptions): Source<Programs> {
  const root = cacheRoot(environment);
  return goBuild(environment, async () => {
    const entry = entryOf(root, version, REQUIRED_PROGRAMS);
    await fillCache(entry, progress, (folder) => buildControlPlane({ folder, version, environment, progress }));
    return { kind: 'programs', folder: entry.folder, version };
  });
}

const entryOf = (root: string, version: string, names: readonly string[]): CacheEntry => ({
  root,
  folder: cacheFolder(root, version),
  names,
  lock: 'kubernetes',
});

async function obtainControllerManager(folder: string, version: string, options: BinariesOptions): Promise<string> {
  const root = cacheRoot(options.environment);
  const target = cacheFolder(root, version);
  for (const candidate of [folder, target]) {
    if ((await missingPrograms(candidate, [CONTROLLER_MANAGER])).length === 0)
      return join(candidate, CONTROLLER_MANAGER);
  }
  const obstacle = await whyNoGo(options.environment);
  if (obstacle !== undefined) {
    throw new Error(
      `${CONTROLLER_MANAGER} ${version} is built from Go modules, but there is ${obstacle}. Install Go 1.26 or later.`,
    );
  }
  await fillCache(entryOf(root, version, [CONTROLLER_MANAGER]), options.progress, (temporary) =>
    buildControllerManager({ ...options, folder: temporary, version }),
  );
  return join(target, CONTROLLER_MANAGER);
}
