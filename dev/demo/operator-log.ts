import { copyFile, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../stack/stack.ts';

const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 40: 'warn ', 50: 'error', 60: 'fatal' };
const NOISE = new Set(['level', 'time', 'msg', 'controller', 'object', 'reconcileId', 'err']);

/** One line of the operator's log for a person: time, level, object, message, and the rest as key=value. */
export function logLine(json: string): string {
  const line = parsed(json);
  if (line === undefined) return json;
  const { time, level, object, msg, err } = line;
  const rest = Object.entries(line)
    .filter(([key]) => !NOISE.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const failure = typeof err === 'object' && err !== null && 'message' in err ? `: ${String(err.message)}` : '';
  const words = [
    new Date(Number(time)).toISOString().slice(11, 19),
    LEVELS[Number(level)] ?? 'info ',
    ...(typeof object === 'string' ? [object.replace(/^\//, '')] : []),
    String(msg),
    ...rest,
  ];
  return words.join(' ') + failure;
}

/** undefined for what is no line of the logger: a crash of Node writes plain text. */
function parsed(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return json.startsWith('{') ? JSON.parse(json) : undefined;
  } catch {
    return undefined;
  }
}

/** The operator's log so far, in lines for a person. */
export const readableLog = async ({ operator }: Stack): Promise<readonly string[]> =>
  (await readFile(operator.logFile, 'utf8')).trimEnd().split('\n').map(logLine);

/** Gives every line of the operator's log as it is written, until the signal aborts. */
export async function followLog({ operator }: Stack, write: (line: string) => void, signal: AbortSignal) {
  let shown = 0;
  while (!signal.aborted) {
    const lines = (await readFile(operator.logFile, 'utf8')).split('\n').slice(0, -1); // the last is not complete yet
    for (const line of lines.slice(shown)) write(logLine(line));
    shown = lines.length;
    await sleep(300, undefined, { signal }).catch(() => {}); // only the signal rejects
  }
}

/** Saves the logs from the stack's folder, which goes with the stack, and says where they are. */
export async function saveLogs(stack: Stack): Promise<string> {
  const { folder } = stack.cluster;
  const kept = await mkdtemp(join(tmpdir(), 'federated-identity-logs-'));
  const files = (await readdir(folder)).filter((name) => name.endsWith('.log'));
  for (const name of files) await copyFile(join(folder, name), join(kept, name));
  const tail = (await readableLog(stack)).slice(-8).map((line) => `  ${line}`);
  return ['', "The operator's log ends:", ...tail, '', `All logs: ${kept} (${files.join(', ')})`].join('\n');
}
