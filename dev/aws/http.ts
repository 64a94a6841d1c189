import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { AwsError } from './errors.ts';

/** One request with its body read. `path` and `query` are raw, still percent-encoded: SigV4 signs them so. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Reads a request to its end; more than 64 MiB is refused with S3's EntityTooLarge. */
export async function readRequest(incoming: IncomingMessage): Promise<HttpRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BODY_BYTES)
      throw new AwsError('EntityTooLarge', 400, 'Your proposed upload exceeds the maximum allowed size.');
    chunks.push(bytes);
  }
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? '' : target.slice(mark + 1),
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
}

export function writeResponse(response: HttpResponse, to: ServerResponse): void {
  to.writeHead(response.status, response.headers);
  to.end(response.body);
}

/** A header's value, the first one if it was sent several times. */
export function header(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
