import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../cluster/process.ts';
import { tar } from './tar.ts';

test('the tar of the system unpacks what was packed, with its bytes and permissions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tar-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = [
    { path: 'bin/program', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
    { path: 'empty', mode: 0o644, content: Buffer.alloc(0) },
    { path: 'block', mode: 0o600, content: Buffer.alloc(512, 'x') },
  ];
  await writeFile(join(folder, 'archive.tar'), tar(files));
  const said = await run('tar', ['-xvpf', join(folder, 'archive.tar'), '-C', folder]);
  expect(said.trim().split('\n')).toEqual(files.map(({ path }) => path));
  for (const { path, mode, content } of files) {
    expect(await readFile(join(folder, path))).toEqual(content);
    expect((await stat(join(folder, path))).mode & 0o777).toBe(mode);
  }
});

test('a path that would be cut is refused', () => {
  expect(() => tar([{ path: 'a'.repeat(101), mode: 0o644, content: Buffer.alloc(0) }])).toThrow(
    '100 bytes are the most',
  );
});
