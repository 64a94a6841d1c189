import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type CacheEntry, cacheRoot, fillCache, missingPrograms } from './cache.ts';
import { download } from './download.ts';
import { goBuild } from './go-build.ts';
import { run } from './process.ts';
import { type Progress, withProgress } from './progress.ts';
import { type Source, firstOf, found, passedOver, unlessItFails } from './sources.ts';
import { platformName } from './version.ts';

const CHECKSUM_TIMEOUT_MS = 5_000;

/** A program of one Go module that tests run: released as an archive, and built where no release can be reached. */
export interface Tool {
  readonly name: string;
  /** "4.3.1" */
  readonly version: string;
  readonly archive: Archive;
  /** The main package, without a version. */
  readonly goPackage: string;
  /** Linker flags that make it say its version. */
  readonly linkerFlags: string;
  /** Where the module is not numbered as the release is: "0.316.0" */
  readonly moduleVersion?: string;
  /** Go build tags, which leave out what tests do not need. */
  readonly buildTags?: string;
}

/** A gzipped tar of a release. */
export interface Archive {
  readonly url: string;
  /** Published with the release: the SHA-256 in hex at the beginning of a line, alone or followed by the name of the archive. */
  readonly checksumUrl: string;
  /** Path of the program in it, which ends in the tool's name. */
  readonly member: string;
}

export interface ToolOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: Progress;
  /** Default: the network. */
  readonly fetchUrl?: typeof fetch;
}

/**
 * Path of the program: from the cache, else its release, else built from Go modules, which the Go checksum database
 * verifies. Throws one error that names why each was passed over.
 */
export async function obtainTool(tool: Tool, options: ToolOptions): Promise<string> {
  const folder = toolFolder(tool, options.environment);
  const sources = [cached(folder, tool), released(folder, tool, options), built(folder, tool, options)];
  const advice = `Install Go 1.26 or later, or put ${tool.name} ${tool.version} into ${folder}.`;
  return firstOf(sources, options.progress, advice, `${tool.name} ${tool.version}`);
}

/** Where a tool is kept. */
export const toolFolder = ({ name, version }: Pick<Tool, 'name' | 'version'>, environment: NodeJS.ProcessEnv): string =>
  join(cacheRoot(environment), `${name}-${version}-${platformName()}`);

const entryOf = (folder: string, { name }: Tool, { environment }: ToolOptions): CacheEntry => ({
  root: cacheRoot(environment),
  folder,
  names: [name],
  lock: name,
});

function cached(folder: string, { name }: Tool): Source<string> {
  return {
    name: 'cache',
    find: async () =>
      (await missingPrograms(folder, [name])).length === 0 ? found(join(folder, name)) : passedOver('not there yet'),
  };
}

function released(folder: string, tool: Tool, options: ToolOptions): Source<string> {
  const { progress, fetchUrl = fetch } = options;
  return {
    name: 'release',
    find: () =>
      unlessItFails(async () => {
        const checksum = await fetchChecksum(tool.archive, fetchUrl);
        await fillCache(entryOf(folder, tool, options), progress, (temporary) =>
          withProgress(progress, `downloading ${tool.name} ${tool.version}, once`, () =>
            unpack(tool, { checksum, folder: temporary }, fetchUrl),
          ),
        );
        return found(join(folder, tool.name));
      }),
  };
}

const built = (folder: string, tool: Tool, options: ToolOptions): Source<string> =>
  goBuild(options.environment, async () => {
    await fillCache(entryOf(folder, tool, options), options.progress, (temporary) =>
      withProgress(options.progress, `building ${tool.name} ${tool.version} from Go modules, 1-4 minutes, once`, () =>
        goInstall(tool, temporary, options.environment),
      ),
    );
    return join(folder, tool.name);
  });

async function fetchChecksum({ url, checksumUrl }: Archive, fetchUrl: typeof fetch): Promise<string> {
  const response = await fetchUrl(checksumUrl, { signal: AbortSignal.timeout(CHECKSUM_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${checksumUrl} answered ${response.status}`);
  const file = url.slice(url.lastIndexOf('/') + 1);
  const lines = (await response.text()).split('\n').map((line) => line.trim().split(/\s+\*?/));
  const checksum = lines.find(([, name]) => name === file)?.[0] ?? (lines[0]?.length === 1 ? lines[0][0] : undefined);
  if (checksum === undefined || !/^[0-9a-f]{64}$/.test(checksum))
    throw new Error(`${checksumUrl} has no SHA-256 of ${file}`);
  return checksum;
}

/** Throws before anything is unpacked when the checksum differs. */
async function unpack(
  { archive }: Tool,
  { checksum, folder }: { readonly checksum: string; readonly folder: string },
  fetchUrl: typeof fetch,
): Promise<void> {
  const file = join(folder, 'archive.tar.gz');
  const actual = await download({ url: archive.url, file, algorithm: 'sha256' }, fetchUrl);
  if (actual !== checksum) {
    await rm(file);
    throw new Error(`SHA-256 of ${archive.url} is ${actual}, ${archive.checksumUrl} says ${checksum}: refused`);
  }
  const folders = archive.member.split('/').length - 1;
  await run('tar', ['-xzf', file, '-C', folder, `--strip-components=${folders}`, archive.member]);
}

/** The toolchain's own settings (proxy, checksums, toolchain) hold; only what would change the result is fixed. */
async function goInstall(tool: Tool, folder: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const fixed = { CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '', GOOS: '', GOARCH: '', GOBIN: folder };
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${tool.linkerFlags}`.trim()];
  const { moduleVersion = tool.version, buildTags = '' } = tool;
  await run('go', ['install', ...flags, '-tags', buildTags, `${tool.goPackage}@v${moduleVersion}`], {
    env: { ...environment, ...fixed },
  });
}
