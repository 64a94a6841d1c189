/** Where the two webhooks are; what a request is about its review says again. */
export const WEBHOOK_PATHS = { injectPod: '/inject-pod', markServiceAccount: '/mark-service-account' } as const;
const PATHS: readonly string[] = Object.values(WEBHOOK_PATHS);

/** An API server takes objects of 3 MiB; as JSON and with its review around it a pod can be larger. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

export interface RequestHead {
  readonly method: string;
  /** Without the query, to which API servers add their timeout. */
  readonly path: string;
  readonly contentType: string;
  readonly contentLength: number;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const tooLarge: Reply = { status: 413, body: `the body is larger than ${MAX_BODY_BYTES} bytes` };

/** Why a request is not answered, from its head; undefined where its body should be read. */
export function refusalOf({ method, path, contentType, contentLength }: RequestHead): Reply | undefined {
  if (!PATHS.includes(path)) return { status: 404, body: `not found: the webhooks are at ${PATHS.join(' and ')}` };
  if (method !== 'POST') return { status: 405, body: 'only POST', headers: { allow: 'POST' } };
  if (!/^application\/json(?:\s*;|$)/i.test(contentType))
    return { status: 415, body: `content type "${contentType.slice(0, 100)}" is not application/json` };
  return contentLength > MAX_BODY_BYTES ? tooLarge : undefined;
}
