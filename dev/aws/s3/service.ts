import { randomUUID } from 'node:crypto';
import { authorize, findDenial, type Permission, type Principal, principalArn, principalOf } from '../authorize.ts';
import { type AwsError, ConnectionCut, notImplemented, toAwsError } from '../errors.ts';
import { outcomeFields } from '../calls.ts';
import type { FaultCandidate } from '../faults.ts';
import { header, type HttpRequest, type HttpResponse } from '../http.ts';
import type { Outcome, Services } from '../query-service.ts';
import { authenticate, type Signature } from '../sigv4.ts';
import { xmlElement } from '../xml.ts';
import { type Address, parseAddress } from './address.ts';
import { findOperation, permissionFor, type S3Operation } from './operations.ts';

/** Authenticates, logs and answers one S3 request. Unsigned requests are anonymous: a bucket policy may allow them. */
export async function serveS3(
  services: Services,
  request: HttpRequest,
  signature: Signature | undefined,
): Promise<Outcome> {
  const requestId = randomUUID();
  let address: Address = { bucket: undefined, key: undefined, query: new URLSearchParams() };
  try {
    address = parseAddress(request);
    const operation = findOperation(request, address);
    if (operation === undefined) {
      throw notImplemented(`${request.method} ${request.path}?${request.query}`);
    }
    const principal = authenticateS3(services, request, { operation, signature });
    const region = bucketElsewhere(services, operation, address, signature);
    if (region !== undefined) return { kind: 'answer', response: redirectResponse(address, region, requestId) };
    return await perform(services, { request, address, operation, principal, requestId });
  } catch (error) {
    if (error instanceof ConnectionCut) return { kind: 'drop' };
    return { kind: 'answer', response: errorResponse(request, address, toAwsError(error), requestId) };
  }
}

function authenticateS3(
  { world, calls }: Services,
  request: HttpRequest,
  { operation, signature }: { readonly operation: S3Operation; readonly signature: Signature | undefined },
): Principal {
  if (signature === undefined) return { kind: 'anonymous' };
  try {
    return principalOf(authenticate(request, signature, world), world);
  } catch (error) {
    const userAgent = header(request, 'user-agent') ?? '';
    const { name, write } = operation;
    calls.recordUnauthenticated(
      { service: 's3', operation: name, write, parameters: {}, userAgent, time: world.now() },
      error,
    );
    throw error;
  }
}

interface Performance {
  readonly request: HttpRequest;
  readonly address: Address;
  readonly operation: S3Operation;
  readonly principal: Principal;
  readonly requestId: string;
}

async function perform(
  services: Services,
  { request, address, operation, principal, requestId }: Performance,
): Promise<Outcome> {
  const { world } = services;
  const account = principal.kind === 'anonymous' ? undefined : principal.account;
  const permission = permissionFor(operation, address, world, account ?? '000000000000');
  const candidate: FaultCandidate = {
    service: 's3',
    operation: operation.name,
    account: permission.resourceAccount,
    principal: principalArn(principal),
    resource: permission.resource,
    write: operation.write,
    parameters: Object.fromEntries(address.query),
  };
  let failure: unknown;
  try {
    const { dropResponse } = await services.faults.strike(candidate);
    await authorize(principal, permission, world);
    const isAllowed = async (action: string, resource: string): Promise<boolean> =>
      (await findDenial(principal, otherPermission(permission, action, resource), world)) === undefined;
    const response = await operation.run({ world, request, address, account, isAllowed });
    if (dropResponse) return { kind: 'drop' };
    return {
      kind: 'answer',
      response: { ...response, headers: { ...response.headers, 'x-amz-request-id': requestId } },
    };
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    const userAgent = header(request, 'user-agent') ?? '';
    services.calls.record({ ...candidate, time: world.now(), ...outcomeFields(failure), userAgent });
  }
}

const otherPermission = (permission: Permission, action: string, resource: string): Permission => ({
  ...permission,
  action,
  resource,
  context: {},
});

/** The region of a bucket that is not in the one that the request is signed for. Anybody may learn it. */
function bucketElsewhere(
  { world }: Services,
  operation: S3Operation,
  { bucket: name = '' }: Address,
  signature: Signature | undefined,
): string | undefined {
  const bucket = world.buckets.get(name);
  if (bucket === undefined || signature === undefined || operation.name === 'CreateBucket') return undefined;
  return bucket.region === signature.region ? undefined : bucket.region;
}

function redirectResponse({ bucket = '' }: Address, region: string, requestId: string): HttpResponse {
  const content = {
    Code: 'PermanentRedirect',
    Message:
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
    Endpoint: `${bucket}.s3.${region}.amazonaws.com`,
    Bucket: bucket,
    RequestId: requestId,
    HostId: 'local-aws',
  };
  return {
    status: 301,
    headers: { 'content-type': 'application/xml', 'x-amz-bucket-region': region, 'x-amz-request-id': requestId },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement('Error', content)}`,
  };
}

/** S3's own names for what SigV4 verification finds (S3 API, "Error responses"). */
const CODES: Readonly<Record<string, string>> = { InvalidClientTokenId: 'InvalidAccessKeyId' };
const MESSAGES: Readonly<Record<string, string>> = {
  InvalidClientTokenId: 'The AWS Access Key Id you provided does not exist in our records.',
  ExpiredToken: 'The provided token has expired.',
};

function errorResponse(request: HttpRequest, address: Address, error: AwsError, requestId: string): HttpResponse {
  const content = {
    Code: CODES[error.code] ?? error.code,
    Message: MESSAGES[error.code] ?? error.message,
    BucketName: error.code === 'NoSuchBucket' ? address.bucket : undefined,
    Key: error.code === 'NoSuchKey' ? address.key : undefined,
    RequestId: requestId,
    HostId: 'local-aws',
  };
  const status = error.code === 'ExpiredToken' ? 400 : error.status;
  const headers = { 'content-type': 'application/xml', 'x-amz-request-id': requestId };
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement('Error', content)}`;
  return { status, headers, body: request.method === 'HEAD' ? '' : body };
}
