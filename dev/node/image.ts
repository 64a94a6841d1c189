import { createHash } from 'node:crypto';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { build } from 'esbuild';
import { run } from '../cluster/process.ts';
import { type ArchiveFile, tar } from './tar.ts';

/** An image of an archive. All images of one archive share one layer. */
export interface Image {
  /** With registry and tag, as a pod names it. */
  readonly name: string;
  /** Command line of its containers; paths are absolute, or of PATH. */
  readonly entrypoint: readonly string[];
  /** What follows it unless a container has arguments of its own. */
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** "uid:gid"; default: root. */
  readonly user?: string;
}

/** Where this Node is in an image of `nodeFiles`. */
export const NODE_IN_IMAGE = '/bin/node';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Writes images of one layer as an OCI image layout in a tar archive, which `ctr images import` reads. */
export async function writeImages(
  file: string,
  files: readonly ArchiveFile[],
  images: readonly Image[],
): Promise<void> {
  await writeFile(file, imageArchive(files, images));
}

/** The archive as bytes (OCI image-spec v1: image-layout, manifest, config). */
export function imageArchive(files: readonly ArchiveFile[], images: readonly Image[]): Buffer {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer): Descriptor => {
    const hex = createHash('sha256').update(content).digest('hex');
    blobs.set(hex, content);
    return { mediaType, digest: `sha256:${hex}`, size: content.length };
  };
  const addJson = (mediaType: string, value: object): Descriptor => add(mediaType, Buffer.from(JSON.stringify(value)));
  const layer = add('application/vnd.oci.image.layer.v1.tar', tar(files));
  const manifests = images.map(({ name, entrypoint, command = [], environment = {}, user = '' }) => {
    const variables = Object.entries(environment).map(([variable, value]) => `${variable}=${value}`);
    const config = addJson('application/vnd.oci.image.config.v1+json', {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: entrypoint, Cmd: command, Env: variables, User: user },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    });
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = addJson(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
    return { ...manifest, annotations: { 'io.containerd.image.name': name } };
  });
  const text = (path: string, value: object): ArchiveFile => ({
    path,
    mode: 0o644,
    content: Buffer.from(JSON.stringify(value)),
  });
  return tar([
    text('oci-layout', { imageLayoutVersion: '1.0.0' }),
    text('index.json', { schemaVersion: 2, manifests }),
    ...blobs.entries().map(([hex, content]) => ({ path: `blobs/sha256/${hex}`, mode: 0o644, content })),
  ]);
}

/** This Node and the shared libraries that it is linked to, each where its loader looks for it. */
export async function nodeFiles(): Promise<readonly ArchiveFile[]> {
  const libraries = linkedLibraries(await run('ldd', [process.execPath]));
  return Promise.all([
    executable(process.execPath, NODE_IN_IMAGE),
    ...libraries.map((library) => executable(library, library)),
  ]);
}

/** Paths of the libraries in what `ldd` prints: "libc.so.6 => /lib/libc.so.6 (0x…)", and the loader "/lib64/ld-linux.so (0x…)". */
export function linkedLibraries(printed: string): readonly string[] {
  const words = printed.split('\n').map((line) => line.replace(/^.*=>/, '').trim().split(' ')[0] ?? '');
  return words.filter((word) => isAbsolute(word));
}

async function executable(source: string, path: string): Promise<ArchiveFile> {
  return { path: path.slice(1), mode: 0o755, content: await readFile(await realpath(source)) };
}

/** A TypeScript program and all that it imports as one file that Node runs. `path` is absolute, in the image. */
export async function programFile(source: string, path: string): Promise<ArchiveFile> {
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    keepNames: true, // the names of errors are compared
    // CommonJS packages call require for Node's own modules; an ES module has none.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const [bundle] = outputFiles;
  if (bundle === undefined) throw new Error(`esbuild made nothing of ${source}`);
  return { path: path.slice(1), mode: 0o644, content: Buffer.from(bundle.contents) };
}
