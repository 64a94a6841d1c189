import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { logTail, type Service, startService } from '../cluster/process.ts';

/** The operator as a process of its own, as it runs in a pod. */
export interface OperatorProcess {
  /** Its log, JSON lines. */
  readonly logFile: string;
  /** Base URL of /healthz, /readyz and /metrics. */
  readonly url: string;
  readonly pid: number;
  /** Lines of the log so far. */
  log(): Promise<readonly LogLine[]>;
  /** SIGTERM, and SIGKILL after `graceMs`; 0 kills at once. */
  stop(graceMs?: number): Promise<void>;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export interface OperatorOptions {
  readonly kubeconfig: string;
  readonly folder: string;
  /** AWS_* of the operator, and its settings by their environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** What to start; default: the sources, by this Node. */
  readonly program?: string;
  /** Default: `run`, without a flag. */
  readonly args?: readonly string[];
}

const SOURCES = join(fileURLToPath(new URL('../..', import.meta.url)), 'src', 'main.ts');
const GRACE_MS = 15_000;

/** Starts the operator and waits until it is ready. Throws with the end of its log if it is not within a minute. */
export async function startOperator({
  kubeconfig,
  folder,
  environment,
  program,
  args = ['run'],
}: OperatorOptions): Promise<OperatorProcess> {
  const logFile = join(folder, 'operator.log');
  const url = `http://127.0.0.1:${await freePort()}`;
  const service = await startService({
    name: 'the operator',
    program: process.execPath,
    args: [program ?? SOURCES, ...args],
    logFile,
    env: {
      PATH: process.env['PATH'],
      HOME: folder, // no ~/.aws of the developer
      KUBECONFIG: kubeconfig,
      METRICS_BIND_ADDRESS: new URL(url).host,
      ...environment,
    },
  });
  await untilReady(service, url, logFile);
  return {
    logFile,
    url,
    pid: service.pid,
    log: () => readLog(logFile),
    stop: (graceMs = GRACE_MS) => service.stop(graceMs),
  };
}

async function untilReady(service: Service, url: string, logFile: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline && !service.ended) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined); // it does not listen yet
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await service.stop(0);
  throw new Error(`the operator did not become ready; its log ends:\n${await logTail(logFile)}`);
}

async function readLog(file: string): Promise<readonly LogLine[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line): LogLine => JSON.parse(line));
}

/** A port of the loopback interface that nobody listens on now. */
export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
  });
  return promise;
}
