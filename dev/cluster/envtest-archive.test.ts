import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { fetchArchiveIndex, selectArchive, unpackArchive } from './envtest-archive.ts';

const RELEASES = 'https://github.com/kubernetes-sigs/controller-tools/releases/download';
const hash = 'a'.repeat(128);

const index = (versions: readonly string[], base = RELEASES): string =>
  stringify({
    releases: Object.fromEntries(
      versions.map((version) => {
        const file = `envtest-${version}-linux-amd64.tar.gz`;
        return [version, { [file]: { hash, selfLink: `${base}/envtest-${version}/${file}` } }];
      }),
    ),
  });

describe('selectArchive', () => {
  test.each([
    { name: 'takes the very version', versions: ['v1.36.4', 'v1.36.3'], expected: '1.36.3' },
    {
      name: 'takes the newest patch when the version was not packed',
      versions: ['v1.36.9', 'v1.36.10'],
      expected: '1.36.10',
    },
    { name: 'takes no pre-release', versions: ['v1.36.0-beta.0'], expected: undefined },
    { name: 'takes no other minor version', versions: ['v1.35.3', 'v1.37.0'], expected: undefined },
  ])('$name', ({ versions, expected }) => {
    expect(selectArchive(index(versions), '1.36.3', 'linux-amd64')?.version).toBe(expected);
  });

  test('has nothing for a platform that is not in the index', () => {
    expect(selectArchive(index(['v1.36.3']), '1.36.3', 'plan9-mips')).toBeUndefined();
  });

  test('refuses an index that points elsewhere', () => {
    const foreign = index(['v1.36.3'], 'https://evil.example');
    expect(() => selectArchive(foreign, '1.36.3', 'linux-amd64')).toThrow('points to https://evil.example');
  });

  test('refuses an index without SHA-512 sums', () => {
    const weak = index(['v1.36.3']).replace(hash, 'a'.repeat(64));
    expect(() => selectArchive(weak, '1.36.3', 'linux-amd64')).toThrow(/hash/);
  });
});

const described = (sum: string) => ({ version: '1.36.3', url: `${RELEASES}/x.tar.gz`, hash: sum });
const unavailable = async (): Promise<Response> => new Response('', { status: 503 });

test('an answer other than 200 for the index is an error that names the status', async () => {
  await expect(fetchArchiveIndex(unavailable)).rejects.toThrow('answered 503');
});

describe('unpackArchive', () => {
  let folder: string;
  let archive: Buffer<ArrayBuffer>;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'archive-test-'));
    const source = join(folder, 'controller-tools', 'envtest');
    await mkdir(source, { recursive: true });
    for (const name of ['kube-apiserver', 'etcd', 'kubectl', 'README']) await writeFile(join(source, name), name);
    archive = execFileSync('tar', ['-czf', '-', '-C', folder, 'controller-tools']);
    await rm(join(folder, 'controller-tools'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const serve = async (): Promise<Response> => new Response(archive);

  test('unpacks the three programs of an archive with the right checksum', async () => {
    await unpackArchive(described(createHash('sha512').update(archive).digest('hex')), folder, serve);
    expect((await readdir(folder)).toSorted()).toEqual(['etcd', 'kube-apiserver', 'kubectl']);
    expect(await readFile(join(folder, 'etcd'), 'utf8')).toBe('etcd');
  });

  test('refuses an archive with another checksum, unpacks nothing and keeps no copy', async () => {
    await expect(unpackArchive(described(hash), folder, serve)).rejects.toThrow(/the index says a+: refused/);
    expect(await readdir(folder)).toEqual([]);
  });
});
