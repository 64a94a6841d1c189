import type { CallGate } from '../../src/iam/call-gate.ts';
import type { BucketAddress, BucketObjects } from '../../src/s3/bucket-objects.ts';
import { s3Failure } from '../../src/s3/errors.ts';
import type { InMemoryBucket } from '../support/in-memory-s3.ts';
import type { Line } from './network.ts';

interface Way {
  readonly line: Line;
  readonly gate: Pick<CallGate, 'pass'>;
  /** Told of each write as it is sent. */
  readonly onWrite: (operation: string) => void;
}

/** A bucket as one process of the operator reaches it: the real gate and the real table of errors before S3's model. */
export function bucketOf(
  { objects }: InMemoryBucket,
  address: BucketAddress,
  { line, gate, onWrite }: Way,
): BucketObjects {
  const call = async <T>(operation: string, key: string, effect: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      return await gate.pass({ operation, priority: 'user', signal }, () => {
        if (!line.isDead && operation !== 'GetObject') onWrite(operation);
        return line.send({ target: 's3', operation, effect }, signal).then((answer) => answer);
      });
    } catch (error) {
      throw s3Failure({ ...address, operation, key }, error);
    }
  };
  return {
    get: (key, signal) => call('GetObject', key, () => objects.get(key, signal), signal),
    put: (key, object, precondition, signal) =>
      call('PutObject', key, () => objects.put(key, object, precondition, signal), signal),
    delete: (key, etag, signal) => call('DeleteObject', key, () => objects.delete(key, etag, signal), signal),
  };
}
