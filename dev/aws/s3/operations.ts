import { createHash } from 'node:crypto';
import type { Permission } from '../authorize.ts';
import { AwsError } from '../errors.ts';
import type { HttpRequest, HttpResponse } from '../http.ts';
import { header } from '../http.ts';
import type { Bucket, StoredObject, World } from '../state.ts';
import { flatList, xmlElement, type XmlRecord } from '../xml.ts';
import { type Address, unchunkedBody } from './address.ts';
import { listObjects } from './list-objects.ts';

/** One S3 call after routing. */
interface S3Call {
  readonly world: World;
  readonly request: HttpRequest;
  readonly address: Address;
  /** Account of the caller, absent for an anonymous one. */
  readonly account: string | undefined;
  /** Asks whether the caller could do something else too (ListBucket, for NoSuchKey or AccessDenied). */
  readonly isAllowed: (action: string, resource: string) => Promise<boolean>;
}

export interface S3Operation {
  readonly name: string;
  /** IAM action that the operation needs. */
  readonly action: string;
  readonly write: boolean;
  readonly run: (call: S3Call) => Promise<HttpResponse> | HttpResponse;
}

const XMLNS = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

const xmlAnswer = (name: string, content: XmlRecord): HttpResponse => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement(name, content, XMLNS)}`,
});

const empty = (status: number, headers: Readonly<Record<string, string>> = {}): HttpResponse => ({
  status,
  headers,
  body: '',
});

const LIST_BUCKETS: S3Operation = {
  name: 'ListBuckets',
  action: 's3:ListAllMyBuckets',
  write: false,
  run: listBuckets,
};
const ON_BUCKET: Readonly<Record<string, S3Operation>> = {
  PUT: { name: 'CreateBucket', action: 's3:CreateBucket', write: true, run: createBucket },
  GET: { name: 'ListObjectsV2', action: 's3:ListBucket', write: false, run: listBucket },
  HEAD: { name: 'HeadBucket', action: 's3:ListBucket', write: false, run: headBucket },
};
const ON_OBJECT: Readonly<Record<string, S3Operation>> = {
  PUT: { name: 'PutObject', action: 's3:PutObject', write: true, run: putObject },
  GET: { name: 'GetObject', action: 's3:GetObject', write: false, run: getObject },
  HEAD: { name: 'HeadObject', action: 's3:GetObject', write: false, run: getObject },
  DELETE: { name: 'DeleteObject', action: 's3:DeleteObject', write: true, run: deleteObject },
};
/** Subresources that the double does not have; answering the plain operation instead would be a lie. */
const SUBRESOURCES = [
  'acl',
  'cors',
  'lifecycle',
  'location',
  'policy',
  'tagging',
  'uploads',
  'uploadId',
  'versioning',
  'versions',
  'delete',
  'publicAccessBlock',
];

/** The operation of a request by method and address; `undefined` if the double has none. */
export function findOperation(request: HttpRequest, address: Address): S3Operation | undefined {
  if (SUBRESOURCES.some((name) => address.query.has(name))) return undefined;
  if (header(request, 'x-amz-copy-source') !== undefined) return undefined;
  if (address.key !== undefined) return ON_OBJECT[request.method];
  if (address.bucket !== undefined) return ON_BUCKET[request.method];
  return request.method === 'GET' ? LIST_BUCKETS : undefined;
}

/** The permission that the operation needs; bucket policies count. */
export function permissionFor(
  operation: S3Operation,
  address: Address,
  world: World,
  callerAccount: string,
): Permission {
  const { bucket: name = '*', key } = address;
  // A taken name is no secret: CreateBucket is authorised in the caller's account, whoever owns the name.
  const bucket = operation === ON_BUCKET['PUT'] ? undefined : world.buckets.get(name);
  return {
    action: operation.action,
    resource:
      operation === LIST_BUCKETS ? '*' : `arn:${world.partition}:s3:::${name}${key === undefined ? '' : `/${key}`}`,
    shownResource: operation === LIST_BUCKETS ? `arn:${world.partition}:s3:::*` : undefined,
    resourceAccount: bucket?.account ?? callerAccount,
    context: prefixContext(operation, address),
    resourcePolicy: bucket?.policy,
  };
}

function prefixContext(operation: S3Operation, { query }: Address): Record<string, string> {
  if (operation.name !== 'ListObjectsV2') return {};
  const delimiter = query.get('delimiter');
  return { 's3:prefix': query.get('prefix') ?? '', ...(delimiter === null ? {} : { 's3:delimiter': delimiter }) };
}

function findBucket({ world, address }: S3Call): Bucket {
  const bucket = world.buckets.get(address.bucket ?? '');
  if (bucket === undefined) throw new AwsError('NoSuchBucket', 404, 'The specified bucket does not exist');
  return bucket;
}

/** Buckets of the caller's account. */
function listBuckets({ world, account }: S3Call): HttpResponse {
  const own = [...world.buckets.values()]
    .filter((bucket) => bucket.account === account)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const Bucket = own.map(({ name, createDate, region }) => ({
    Name: name,
    CreationDate: createDate,
    BucketRegion: region,
  }));
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: {
      ID: createHash('sha256')
        .update(account ?? '')
        .digest('hex'),
    },
    Buckets: { Bucket: flatList(Bucket) },
  });
}

const BUCKET_NAME = /^(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function createBucket({ world, request, address, account }: S3Call): HttpResponse {
  const name = address.bucket ?? '';
  if (!BUCKET_NAME.test(name)) throw new AwsError('InvalidBucketName', 400, 'The specified bucket is not valid.');
  const present = world.buckets.get(name);
  if (present?.account === account && present !== undefined) {
    const message = 'Your previous request to create the named bucket succeeded and you already own it.';
    throw new AwsError('BucketAlreadyOwnedByYou', 409, message);
  }
  if (present !== undefined) {
    const message =
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.';
    throw new AwsError('BucketAlreadyExists', 409, message);
  }
  const [, region = 'us-east-1'] = /<LocationConstraint>([^<]+)</.exec(request.body.toString()) ?? [];
  world.buckets.set(name, { name, account: account ?? '', region, createDate: world.now(), objects: new Map() });
  return empty(200, { location: `/${name}` });
}

function listBucket(call: S3Call): HttpResponse {
  if (call.address.query.get('list-type') !== '2') {
    throw new AwsError('NotImplemented', 501, 'local AWS lists objects by ListObjectsV2 only');
  }
  return xmlAnswer('ListBucketResult', listObjects(findBucket(call), call.address.query));
}

function headBucket(call: S3Call): HttpResponse {
  return empty(200, { 'x-amz-bucket-region': findBucket(call).region });
}

const KEPT_HEADERS = /^(content-type|cache-control|content-disposition|content-language|expires|x-amz-meta-.+)$/;

async function putObject(call: S3Call): Promise<HttpResponse> {
  const bucket = findBucket(call);
  await checkPrecondition(call, bucket);
  const { request, world, address } = call;
  if (header(request, 'x-amz-acl') !== undefined && header(request, 'x-amz-acl') !== 'bucket-owner-full-control') {
    throw new AwsError('AccessControlListNotSupported', 400, 'The bucket does not allow ACLs');
  }
  const stored = storedObject(unchunkedBody(request), keptHeaders(request), world.now());
  bucket.objects.set(address.key ?? '', stored);
  return empty(200, { etag: stored.etag });
}

function keptHeaders({ headers }: HttpRequest): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => KEPT_HEADERS.test(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

/** An object ready to be kept; ETag is the quoted MD5, as for a simple upload. */
export function storedObject(
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  lastModified: Date,
): StoredObject {
  const etag = `"${createHash('md5').update(body).digest('hex')}"`;
  return { body, etag, lastModified, headers };
}

/** Without ListBucket a missing key is AccessDenied, so that nobody can probe for names (S3 API, GetObject). */
async function getObject(call: S3Call): Promise<HttpResponse> {
  const bucket = findBucket(call);
  const object = bucket.objects.get(call.address.key ?? '');
  if (object === undefined) {
    const mayList = await call.isAllowed('s3:ListBucket', `arn:${call.world.partition}:s3:::${bucket.name}`);
    if (!mayList) throw new AwsError('AccessDenied', 403, 'Access Denied');
    throw new AwsError('NoSuchKey', 404, 'The specified key does not exist.');
  }
  const headers = {
    'content-type': 'binary/octet-stream',
    ...object.headers,
    etag: object.etag,
    'last-modified': object.lastModified.toUTCString(),
    'content-length': String(object.body.length),
  };
  return { status: 200, headers, body: object.body };
}

async function deleteObject(call: S3Call): Promise<HttpResponse> {
  const bucket = findBucket(call);
  await checkPrecondition(call, bucket);
  bucket.objects.delete(call.address.key ?? '');
  return empty(204);
}

/** If-None-Match: * and If-Match of writes; the latter also needs s3:GetObject (S3 User Guide, "Conditional requests"). */
async function checkPrecondition({ request, address, world, isAllowed }: S3Call, bucket: Bucket): Promise<void> {
  const key = address.key ?? '';
  const present = bucket.objects.get(key);
  const etag = header(request, 'if-match');
  if (etag !== undefined) {
    if (!(await isAllowed('s3:GetObject', `arn:${world.partition}:s3:::${bucket.name}/${key}`))) {
      throw new AwsError('AccessDenied', 403, 'Access Denied');
    }
    if (present === undefined) throw new AwsError('NoSuchKey', 404, 'The specified key does not exist.');
  }
  const isMet =
    (etag === undefined || etag.replaceAll('"', '') === present?.etag.replaceAll('"', '')) &&
    (header(request, 'if-none-match') !== '*' || present === undefined);
  if (!isMet) {
    const message = 'At least one of the pre-conditions you specified did not hold';
    throw new AwsError('PreconditionFailed', 412, message);
  }
}
