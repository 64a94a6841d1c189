import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../cluster/process.ts';
import { imageArchive, linkedLibraries } from './image.ts';

test('two images of one archive share their layer, and every digest is that of the bytes it names', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'image-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const images = [
    { name: 'registry.example/a:1', entrypoint: ['/bin/a'] },
    { name: 'registry.example/b:1', entrypoint: ['/bin/b', '--flag'] },
  ];
  await writeFile(
    join(folder, 'archive.tar'),
    imageArchive([{ path: 'bin/a', mode: 0o755, content: Buffer.from('program') }], images),
  );
  await run('tar', ['-xf', join(folder, 'archive.tar'), '-C', folder]);
  const blob = async (digest: string) => {
    const content = await readFile(join(folder, 'blobs', 'sha256', digest.replace('sha256:', '')));
    expect(`sha256:${createHash('sha256').update(content).digest('hex')}`).toBe(digest);
    return content;
  };
  const json = async (digest: string) => JSON.parse((await blob(digest)).toString());
  const { manifests } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'));
  const layers = new Set<string>();
  for (const [index, { digest, annotations }] of manifests.entries()) {
    const manifest = await json(digest);
    const config = await json(manifest.config.digest);
    expect(annotations['io.containerd.image.name']).toBe(images[index]?.name);
    expect(config.config.Entrypoint).toEqual(images[index]?.entrypoint);
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
    layers.add(manifest.layers[0].digest);
  }
  expect(layers.size).toBe(1);
  await writeFile(join(folder, 'layer.tar'), await blob([...layers][0] ?? ''));
  expect(await run('tar', ['-tf', join(folder, 'layer.tar')])).toBe('bin/a\n');
});

test.each([
  {
    name: 'glibc',
    printed:
      '\tlinux-vdso.so.1 (0x00007f7f)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f7f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f7f)\n',
    libraries: ['/lib/x86_64-linux-gnu/libc.so.6', '/lib64/ld-linux-x86-64.so.2'],
  },
  {
    name: 'musl',
    printed: '\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibstdc++.so.6 => /usr/lib/libstdc++.so.6 (0x7f)\n',
    libraries: ['/lib/ld-musl-x86_64.so.1', '/usr/lib/libstdc++.so.6'],
  },
])('the libraries of a program are read from what ldd of $name prints', ({ printed, libraries }) => {
  expect(linkedLibraries(printed)).toEqual(libraries);
});
