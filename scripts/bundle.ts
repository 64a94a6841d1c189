// `npm run bundle`: the operator and all that it imports as one file, which is all that the image and the package hold beside Node.
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface BundleOptions {
  /** Of the tree that holds src/ and node_modules/; default: this one. */
  readonly root?: string;
  readonly outfile: string;
}

/** Writes the bundle of a tree; resolves with what went into it. Throws what esbuild says of a source that is no program. */
export async function bundleOperator({ root = ROOT, outfile }: BundleOptions): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'src', 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minify: true,
    lineLimit: 200, // of an error that nobody catches, Node prints the whole line
    keepNames: true, // the names of errors are read, and shown
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    legalComments: 'eof', // licences of what is bundled
    // CommonJS packages call require for Node's own modules; an ES module has none.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
  await writeFile(outfile, inAscii(await readFile(outfile, 'utf8')));
  return metafile;
}

/** One character beyond ASCII, in the name of a licence's author, makes V8 hold all of the source in two bytes a character. */
const inAscii = (source: string): string =>
  source.replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

if (import.meta.main) {
  const outfile = join(ROOT, 'dist', 'operator.mjs');
  await bundleOperator({ outfile });
  const { size } = await stat(outfile);
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  console.log(`dist/operator.mjs ${version}: ${(size / 1024 / 1024).toFixed(2)} MiB`);
}
