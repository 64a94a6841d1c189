import { type ReconcileError, terminal, waiting } from '../errors.ts';
import { remedyForDenial } from '../iam/access-denied.ts';
import { awsErrorCode, classified } from '../iam/errors.ts';
import type { BucketAddress } from './bucket-objects.ts';

/** A call to S3. */
interface S3Call extends BucketAddress {
  readonly operation: string;
  readonly key: string;
}

const MINUTE_MS = 60_000;

/** The ReconcileError for what a call to S3 has thrown (codes: S3 API Reference, "Error responses"). */
export function s3Failure(call: S3Call, error: unknown): ReconcileError {
  const { operation, bucket, region, key } = call;
  const options = { cause: error };
  switch (awsErrorCode(error)) {
    case 'NoSuchBucket':
      return waiting(
        'BucketNotFound',
        `There is no bucket ${bucket}. Create it in ${region}, or correct spec.issuer.publish.s3.bucket; docs/publishing.md says how.`,
        MINUTE_MS,
        options,
      );
    case 'PermanentRedirect':
    case 'TemporaryRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return terminal(
        'BucketRegionMismatch',
        `The bucket ${bucket} is not in ${region}${inRegion(error)}. Correct spec.issuer.publish.s3.region, and the region in the issuer's URL.`,
        options,
      );
    case 'AccessDenied':
    case 'AllAccessDisabled':
      return accessDenied(call, error instanceof Error ? error.message : '', options);
    default:
      return classified(operation, `s3://${bucket}/${key}`, error);
  }
}

/** The denial of one action, and the statement that lifts it. */
export function accessDenied(
  { operation, partition, bucket, key }: S3Call,
  text: string,
  options: ErrorOptions = {},
): ReconcileError {
  const plain = text.replaceAll('"', '').replace(/\.$/, ''); // S3 quotes the resource, IAM does not
  const Resource = `arn:${partition}:s3:::${bucket}/${key}`;
  const remedy = plain.startsWith('User: ')
    ? remedyForDenial(operation, plain)
    : `Add to the policies of the caller: ${JSON.stringify({ Effect: 'Allow', Action: `s3:${operation}`, Resource })}.`;
  const otherAccount = remedy.startsWith('Add ')
    ? ' A bucket of another account must allow it in its policy, too.'
    : '';
  return waiting(
    'AccessDenied',
    `${operation} s3://${bucket}/${key}: ${plain || 'Access Denied'}. ${remedy}${otherAccount}`,
    5 * MINUTE_MS,
    options,
  );
}

/** S3 names the right region in a header, or in the body of the error. */
function inRegion(error: unknown): string {
  const region = headerOf(error) ?? fieldOf(error, 'Region') ?? endpointRegion(fieldOf(error, 'Endpoint'));
  return region === undefined ? '' : `, but in ${region}`;
}

const fieldOf = (value: unknown, name: string): string | undefined => {
  const field = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []).get(name);
  return typeof field === 'string' && field !== '' ? field : undefined;
};

/** The SDK hides the response in a property that is not enumerable. */
function headerOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('$response' in error)) return undefined;
  const { $response: response } = error;
  if (typeof response !== 'object' || response === null || !('headers' in response)) return undefined;
  return fieldOf(response.headers, 'x-amz-bucket-region');
}

const endpointRegion = (endpoint = ''): string | undefined => /\.s3[.-]([a-z0-9-]+)\./.exec(endpoint)?.[1];
