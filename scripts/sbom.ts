// `npm run sbom`: the bundle, and what of the lock file is in it, as CycloneDX 1.6. The same sources make the same bytes.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Metafile } from 'esbuild';
import { bundleOperator } from './bundle.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The part of package-lock.json (version 3) that is read; keys are folders, as `node_modules/a/node_modules/b`. */
export interface Lock {
  readonly name: string;
  readonly version: string;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export interface LockedPackage {
  readonly version: string;
  /** Subresource integrity: `sha512-<base64>`. */
  readonly integrity?: string;
  /** An SPDX identifier or expression. */
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Component {
  readonly type: 'application' | 'library';
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly scope?: 'required';
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[];
  readonly licenses: readonly ({ readonly license: { readonly id: string } } | { readonly expression: string })[];
  readonly purl: string;
}

/** A CycloneDX 1.6 document, as far as one is written here (cyclonedx.org/docs/1.6/json). */
export interface Bom {
  readonly $schema: string;
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly serialNumber: string;
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const FOLDER = 'node_modules/';

/** Folders of the packages that a bundle has at least one byte of, from node_modules on, wherever that is. */
export function bundledFolders({ outputs }: Pick<Metafile, 'outputs'>): readonly string[] {
  const parts = Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const folders = parts.flatMap(([input, { bytesInOutput }]) => {
    if (bytesInOutput === 0) return [];
    const [folder] = /node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    return folder === undefined ? [] : [folder];
  });
  return [...new Set(folders)].toSorted();
}

/** The bill of the packages in `folders`. Throws on one that the lock file does not have, with its folder. */
export function billOfMaterials(lock: Lock, folders: readonly string[]): Bom {
  const components = folders.map((folder) => componentOf(folder, lockedAt(lock, folder)));
  const refs = new Map(folders.map((folder, index) => [folder, components[index]?.['bom-ref'] ?? '']));
  const own = lockedAt(lock, '');
  const application: Component = { ...componentOf(`${FOLDER}${lock.name}`, own, 'application') };
  const dependencies = ['', ...folders].map((folder) => ({
    ref: refs.get(folder) ?? application['bom-ref'],
    dependsOn: dependenciesOf(lock, folder, refs),
  }));
  const content = { metadata: { component: application }, components, dependencies };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    version: 1,
    ...content,
  };
}

function lockedAt({ packages }: Lock, folder: string): LockedPackage {
  const locked = packages[folder];
  if (locked === undefined) throw new Error(`package-lock.json has no ${folder}: run npm install, and commit it`);
  return locked;
}

function componentOf(
  folder: string,
  { version, integrity, license }: LockedPackage,
  type: Component['type'] = 'library',
): Component {
  const name = folder.slice(folder.lastIndexOf(FOLDER) + FOLDER.length);
  if (license === undefined) throw new Error(`package-lock.json gives no license of ${name}: look it up, and add it`);
  const [group, rest] = name.startsWith('@') ? name.split('/') : [undefined, name];
  const purl = `pkg:npm/${group === undefined ? '' : `${encodeURIComponent(group)}/`}${rest}@${version}`;
  return {
    type,
    // Two folders may hold the same version of a package, and each is a component of its own.
    'bom-ref': type === 'application' ? purl : `${purl}?path=${folder}`,
    ...(group === undefined ? {} : { group }),
    name: rest ?? name,
    version,
    ...(type === 'library' ? { scope: 'required' } : {}),
    ...(integrity === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: sha512Of(integrity) }] }),
    licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }],
    purl,
  };
}

function sha512Of(integrity: string): string {
  const [, base64] = /^sha512-(\S+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`integrity "${integrity}" of package-lock.json is no sha512`);
  return Buffer.from(base64, 'base64').toString('hex');
}

/** What a package asks for and the bundle holds, found as Node finds it: in its own folder first, then in those above. */
function dependenciesOf(lock: Lock, folder: string, refs: ReadonlyMap<string, string>): readonly string[] {
  const names = Object.keys(lockedAt(lock, folder).dependencies ?? {});
  const found = names.flatMap((name) => {
    for (let from = folder; ; from = from.slice(0, Math.max(0, from.lastIndexOf(`/${FOLDER}`)))) {
      const ref = refs.get(from === '' ? `${FOLDER}${name}` : `${from}/${FOLDER}${name}`);
      if (ref !== undefined) return [ref];
      if (from === '') return [];
    }
  });
  return found.toSorted();
}

/** A UUID (version 8, RFC 9562) of a text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Writes operator.mjs and operator.cdx.json, the bill of what is in it, into a folder. */
export async function bundleWithBill(folder: string): Promise<Bom> {
  const metafile = await bundleOperator({ outfile: join(folder, 'operator.mjs') });
  const lock: Lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const bom = billOfMaterials(lock, bundledFolders(metafile));
  await writeFile(join(folder, 'operator.cdx.json'), `${JSON.stringify(bom, null, 2)}\n`);
  return bom;
}

if (import.meta.main) {
  const { components } = await bundleWithBill(join(ROOT, 'dist'));
  console.log(`dist/operator.cdx.json: ${components.length} packages in the bundle`);
}
