// The one entry of every npm script. Any Node from 20 on can run this file: it installs the locked packages
// when they are missing or stale, then starts the command with Node 24, which runs .ts files as they are.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, 'node_modules', '.installed-lock');
const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.error('▸ installing the locked packages (npm ci, once, about a minute)');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const install = spawnSync(npm, ['ci', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (install.status !== 0) {
    console.error(
      `npm ci failed (exit ${install.status}). Check the network and the npm registry, then run the command again.`,
    );
    process.exit(install.status ?? 1);
  }
  writeFileSync(stamp, lock);
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
