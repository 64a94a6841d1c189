// `npm run bundle`: the operator and all that it imports as one file, which is all that the image holds beside Node.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUTPUT = join(ROOT, 'dist', 'operator.mjs');

await build({
  entryPoints: [join(ROOT, 'src', 'main.ts')],
  outfile: OUTPUT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  keepNames: true, // the names of errors are read, and shown
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'eof', // licences of what is bundled
  // CommonJS packages call require for Node's own modules; an ES module has none.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});

const { size } = await stat(OUTPUT);
const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
console.log(`dist/operator.mjs ${version}: ${(size / 1024 / 1024).toFixed(2)} MiB`);
