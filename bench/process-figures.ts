import { open, readFile, stat } from 'node:fs/promises';

const TICKS_PER_SECOND = 100; // USER_HZ, the same on every Linux

/** MiB that the process holds in memory now, and seconds of CPU that it has used so far. Linux only. */
export async function processFigures(pid: number): Promise<{ readonly rssMiB: number; readonly cpuSeconds: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' '); // the name may hold spaces
  const ticks = Number(fields[11]) + Number(fields[12]); // utime and stime, proc(5)
  return { rssMiB: rss / 1024, cpuSeconds: ticks / TICKS_PER_SECOND };
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly subresource?: string };
}

export const auditMark = async (file: string): Promise<number> => (await stat(file)).size;

/** Requests of the operator that are no reads. */
export interface Writes {
  /** As `verb resource`, how many of each. */
  readonly stored: Readonly<Record<string, number>>;
  readonly leases: number;
  /** TokenRequests: creations by their verb, but the API server signs and keeps nothing. */
  readonly tokens: number;
}

/** What the audit log shows of the operator's writes since a mark. */
export async function operatorWrites(file: string, mark: number): Promise<Writes> {
  await using handle = await open(file);
  const counts: Record<string, number> = {};
  for await (const line of handle.readLines({ start: mark })) {
    if (!line.includes(':federated-identity-operator"')) continue;
    const { verb, user, objectRef }: AuditEvent = JSON.parse(line);
    if (!user.username.endsWith(':federated-identity-operator') || ['get', 'list', 'watch'].includes(verb)) continue;
    const what = `${verb} ${objectRef?.resource}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  const { 'update leases': leases = 0, 'create serviceaccounts/token': tokens = 0, ...stored } = counts;
  return { stored, leases, tokens };
}

export const totalOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);
