import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Runs a script by this Node, from the root and with the terminal of this process; resolves with its exit code. */
export function runNode(args: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  const stop = (): boolean => child.kill();
  process.on('SIGTERM', stop);
  child.once('error', reject);
  child.once('close', (code) => {
    process.off('SIGTERM', stop);
    resolve(code ?? 1);
  });
  return promise;
}
