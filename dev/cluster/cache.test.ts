import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cacheFolder, cacheRoot, fillCache, findCached, install, withLock } from './cache.ts';
import { KUBERNETES_VERSION, minorVersion } from './version.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cache-test-'));
});
afterEach(() => rm(root, { recursive: true }));

const minor = minorVersion(KUBERNETES_VERSION);
const quiet = (): void => {};
const ALL = ['kube-apiserver', 'etcd', 'kubectl'];

describe('findCached', () => {
  test.each([
    { name: 'nothing is found in an empty cache', folders: {}, expected: undefined },
    {
      name: 'a folder that lacks kubectl is not used',
      folders: { [KUBERNETES_VERSION]: ALL.slice(0, 2) },
      expected: undefined,
    },
    {
      name: 'the wanted version wins over a newer patch',
      folders: { [`${minor}.99`]: ALL, [KUBERNETES_VERSION]: ALL },
      expected: KUBERNETES_VERSION,
    },
    {
      name: 'without it the newest complete patch serves, by number and not by spelling',
      folders: { [`${minor}.9`]: ALL, [`${minor}.10`]: ALL, [`${minor}.11`]: ['etcd'] },
      expected: `${minor}.10`,
    },
    { name: 'another minor version is never used', folders: { '1.35.4': ALL }, expected: undefined },
  ])('$name', async ({ folders, expected }) => {
    for (const [version, names] of Object.entries(folders)) {
      await mkdir(cacheFolder(root, version));
      for (const name of names) await writeFile(join(cacheFolder(root, version), name), '', { mode: 0o755 });
    }
    expect((await findCached(root))?.version).toBe(expected);
  });
});

describe('cacheRoot', () => {
  test('follows XDG_CACHE_HOME', () => {
    expect(cacheRoot({ XDG_CACHE_HOME: '/cache' })).toBe('/cache/federated-identity-operator');
  });

  test('ignores a relative XDG_CACHE_HOME, as the XDG specification asks: it would lie in the checkout', () => {
    expect(cacheRoot({ XDG_CACHE_HOME: 'cache' })).toMatch(/^\/.*\/\.cache\/federated-identity-operator$/);
  });
});

describe('install', () => {
  test('puts the named programs into the folder, executable, and leaves nothing else behind', async () => {
    const target = join(root, 'kubernetes');
    await install(target, ['etcd'], async (folder) => {
      await writeFile(join(folder, 'etcd'), 'program', { mode: 0o600 });
      await writeFile(join(folder, 'archive.tar.gz'), 'rest');
    });
    expect(await readdir(root, { recursive: true })).toEqual(['kubernetes', 'kubernetes/etcd']);
  });

  test('leaves no half cache when the work fails', async () => {
    const broken = install(join(root, 'kubernetes'), ['etcd', 'kubectl'], async (folder) => {
      await writeFile(join(folder, 'etcd'), 'program');
      throw new Error('compiler crashed');
    });
    await expect(broken).rejects.toThrow('compiler crashed');
    expect(await readdir(root)).toEqual([]);
  });
});

describe('withLock', () => {
  test('lets one at a time work, says that the other waits, and gives the lock back', async () => {
    const events: string[] = [];
    const first = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<void>();
    const one = withLock(root, 'build', quiet, async () => {
      began.resolve();
      await first.promise;
      events.push('one');
    });
    await began.promise;
    const two = withLock(
      root,
      'build',
      () => waiting.resolve(),
      async () => void events.push('two'),
    );
    await waiting.promise;
    first.resolve();
    await Promise.all([one, two]);
    expect(events).toEqual(['one', 'two']);
    expect(await readdir(root)).toEqual([]);
  });

  test('is given back when the work fails', async () => {
    await expect(withLock(root, 'build', quiet, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await readdir(root)).toEqual([]);
  });

  test.each([
    { name: 'of a process of this machine that is dead', owner: `${hostname()} 2147483646 x`, ageMs: 0 },
    { name: 'that another machine has not renewed for over a minute', owner: 'elsewhere 1 x', ageMs: 61_000 },
  ])('takes over a lock $name', async ({ owner, ageMs }) => {
    const file = join(root, 'build.lock');
    await writeFile(file, owner);
    const then = new Date(Date.now() - ageMs);
    await utimes(file, then, then);
    expect(await withLock(root, 'build', quiet, async () => 'worked')).toBe('worked');
  });
});

describe('fillCache', () => {
  const entry = (names: readonly string[]) => ({ root, folder: join(root, 'tools'), names, lock: 'tools' });
  const making = (names: readonly string[]) => async (folder: string) => {
    for (const name of names) await writeFile(join(folder, name), 'program');
  };

  test('makes what is not there, once for all who wait', async () => {
    let made = 0;
    const fill = () =>
      fillCache(entry(['helm']), quiet, async (folder) => {
        made += 1;
        await making(['helm'])(folder);
      });
    await Promise.all([fill(), fill()]);
    expect([made, await readdir(join(root, 'tools'))]).toEqual([1, ['helm']]);
  });

  test('makes all where one is missing, and leaves what else is in the folder', async () => {
    await fillCache(entry(['helm']), quiet, making(['helm']));
    await fillCache(entry(['helm', 'kubectl']), quiet, making(['helm', 'kubectl']));
    await fillCache(entry(['etcd']), quiet, making(['etcd']));
    expect((await readdir(join(root, 'tools'))).toSorted()).toEqual(['etcd', 'helm', 'kubectl']);
  });
});
