import { AwsError } from '../errors.ts';
import { header, type HttpRequest } from '../http.ts';

/** What a request is about: nothing (ListBuckets), a bucket, or an object. */
export interface Address {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: URLSearchParams;
}

/** `BUCKET.s3.REGION.amazonaws.com[.cn]`, `BUCKET.s3-REGION…`, `BUCKET.localhost`. */
const VIRTUAL_HOST = /^(.+?)\.(?:s3[.-].*|localhost)$/;

/** Takes bucket and key from the host (virtual-hosted) or the path (path style). */
export function parseAddress(request: HttpRequest): Address {
  const host = (header(request, 'host') ?? '').replace(/:\d+$/, '');
  const [, virtualBucket] = VIRTUAL_HOST.exec(host) ?? [];
  const path = decodePath(request.path.replace(/^\//, ''));
  const query = new URLSearchParams(request.query);
  if (virtualBucket !== undefined) return { bucket: virtualBucket, key: path === '' ? undefined : path, query };
  const slash = path.indexOf('/');
  const bucket = slash === -1 ? path : path.slice(0, slash);
  const key = slash === -1 ? '' : path.slice(slash + 1);
  return { bucket: bucket === '' ? undefined : bucket, key: key === '' ? undefined : key, query };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new AwsError('InvalidURI', 400, "Couldn't parse the specified URI.", { cause: error });
  }
}

/** The body without `aws-chunked` framing (signed and unsigned streaming uploads; chunk signatures are not verified). */
export function unchunkedBody(request: HttpRequest): Buffer {
  const isChunked =
    header(request, 'content-encoding')?.includes('aws-chunked') === true ||
    header(request, 'x-amz-content-sha256')?.startsWith('STREAMING-') === true;
  if (!isChunked) return request.body;
  const parts: Buffer[] = [];
  let rest = request.body;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.subarray(0, Math.max(lineEnd, 0)).toString(), 16);
    if (lineEnd === -1 || !(size > 0)) return Buffer.concat(parts);
    const start = lineEnd + 2;
    parts.push(rest.subarray(start, start + size));
    rest = rest.subarray(start + size + 2);
  }
}
