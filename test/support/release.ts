import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../dev/cluster/process.ts';
import { bundleOperator } from '../../scripts/bundle.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SHIPPED = ['src', 'config'];

/** What is installed of one state of the sources. */
export interface Release {
  readonly name: string;
  /** Folder for `kubectl apply -k`. */
  readonly config: string;
  /** The bundle, as the image holds it. */
  readonly program: string;
}

/** The sources as they are now, bundled into `folder`. */
export async function thisRelease(folder: string): Promise<Release> {
  const program = join(folder, 'operator.mjs');
  await bundleOperator({ outfile: program });
  return { name: 'this tree', config: join(ROOT, 'config', 'dev'), program };
}

/**
 * What was shipped before: the revision of UPGRADE_FROM, else the newest tag before HEAD, else the last commit whose
 * operator or manifests are not those of now. In a copy without that history it is this tree, and one line says so.
 */
export async function releaseBefore(folder: string): Promise<Release> {
  const revision = process.env['UPGRADE_FROM'] ?? (await newestTag()) ?? (await lastOther());
  if (revision === undefined) {
    console.log('no earlier commit in this clone: the upgrade is from this tree to itself');
    return { ...(await thisRelease(folder)), name: 'this tree, once more' };
  }
  const root = join(folder, revision);
  await mkdir(root);
  await run('/bin/sh', ['-c', 'git archive "$1" src config | tar -x -C "$2"', 'archive', revision, root], {
    cwd: ROOT,
  });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const program = join(root, 'operator.mjs');
  await bundleOperator({ root, outfile: program });
  return { name: revision, config: join(root, 'config', 'dev'), program };
}

/** Resolves with the first line of what git prints, or undefined where it fails or prints nothing. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  const printed = await run('git', args, { cwd: ROOT }).catch(() => ''); // no git, no clone, or no such revision
  const [line = ''] = printed.split('\n');
  return line === '' ? undefined : line;
}

const newestTag = (): Promise<string | undefined> => git('describe', '--tags', '--abbrev=0', '--match', 'v*', 'HEAD^');

/** With changes that are not committed it is HEAD, else the commit before the one that changed them last. */
async function lastOther(): Promise<string | undefined> {
  const changed = await git('status', '--porcelain', '--', ...SHIPPED);
  if (changed !== undefined) return git('rev-parse', '--short', 'HEAD');
  const last = await git('rev-list', '--max-count=1', 'HEAD', '--', ...SHIPPED);
  return last === undefined ? undefined : git('rev-parse', '--verify', '--short', `${last}^`);
}
