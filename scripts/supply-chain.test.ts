import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Package {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest: { readonly dependencies: Record<string, string>; readonly devDependencies: Record<string, string> } =
  JSON.parse(read('package.json'));
const { packages }: { readonly packages: Readonly<Record<string, Package>> } = JSON.parse(read('package-lock.json'));
const locked = Object.entries(packages).filter(([path]) => path !== '');

test('the operator has at most ten direct dependencies, and each of them is one exact version [S14]', () => {
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(10);
  const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

test('every package is locked by its SHA-512, and comes from no place of its own [S14]', () => {
  expect(locked.length).toBeGreaterThan(100);
  const bad = locked.filter(
    ([, { integrity = '', resolved, link }]) =>
      !/^sha512-[\w+/]{86}==$/.test(integrity) || resolved !== undefined || link === true,
  );
  expect(bad.map(([path]) => path)).toEqual([]);
});

test('no package of the operator runs anything when it is installed, and the image is built without such scripts [S14]', () => {
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  expect(scripted.filter(([, { dev }]) => dev !== true).map(([path]) => path)).toEqual([]);
  const installs = [...read('Dockerfile').matchAll(/npm (?:ci|install|i)\b.*/g)].map(([command]) => command);
  expect(installs.length).toBeGreaterThan(0);
  expect(installs.filter((command) => !command.includes('--ignore-scripts'))).toEqual([]);
});

test('what is shipped is under licences that need no more than to be named [S14]', () => {
  const allowed = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'PSF-2.0', 'Unlicense'];
  const others = locked.filter(([, { dev, license = 'none' }]) => dev !== true && !allowed.includes(license));
  expect(others.map(([path, { license }]) => `${path}: ${license}`)).toEqual([]);
});

test('the product starts no program and makes no code out of text [S12]', () => {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join('src', file));
  expect(sources.length).toBeGreaterThan(100);
  const found = sources.filter((file) =>
    /node:(?:child_process|vm|worker_threads)|\beval\(|new Function\(/.test(read(file)),
  );
  expect(found).toEqual([]);
});
