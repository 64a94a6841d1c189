import { mkdir, rename } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { cacheFolder, cacheRoot, fillCache, missingPrograms } from '../cluster/cache.ts';
import { buildKubelet, whyNoGo } from '../cluster/go-build.ts';
import { run } from '../cluster/process.ts';
import { type Progress, withProgress } from '../cluster/progress.ts';
import { KUBERNETES_VERSION, platformName } from '../cluster/version.ts';

/** Paths of the programs of one node. */
export interface NodePrograms {
  readonly kubelet: string;
  /** Its shim lies on PATH or beside it. */
  readonly containerd: string;
  /** containerd's own client, which imports images. */
  readonly ctr: string;
  readonly runc: string;
}

export interface NodeProgramsOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: Progress;
  /** Of the kubelet: the API server's. */
  readonly version: string;
}

const KUBELET = 'kubelet';
const RUNC = 'runc';
const CONTAINERD = ['containerd', 'containerd-shim-runc-v2', 'ctr'] as const;
const CONTAINERD_VERSION = '2.4.2';

/**
 * Why the programs of a node can neither be found nor be had here, or undefined when they can. containerd and runc are
 * taken from PATH where they are complete; the kubelet is always built, as its version has to fit the API server's.
 */
export async function whyNoPrograms(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const kubeletMissing = await missingPrograms(cacheFolder(cacheRoot(environment), KUBERNETES_VERSION), [KUBELET]);
  const containerdMissing = (await findFolder(CONTAINERD, environment)) === undefined ? ['containerd'] : [];
  const wanted = [...kubeletMissing, ...containerdMissing];
  const noGo = wanted.length === 0 ? undefined : await whyNoGo(environment);
  if (noGo !== undefined) return `${noGo}, to build ${wanted.join(' and ')}`;
  const runc = (await findFolder([RUNC], environment)) !== undefined || (await aptHasRunc());
  return runc ? undefined : 'runc is neither on PATH nor a package of apt-get; install runc';
}

/** The programs of a node, from PATH, the cache, a build or a package. Throws ProgramError with the last lines of what failed. */
export async function obtainNodePrograms(options: NodeProgramsOptions): Promise<NodePrograms> {
  const { environment, progress, version } = options;
  const place = { root: cacheRoot(environment), lock: 'node' };
  const kubernetes = cacheFolder(place.root, version);
  await fillCache({ ...place, folder: kubernetes, names: [KUBELET] }, progress, (folder) =>
    buildKubelet({ ...options, folder }),
  );
  const runtime = runtimeFolder(environment);
  let containerd = await findFolder(CONTAINERD, environment);
  if (containerd === undefined) {
    await fillCache({ ...place, folder: runtime, names: CONTAINERD }, progress, (folder) =>
      buildContainerd(folder, options),
    );
    containerd = runtime;
  }
  let runc = await findFolder([RUNC], environment);
  if (runc === undefined) {
    await fillCache({ ...place, folder: runtime, names: [RUNC] }, progress, (folder) => unpackRunc(folder, options));
    runc = runtime;
  }
  return {
    kubelet: join(kubernetes, KUBELET),
    containerd: join(containerd, 'containerd'),
    ctr: join(containerd, 'ctr'),
    runc: join(runc, RUNC),
  };
}

const runtimeFolder = (environment: NodeJS.ProcessEnv): string =>
  join(cacheRoot(environment), `containerd-${CONTAINERD_VERSION}-${platformName()}`);

/** The first folder of PATH, else of the cache, that has all of `names`. */
async function findFolder(names: readonly string[], environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const path = (environment['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of [...path, runtimeFolder(environment)]) {
    if ((await missingPrograms(folder, names)).length === 0) return folder;
  }
  return undefined;
}

async function buildContainerd(folder: string, { environment, progress }: NodeProgramsOptions): Promise<void> {
  const packages = CONTAINERD.map((name) => `github.com/containerd/containerd/v2/cmd/${name}@v${CONTAINERD_VERSION}`);
  const fixed = { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOOS: '', GOARCH: '', GOBIN: folder };
  await withProgress(progress, `building containerd ${CONTAINERD_VERSION} from Go modules, 1-3 minutes, once`, () =>
    run('go', ['install', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', ...packages], {
      env: { ...environment, ...fixed },
    }),
  );
}

/**
 * runc as the distribution packs it, unpacked and not installed. A build would need the headers of libseccomp: the
 * kubelet asks for a seccomp profile for every sandbox.
 */
async function unpackRunc(folder: string, { progress }: NodeProgramsOptions): Promise<void> {
  const unpacked = join(folder, 'package');
  await mkdir(unpacked);
  await withProgress(progress, 'downloading the package runc (3 MB, once)', async () => {
    await run('/bin/sh', ['-c', `apt-get download ${RUNC} && dpkg -x ${RUNC}_*.deb package`], { cwd: folder });
  });
  const program = join(unpacked, 'usr', 'sbin', RUNC);
  await run(program, ['--version']); // fails without libseccomp
  await rename(program, join(folder, RUNC));
}

/** Whether apt-get knows where it would download runc from; says so without a network. */
function aptHasRunc(): Promise<boolean> {
  return run('apt-get', ['download', '--print-uris', RUNC], { timeoutMs: 20_000 }).then(
    () => true,
    () => false,
  );
}
