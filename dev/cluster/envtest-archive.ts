import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { REQUIRED_PROGRAMS } from './cache.ts';
import { download } from './download.ts';
import { run } from './process.ts';
import { minorVersion } from './version.ts';

const RELEASES = 'https://github.com/kubernetes-sigs/controller-tools/releases/download/';
/** The index that `setup-envtest` reads too (kubernetes-sigs/controller-tools). */
const INDEX_URL = 'https://github.com/kubernetes-sigs/controller-tools/raw/HEAD/envtest-releases.yaml';
const INDEX_TIMEOUT_MS = 5_000;

const ArchiveIndex = z.object({
  releases: z.record(
    z.string(),
    z.record(z.string(), z.object({ hash: z.string().regex(/^[0-9a-f]{128}$/), selfLink: z.url() })),
  ),
});

export interface Archive {
  readonly version: string;
  readonly url: string;
  /** SHA-512 in lower-case hex. */
  readonly hash: string;
}

/**
 * The archive of `version` in the index file, else of the newest patch of the same minor version: not every patch
 * release is packed. Throws on an index of another shape or one that points away from the project's releases.
 */
export function selectArchive(indexFile: string, version: string, platform: string): Archive | undefined {
  const { releases } = ArchiveIndex.parse(parse(indexFile));
  const prefix = `v${minorVersion(version)}.`;
  const patches = Object.keys(releases)
    .filter((release) => release.startsWith(prefix) && /^\d+$/.test(release.slice(prefix.length)))
    .toSorted((a, b) => Number(b.slice(prefix.length)) - Number(a.slice(prefix.length)));
  for (const release of [`v${version}`, ...patches]) {
    const entry = releases[release]?.[`envtest-${release}-${platform}.tar.gz`];
    if (entry === undefined) continue;
    if (!entry.selfLink.startsWith(RELEASES)) throw new Error(`the envtest index points to ${entry.selfLink}`);
    return { version: release.slice(1), url: entry.selfLink, hash: entry.hash };
  }
  return undefined;
}

/** Reads the index file. Throws within 5 s when it can't be had. */
export async function fetchArchiveIndex(fetchUrl: typeof fetch = fetch): Promise<string> {
  const response = await fetchUrl(INDEX_URL, { signal: AbortSignal.timeout(INDEX_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${INDEX_URL} answered ${response.status}`);
  return response.text();
}

/**
 * Downloads the archive into `folder` and unpacks its three programs there. Throws before anything is unpacked when
 * the checksum differs, and when no data came for 30 s.
 */
export async function unpackArchive(archive: Archive, folder: string, fetchUrl: typeof fetch = fetch): Promise<void> {
  const file = join(folder, 'envtest.tar.gz');
  const actual = await download({ url: archive.url, file, algorithm: 'sha512' }, fetchUrl);
  if (actual !== archive.hash) {
    await rm(file);
    throw new Error(`SHA-512 of ${archive.url} is ${actual}, the index says ${archive.hash}: refused`);
  }
  const members = REQUIRED_PROGRAMS.map((name) => `controller-tools/envtest/${name}`);
  await run('tar', ['-xzf', file, '-C', folder, '--strip-components=2', ...members]);
  await rm(file);
}
