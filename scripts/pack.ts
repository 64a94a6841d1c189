// `npm run pack`: the CLI as an archive that npx and krew install, and the krew manifest of it. It holds the bundle, so it asks for no
// package. Run `npm run pack -- --repository owner/name` to name where the release will be.
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { run } from '../dev/cluster/process.ts';
import { bundleWithBill } from './sbom.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COPIED = ['bin', 'LICENSE', 'README.md'];

interface PackOptions {
  /** Folder that gets the archive and the manifest. */
  readonly to: string;
  /** `owner/name` on GitHub, whose releases hold the archive. */
  readonly repository: string;
}

interface Packed {
  /** Path of `kubectl-aws_identity-<version>.tgz`. */
  readonly archive: string;
  /** Path of the krew manifest, filled. */
  readonly manifest: string;
}

/** Packs the CLI. Throws ProgramError with what npm says. */
export async function pack({ to, repository }: PackOptions): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-package-'));
  try {
    await Promise.all(COPIED.map((name) => cp(join(ROOT, name), join(folder, name), { recursive: true })));
    await bundleWithBill(join(folder, 'dist'));
    const { name, version, description, license, bin } = await readPackage();
    // The bundle is for Node 24; the older one of package.json only starts the scripts of this tree.
    const fixed = {
      type: 'module',
      engines: { node: '>=24' },
      files: ['bin', 'dist/operator.mjs', 'dist/operator.cdx.json'],
    };
    const own = { name, version, description, license, bin, ...fixed };
    await writeFile(join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
    await mkdir(to, { recursive: true });
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', to], {
      cwd: folder,
      env: withoutNpm(process.env),
    });
    const file = `kubectl-aws_identity-${version}.tgz`; // the chart has the name of the package
    const archive = join(to, file);
    await rename(join(to, `${name}-${version}.tgz`), archive);
    const manifest = join(to, 'aws-identity.yaml');
    await writeFile(manifest, await krewManifest({ archive, file, version, repository }));
    return { archive, manifest };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Without what `npm run` tells its script, which is of another folder. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^npm_/i.test(name)));
}

interface Archive {
  readonly archive: string;
  readonly file: string;
  readonly version: string;
  readonly repository: string;
}

async function krewManifest({ archive, file, version, repository }: Archive): Promise<string> {
  const values: Readonly<Record<string, string>> = {
    VERSION: `v${version}`,
    REPOSITORY: repository,
    URI: `https://github.com/${repository}/releases/download/v${version}/${file}`,
    SHA256: createHash('sha256')
      .update(await readFile(archive))
      .digest('hex'),
  };
  const template = await readFile(join(ROOT, 'config', 'krew', 'aws-identity.yaml'), 'utf8');
  const [, ...lines] = template.split('\n'); // the first one is about the template
  return lines.join('\n').replaceAll(/\b(VERSION|REPOSITORY|URI|SHA256)\b/g, (word) => values[word] ?? word);
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly bin: Readonly<Record<string, string>>;
}

async function readPackage(): Promise<Package> {
  const read: Package = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  return read;
}

if (import.meta.main) {
  const options = { repository: { type: 'string', default: 'OWNER/federated-identity-operator' } } as const;
  const { values } = parseArgs({ options });
  const { archive, manifest } = await pack({ to: join(ROOT, 'dist'), repository: values.repository });
  console.log(`${archive}\n${manifest}`);
}
