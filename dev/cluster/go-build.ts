import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { run } from './process.ts';
import { type Progress, withProgress } from './progress.ts';
import { type Source, found, passedOver, unlessItFails } from './sources.ts';
import { ETCD_VERSION } from './version.ts';

/** What `go mod edit -json` prints, as far as it is read here. */
const GoMod = z.object({
  Go: z.string(),
  Replace: z.array(z.object({ Old: z.object({ Path: z.string() }), New: z.object({ Path: z.string() }) })),
});
export type GoMod = z.infer<typeof GoMod>;

const Download = z.object({ GoMod: z.string() });

const KUBERNETES = 'k8s.io/kubernetes';
const ETCD = 'go.etcd.io/etcd/server/v3';

/** Why programs can't be built here, or undefined when they can. */
export async function whyNoGo(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  try {
    await run('go', ['version'], { env: environment, timeoutMs: 10_000 });
    return undefined;
  } catch {
    return 'no Go toolchain on PATH';
  }
}

/** What `build` makes with the Go toolchain; passed over where there is none. */
export const goBuild = <T>(environment: NodeJS.ProcessEnv, build: () => Promise<T>): Source<T> => ({
  name: 'Go build',
  find: async () => {
    const obstacle = await whyNoGo(environment);
    return obstacle === undefined ? unlessItFails(async () => found(await build())) : passedOver(obstacle);
  },
});

export interface Build {
  /** Where the programs are written; the Go modules that serve to build them are made there too. */
  readonly folder: string;
  readonly version: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: Progress;
}

/** Builds kube-apiserver, kubectl and etcd. Throws ProgramError with the compiler's last lines. */
export async function buildControlPlane(build: Build): Promise<void> {
  const { folder, version, environment, progress } = build;
  const kubernetes = await kubernetesModule(build);
  await withProgress(progress, `building kube-apiserver ${version} from Go modules, 2-5 minutes, once`, () =>
    compileKubernetes('kube-apiserver', kubernetes, build),
  );
  await withProgress(progress, `building kubectl ${version}, about half a minute, once`, () =>
    compileKubernetes('kubectl', kubernetes, build),
  );
  await withProgress(progress, `building etcd ${ETCD_VERSION}, about a minute, once`, async () => {
    const goMod = `module federated-identity-operator.invalid/etcd\ngo 1.24.0\nrequire ${ETCD} v${ETCD_VERSION}\n`;
    const module = await writeModule(join(folder, 'etcd-module'), goMod, [`${ETCD}/etcdmain`]);
    await go(environment, module, ['mod', 'tidy']);
    await go(environment, module, ['build', ...BUILD_FLAGS, '-ldflags', '-s -w', '-o', join(folder, 'etcd'), ETCD]);
  });
}

/** Builds kube-controller-manager. Throws ProgramError with the compiler's last lines. */
export async function buildControllerManager(build: Build): Promise<void> {
  const { version, progress } = build;
  const module = await kubernetesModule(build);
  await withProgress(progress, `building kube-controller-manager ${version} from Go modules, 1-4 minutes, once`, () =>
    compileKubernetes('kube-controller-manager', module, build),
  );
}

/** Builds kubelet. Throws ProgramError with the compiler's last lines. */
export async function buildKubelet(build: Build): Promise<void> {
  const { version, progress } = build;
  const module = await kubernetesModule(build);
  await withProgress(progress, `building kubelet ${version} from Go modules, 1-3 minutes, once`, () =>
    compileKubernetes('kubelet', module, build),
  );
}

/**
 * A go.mod that requires k8s.io/kubernetes. Its own go.mod points the staging modules (k8s.io/api, ...) at folders
 * of its repository, which a dependent does not have; each is published under the same number as v0.
 */
export function kubernetesGoMod(upstream: GoMod, version: string): string {
  const staging = upstream.Replace.filter(({ New }) => New.Path.startsWith('./staging/')).map(({ Old }) => Old.Path);
  return [
    'module federated-identity-operator.invalid/kubernetes',
    `go ${upstream.Go}`,
    `require ${KUBERNETES} v${version}`,
    ...staging.map((path) => `replace ${path} => ${path} v${version.replace(/^1\./, '0.')}`),
    '',
  ].join('\n');
}

/** Linker flags that make a program say its version, as Kubernetes' own build does. */
export function versionFlags(version: string): string {
  const [major, minor] = version.split('.');
  const fields = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const assignments = Object.entries(fields).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  return ['-s -w', ...assignments].join(' ');
}

const BUILD_FLAGS = ['-trimpath', '-buildvcs=false'];

async function compileKubernetes(program: string, module: string, build: Build): Promise<void> {
  const flags = [...BUILD_FLAGS, '-ldflags', versionFlags(build.version), '-o', join(build.folder, program)];
  await go(build.environment, module, ['build', ...flags, `${KUBERNETES}/cmd/${program}`]);
}

/** Writes the Go module that the programs are built in and fetches what it requires; returns its folder. */
async function kubernetesModule({ folder, version, environment, progress }: Build): Promise<string> {
  return withProgress(progress, `fetching the Go modules of Kubernetes ${version}, 10 s to 2 minutes`, async () => {
    const module = await writeModule(join(folder, 'kubernetes-module'), `module empty.invalid/kubernetes\n`, []);
    const json = async (args: readonly string[]): Promise<unknown> => JSON.parse(await go(environment, module, args));
    const { GoMod: upstreamFile } = Download.parse(
      await json(['mod', 'download', '-json', `${KUBERNETES}@v${version}`]),
    );
    const upstream = GoMod.parse(await json(['mod', 'edit', '-json', upstreamFile]));
    const programs = ['kube-apiserver/app', 'kube-controller-manager/app', 'kubectl', 'kubelet/app'];
    const imports = programs.map((program) => `${KUBERNETES}/cmd/${program}`);
    await writeModule(module, kubernetesGoMod(upstream, version), imports);
    await go(environment, module, ['mod', 'tidy']);
    return module;
  });
}

async function writeModule(folder: string, goMod: string, imports: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'go.mod'), goMod);
  const lines = imports.map((path) => `import _ "${path}"`);
  await writeFile(
    join(folder, 'imports.go'),
    ['//go:build imports', '', 'package imports', '', ...lines, ''].join('\n'),
  );
  return folder;
}

/** The toolchain's own settings (proxy, checksums, toolchain) hold; only what would change the result is fixed. */
function go(environment: NodeJS.ProcessEnv, module: string, args: readonly string[]): Promise<string> {
  const fixed = { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '-mod=mod', GOOS: '', GOARCH: '' };
  return run('go', args, { cwd: module, env: { ...environment, ...fixed } });
}
