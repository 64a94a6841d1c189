import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { awsErrorCode } from '../iam/errors.ts';
import type { Partition } from '../iam/arn.ts';
import { s3Failure } from './errors.ts';

/** A bucket as the operator reaches it. */
export interface BucketAddress {
  readonly partition: Partition;
  readonly region: string;
  readonly bucket: string;
}

export interface FoundObject {
  readonly kind: 'found';
  readonly etag: string;
  /** Empty for what is too large to be a document of ours. */
  readonly body: string;
  readonly contentType: string | undefined;
  readonly cacheControl: string | undefined;
  /** Without `x-amz-meta-`, keys in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** An object as S3 shows it. */
export type ObservedObject =
  | FoundObject
  | { readonly kind: 'absent' }
  /** Denied: it may be there or not, since S3 tells of a missing key only to those who may list the bucket. */
  | { readonly kind: 'hidden' };

export interface NewObject {
  readonly body: string;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What must be true when a write takes effect; S3 itself holds it (conditional requests). */
export type Precondition = { readonly kind: 'absent' } | { readonly kind: 'found'; readonly etag: string };

/** The part of S3 that the operator uses. Never an ACL. Every failure is a ReconcileError. */
export interface BucketObjects {
  get(key: string, signal: AbortSignal): Promise<ObservedObject>;
  /** `changed`: the precondition did not hold, and nothing was written. */
  put(key: string, object: NewObject, precondition: Precondition, signal: AbortSignal): Promise<'written' | 'changed'>;
  /** Deletes the very version that was seen. */
  delete(key: string, etag: string, signal: AbortSignal): Promise<'deleted' | 'changed'>;
}

/** `connect` gives the client at first use: most installations never need one. */
export function awsBucketObjects(connect: () => Promise<S3Client>, address: BucketAddress): BucketObjects {
  const failing = async <T>(operation: string, key: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw s3Failure({ ...address, operation, key }, error);
    }
  };
  return {
    get: (key, abortSignal) => failing('GetObject', key, () => readObject(connect, { ...address, key }, abortSignal)),
    put: (key, object, precondition, abortSignal) =>
      failing('PutObject', key, async () => {
        const { PutObjectCommand } = await import('@aws-sdk/client-s3');
        const command = new PutObjectCommand({
          Bucket: address.bucket,
          Key: key,
          Body: object.body,
          ContentType: object.contentType,
          CacheControl: object.cacheControl,
          Metadata: { ...object.metadata },
          ...(precondition.kind === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: precondition.etag }),
        });
        return unlessChanged('written', async () => (await connect()).send(command, { abortSignal }));
      }),
    delete: (key, etag, abortSignal) =>
      failing('DeleteObject', key, async () => {
        const { DeleteObjectCommand } = await import('@aws-sdk/client-s3');
        const command = new DeleteObjectCommand({ Bucket: address.bucket, Key: key, IfMatch: etag });
        return unlessChanged('deleted', async () => (await connect()).send(command, { abortSignal }));
      }),
  };
}

/** Codes of a precondition that does not hold (S3 User Guide, "Conditional requests"). */
const CHANGED: ReadonlySet<string> = new Set(['PreconditionFailed', 'ConditionalRequestConflict', 'NoSuchKey']);

async function unlessChanged<Done>(done: Done, write: () => Promise<unknown>): Promise<Done | 'changed'> {
  try {
    await write();
    return done;
  } catch (error) {
    if (CHANGED.has(awsErrorCode(error) ?? '')) return 'changed';
    throw error;
  }
}

async function readObject(
  connect: () => Promise<S3Client>,
  { bucket, key }: BucketAddress & { readonly key: string },
  abortSignal: AbortSignal,
): Promise<ObservedObject> {
  const { GetObjectCommand } = await import('@aws-sdk/client-s3');
  try {
    const output = await (await connect()).send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal });
    return {
      kind: 'found',
      etag: output.ETag ?? '',
      body: await bodyOf(output),
      contentType: output.ContentType,
      cacheControl: output.CacheControl,
      metadata: output.Metadata ?? {},
    };
  } catch (error) {
    switch (awsErrorCode(error)) {
      case 'NoSuchKey':
        return { kind: 'absent' };
      case 'AccessDenied':
        return { kind: 'hidden' };
      default:
        throw error;
    }
  }
}

/** Ten times the largest document: whoever may write to the bucket must not fill the memory of the operator. */
const MAX_BODY_BYTES = 1024 * 1024;

async function bodyOf({ Body, ContentLength = 0 }: GetObjectCommandOutput): Promise<string> {
  if (ContentLength <= MAX_BODY_BYTES) return (await Body?.transformToString()) ?? '';
  if (Body !== undefined && 'destroy' in Body) Body.destroy(); // the connection ends with it
  return '';
}
