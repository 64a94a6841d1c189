import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bundleOperator } from './bundle.ts';
import { billOfMaterials, bundledFolders, type Lock } from './sbom.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const integrity = `sha512-${Buffer.from('x'.repeat(64)).toString('base64')}`;
const hashes = [{ alg: 'SHA-512', content: '78'.repeat(64) }];
const APP = 'pkg:npm/app@1.2.3';

/** `app` needs `a` and `@x/b`; `a` has a `@x/b` of its own, which needs the `c` of the root. */
const lock: Lock = {
  name: 'app',
  version: '1.2.3',
  packages: {
    '': { version: '1.2.3', license: 'Apache-2.0', dependencies: { a: '1', '@x/b': '1' } },
    'node_modules/a': { version: '1.0.0', license: 'MIT', integrity, dependencies: { '@x/b': '^2', unused: '1' } },
    'node_modules/@x/b': { version: '1.0.0', license: 'ISC', integrity },
    'node_modules/a/node_modules/@x/b': {
      version: '2.0.0',
      license: '(MIT OR CC0-1.0)',
      integrity,
      dependencies: { c: '1' },
    },
    'node_modules/c': { version: '3.0.0', license: 'MIT', integrity },
    'node_modules/unused': { version: '1.0.0', license: 'MIT', integrity },
  },
};
const folders = ['node_modules/@x/b', 'node_modules/a', 'node_modules/a/node_modules/@x/b', 'node_modules/c'];

test('a package has its name, version, licence, checksum and purl', () => {
  const library = { type: 'library', scope: 'required', hashes };
  const b = { ...library, group: '@x', name: 'b' };
  expect(billOfMaterials(lock, folders).components).toMatchObject([
    { ...b, version: '1.0.0', licenses: [{ license: { id: 'ISC' } }], purl: 'pkg:npm/%40x/b@1.0.0' },
    { ...library, name: 'a', version: '1.0.0', licenses: [{ license: { id: 'MIT' } }], purl: 'pkg:npm/a@1.0.0' },
    { ...b, version: '2.0.0', licenses: [{ expression: '(MIT OR CC0-1.0)' }], purl: 'pkg:npm/%40x/b@2.0.0' },
    { ...library, name: 'c', version: '3.0.0', licenses: [{ license: { id: 'MIT' } }], purl: 'pkg:npm/c@3.0.0' },
  ]);
});

test('a dependency is the one that Node finds, and is in the bundle', () => {
  const { dependencies } = billOfMaterials(lock, folders);
  const inner = 'pkg:npm/%40x/b@2.0.0?path=node_modules/a/node_modules/@x/b';
  const [a, b, c] = [
    'a@1.0.0?path=node_modules/a',
    '%40x/b@1.0.0?path=node_modules/@x/b',
    'c@3.0.0?path=node_modules/c',
  ];
  expect(Object.fromEntries(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]))).toEqual({
    [APP]: [`pkg:npm/${b}`, `pkg:npm/${a}`],
    [`pkg:npm/${a}`]: [inner],
    [`pkg:npm/${b}`]: [],
    [inner]: [`pkg:npm/${c}`],
    [`pkg:npm/${c}`]: [],
  });
});

test.each([
  { name: 'a package that is not locked', packages: {}, says: 'has no node_modules/a' },
  {
    name: 'a package without a licence',
    packages: { 'node_modules/a': { version: '1.0.0' } },
    says: 'gives no license of a',
  },
  {
    name: 'a checksum of another kind',
    packages: { 'node_modules/a': { version: '1.0.0', license: 'MIT', integrity: 'sha1-x' } },
    says: '"sha1-x" of package-lock.json is no sha512',
  },
])('$name is refused', ({ packages, says }) => {
  const own = { '': { version: '1.2.3', license: 'Apache-2.0' } };
  expect(() => billOfMaterials({ ...lock, packages: { ...own, ...packages } }, ['node_modules/a'])).toThrow(says);
});

test('only packages that gave the bundle a byte are in it, also those inside of others', () => {
  const bytes = (bytesInOutput: number): { readonly bytesInOutput: number } => ({ bytesInOutput });
  const inputs = {
    'src/main.ts': bytes(1),
    'node_modules/a/index.js': bytes(1),
    '../linked/node_modules/a/node_modules/@x/b/lib/b.js': bytes(2),
    'node_modules/shaken/index.js': bytes(0),
  };
  const output = { bytes: 1, inputs, imports: [], exports: [] };
  expect(bundledFolders({ outputs: { 'operator.mjs': output } })).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/@x/b',
  ]);
});

test('the bill of the operator: each package of its bundle as it is locked, none else, and the same each time [S14]', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'federated-identity-sbom-'));
  try {
    const metafile = await bundleOperator({ outfile: join(folder, 'operator.mjs') });
    const own: Lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
    const inBundle = bundledFolders(metafile);
    const bom = billOfMaterials(own, inBundle);
    expect(inBundle.length).toBeGreaterThan(20);
    expect(bom.components).toHaveLength(inBundle.length);
    for (const [index, component] of bom.components.entries()) {
      const locked = own.packages[inBundle[index] ?? ''];
      expect([component.version, component.licenses.length, component.hashes?.length]).toEqual([locked?.version, 1, 1]);
      expect(component.purl).toMatch(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d/);
    }
    const refs = bom.dependencies.map(({ ref }) => ref);
    expect(new Set(refs).size).toBe(refs.length);
    expect(billOfMaterials(own, inBundle)).toEqual(bom);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);
