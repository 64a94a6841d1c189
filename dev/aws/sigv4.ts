import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { AwsError } from './errors.ts';
import { header, type HttpRequest } from './http.ts';
import type { Credential, World } from './state.ts';

/** The parts of an `Authorization: AWS4-HMAC-SHA256 …` header. */
export interface Signature {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256\s+Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request,\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/;

/** Parses the Authorization header; `undefined` when there is none. A header that is not SigV4 is IncompleteSignature. */
export function parseSignature(request: HttpRequest): Signature | undefined {
  const authorization = header(request, 'authorization');
  if (authorization === undefined) return undefined;
  const [, accessKeyId, date, region, service, signedHeaders, signature] = AUTHORIZATION.exec(authorization) ?? [];
  if (!accessKeyId || !date || !region || !service || !signedHeaders || !signature) {
    throw new AwsError('IncompleteSignature', 400, 'Authorization header is not a valid AWS4-HMAC-SHA256 signature.');
  }
  return { accessKeyId, date, region, service, signedHeaders: signedHeaders.split(';'), signature };
}

/**
 * Verifies a SigV4 signature (header form) and finds its credential. The region is not checked: SDKs sign a custom
 * endpoint with whatever region is configured. Clock skew is not checked: the double's clock may be a test's.
 * Errors: MissingAuthenticationToken, InvalidClientTokenId, ExpiredToken, SignatureDoesNotMatch (all 403; S3's own
 * names are mapped by its writer).
 */
export function authenticate(request: HttpRequest, signature: Signature | undefined, world: World): Credential {
  if (signature === undefined) {
    throw new AwsError('MissingAuthenticationToken', 403, 'Request is missing Authentication Token');
  }
  const credential = world.credentials.get(signature.accessKeyId);
  const token = header(request, 'x-amz-security-token');
  if (credential === undefined || (credential.kind === 'session' && credential.sessionToken !== token)) {
    throw new AwsError('InvalidClientTokenId', 403, 'The security token included in the request is invalid.');
  }
  if (!matches(signature, credential.secretAccessKey, request)) {
    throw new AwsError(
      'SignatureDoesNotMatch',
      403,
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  if (credential.kind === 'session' && credential.expiration <= world.now()) {
    throw new AwsError('ExpiredToken', 403, 'The security token included in the request is expired');
  }
  return credential;
}

function matches(signature: Signature, secretAccessKey: string, request: HttpRequest): boolean {
  const scope = [signature.date, signature.region, signature.service, 'aws4_request'];
  const key = scope.reduce<Buffer>((derived, part) => hmac(derived, part), Buffer.from(`AWS4${secretAccessKey}`));
  const stringToSign = [
    'AWS4-HMAC-SHA256',
    header(request, 'x-amz-date') ?? '',
    scope.join('/'),
    sha256(canonicalRequest(signature, request)),
  ].join('\n');
  return timingSafeEqual(hmac(key, stringToSign), Buffer.from(signature.signature, 'hex'));
}

/** Docs: "Create a canonical request" (Signature Version 4). S3 signs the path as sent, others encode it once more. */
function canonicalRequest(signature: Signature, request: HttpRequest): string {
  const path = signature.service === 's3' ? request.path : request.path.split('/').map(encodeURIComponent).join('/');
  const headers = signature.signedHeaders.map((name) => {
    const value = request.headers[name];
    return `${name}:${[value ?? ''].flat().join(',').trim().replace(/ +/g, ' ')}\n`;
  });
  return [
    request.method,
    path,
    canonicalQuery(request.query),
    headers.join(''),
    signature.signedHeaders.join(';'),
    payloadHash(request),
  ].join('\n');
}

function canonicalQuery(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .toSorted()
    .join('&');
}

/** The declared hash (S3 allows UNSIGNED-PAYLOAD and STREAMING-…); a declared SHA-256 must fit the body. */
function payloadHash(request: HttpRequest): string {
  const declared = header(request, 'x-amz-content-sha256');
  const actual = sha256(request.body);
  if (declared !== undefined && /^[0-9a-f]{64}$/.test(declared) && declared !== actual) {
    throw new AwsError(
      'XAmzContentSHA256Mismatch',
      400,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  return declared ?? actual;
}

const hmac = (key: Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
