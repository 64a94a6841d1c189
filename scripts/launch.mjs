// The one entry of every npm script. Any Node from 20 on can run this file: it installs the locked packages
// when they are missing or stale, then starts the command with Node 24, which runs .ts files as they are.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const lockFile = join(root, 'package-lock.json');
const stamp = join(root, 'node_modules', '.installed-lock');
const lock = sha256(readFileSync(lockFile));

/** By this file before, or by an `npm ci` by hand: npm writes its own record last. */
function isInstalled() {
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === lock;
  const record = join(root, 'node_modules', '.package-lock.json');
  return existsSync(record) && statSync(record).mtimeMs >= statSync(lockFile).mtimeMs;
}

/** npm ci first deletes node_modules: of several scripts that are started at once one installs, and the others wait. */
async function installOnce() {
  const holder = join(tmpdir(), `federated-identity-install-${sha256(root).slice(0, 16)}`);
  while (!isInstalled()) {
    try {
      writeFileSync(holder, String(process.pid), { flag: 'wx' });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (!isHeld(holder)) rmSync(holder, { force: true }); // it was killed
      else await sleep(1_000);
      continue;
    }
    try {
      install();
    } finally {
      rmSync(holder);
    }
  }
}

function isHeld(holder) {
  try {
    return process.kill(Number(readFileSync(holder, 'utf8')), 0);
  } catch (error) {
    return error.code !== 'ESRCH'; // somebody else's process, or done just now
  }
}

function install() {
  console.error('▸ installing the locked packages (npm ci, once, about a minute)');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0)
    throw new Error(
      `npm ci failed (exit ${status}). Check the network and the npm registry, then run the command again.`,
    );
  writeFileSync(stamp, lock);
}

try {
  await installOnce();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const [target, ...rest] = process.argv.slice(2);
if (target === undefined) {
  console.error('usage: node scripts/launch.mjs <file.ts | package binary> [arguments]');
  process.exit(2);
}
const own = Number(process.versions.node.split('.')[0]) >= 24;
const node = own ? process.execPath : join(root, 'node_modules', 'node', 'bin', 'node');
const script = target.endsWith('.ts') ? join(root, target) : binary(target);
const child = spawn(node, [script, ...rest], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));

/** The script behind a package's command, so that it too runs on Node 24. */
function binary(name) {
  const { bin } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  return join(root, 'node_modules', name, typeof bin === 'string' ? bin : bin[name]);
}
