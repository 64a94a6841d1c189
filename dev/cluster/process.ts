import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Text for the standard input. */
  readonly input?: string;
  /** Milliseconds after which the program is killed; none by default. */
  readonly timeoutMs?: number;
}

/** A program that ended with another exit code than 0. `message` ends in the last lines that it wrote. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
}

/**
 * Runs a program to its end and returns what it wrote to standard output. It dies with this process.
 * Throws ProgramError when it can't be started, fails or takes too long.
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  // Its own process group, so that its children (compilers) are ended with it.
  const child = spawn(program, args, { cwd: options.cwd, env: options.env, detached: true, stdio: 'pipe' });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.on('error', () => {}); // a program that reads no input closes it: not a failure
  child.stdin.end(options.input);
  const closed = once(child, 'close');
  using _guard = endWithThisProcess(child);
  const timer = setTimeout(() => kill(child, 'SIGKILL'), options.timeoutMs ?? 2 ** 31 - 1);
  const command = [program, ...args.slice(0, 3)].join(' ');
  try {
    const [code] = await closed;
    if (code === 0) return Buffer.concat(output).toString();
    const cause = code === null ? 'was killed' : `failed with exit code ${code}`;
    const said = lastLines(`${Buffer.concat(output)}${Buffer.concat(errors)}`, 12);
    throw new ProgramError(`${command} ${cause}:\n${said}`);
  } catch (error) {
    if (error instanceof ProgramError) throw error;
    throw new ProgramError(`${command} could not be started: ${String(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

export interface Service {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** True once the process has ended, for whatever reason. */
  readonly ended: boolean;
  /** Ends it: SIGTERM, and SIGKILL after `graceMs` (0: SIGKILL at once). Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

export interface ServiceOptions {
  /** For messages. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Starts a long-running program that writes to `logFile` (appended). It neither keeps this process alive nor
 * outlives it. Throws ProgramError when it can't be started.
 */
export async function startService({ name, program, args, logFile, env }: ServiceOptions): Promise<Service> {
  const log = openSync(logFile, 'a', 0o600);
  // Its own process group: a Ctrl-C in the terminal reaches this process first, which then ends it in order.
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env: env ?? process.env });
  closeSync(log);
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new ProgramError(`${name} could not be started: ${String(error)}`, { cause: error });
  }
  const guard = endWithThisProcess(child);
  const exited = once(child, 'exit').then(() => guard[Symbol.dispose]());
  child.unref();
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    stop: async (graceMs) => {
      child.ref();
      kill(child, graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
      const patience = new AbortController();
      const late = sleep(graceMs, undefined, { signal: patience.signal }).then(
        () => kill(child, 'SIGKILL'),
        () => {},
      );
      await exited;
      patience.abort();
      await late;
    },
  };
}

/**
 * Runs a shell script when this process ends in any way before the result is disposed, SIGKILL included:
 * a shell waits on a pipe that only this process holds. POSIX only.
 */
export function whenThisProcessEnds(script: string, ...args: readonly string[]): Disposable {
  const watchdog = spawn('/bin/sh', ['-c', `read -r _; ${script}`, 'watchdog', ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => {}); // without /bin/sh there is no watchdog; stop() still works
  watchdog.stdin.on('error', () => {});
  watchdog.unref();
  if ('unref' in watchdog.stdin && typeof watchdog.stdin.unref === 'function') watchdog.stdin.unref();
  return { [Symbol.dispose]: () => void watchdog.kill('SIGKILL') };
}

/** The last lines of a log file, for an error message; says so when the file can't be read. */
export async function logTail(file: string, count = 15): Promise<string> {
  try {
    await using handle = await open(file);
    const { size } = await handle.stat();
    const length = Math.min(size, 16_384);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return lastLines(buffer.subarray(0, bytesRead).toString(), count);
  } catch (error) {
    return `(no log: ${String(error)})`;
  }
}

function endWithThisProcess(child: ChildProcess): Disposable {
  return child.pid === undefined
    ? { [Symbol.dispose]: () => {} }
    : whenThisProcessEnds('kill -s KILL -- "-$1"', String(child.pid));
}

/** Signals the child's whole process group; a group that is gone needs no signal. */
function kill(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
