import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One kind of request to the API server, by the words of RBAC. */
export interface UsedRight {
  readonly verb: string;
  /** Of a resource; a subresource is part of it, as in `serviceaccounts/token`. */
  readonly group?: string;
  readonly resource?: string;
  /** Of what is no resource, such as `/openid/v1/jwks`. */
  readonly path?: string;
  readonly allowed: boolean;
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string };
  readonly impersonatedUser?: object;
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a user has asked of an API server, each kind once, from its audit log. Requests that tests made by kubectl are not the user's. */
export function usedRights(auditLog: string, username: string): readonly UsedRight[] {
  const rights = new Map<string, UsedRight>();
  for (const line of auditLog.split('\n')) {
    if (!line.includes(username)) continue;
    const event = parsed(line);
    if (event === undefined || event.user.username !== username || event.stage === 'RequestReceived') continue;
    if (event.impersonatedUser !== undefined || event.userAgent?.startsWith('kubectl') === true) continue;
    const decision = event.annotations?.['authorization.k8s.io/decision'];
    if (decision === undefined) continue; // it came to no decision: not authenticated, or given up
    const right = { ...objectOf(event), allowed: decision === 'allow' };
    rights.set(JSON.stringify(right), right);
  }
  return [...rights.values()];
}

function objectOf({ verb, requestURI, objectRef }: AuditEvent): Omit<UsedRight, 'allowed'> {
  if (objectRef?.resource === undefined) return { verb, path: requestURI.replace(/\?.*$/, '') };
  const { apiGroup: group = '', resource, subresource } = objectRef;
  return { verb, group, resource: subresource === undefined ? resource : `${resource}/${subresource}` };
}

/** The last line of a log that is still written may be cut. */
function parsed(line: string): AuditEvent | undefined {
  try {
    const event: AuditEvent = JSON.parse(line);
    return event;
  } catch {
    return undefined;
  }
}

/** Leaves what a ServiceAccount has used in a folder, if there is one, for whoever compares it with what it may. */
export async function keepUsedRights(auditLog: string, username: string, folder: string | undefined): Promise<void> {
  if (folder === undefined) return;
  const used = usedRights(await readFile(auditLog, 'utf8'), username);
  await writeFile(join(folder, `${randomUUID()}.json`), JSON.stringify(used));
}
