import { ReconcileError, retryable, terminal, toReconcileError, waiting } from '../errors.ts';

/** The wire code of an AWS error, for example NoSuchEntity; undefined for what is no answer of AWS. */
export function awsErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('$fault' in error)) return undefined;
  return 'Code' in error && typeof error.Code === 'string' ? error.Code : error.name.replace(/Exception$/, '');
}

const THROTTLING: ReadonlySet<string> = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'SlowDown',
]);

const CREDENTIALS_REFUSED: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'SignatureDoesNotMatch',
  'AuthFailure',
  'MissingAuthenticationToken',
]);

const INVALID: ReadonlySet<string> = new Set([
  'MalformedPolicyDocument',
  'InvalidInput',
  'ValidationError',
  'PolicyNotAttachable',
  'UnmodifiableEntity',
  'NoSuchEntity',
]);

const MINUTE = 60_000;

/**
 * Runs one call to AWS and turns whatever it throws into a ReconcileError, by code and never by text.
 * `operation` and `subject` open the message: "CreateRole reports: …".
 */
export async function classify<T>(operation: string, subject: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw classified(operation, subject, error);
  }
}

function classified(operation: string, subject: string, error: unknown): ReconcileError {
  if (error instanceof ReconcileError) return error;
  const options = { cause: error };
  const text = `${operation} ${subject}: ${error instanceof Error ? error.message : String(error)}`;
  const code = awsErrorCode(error);
  if (code === undefined) return withoutAnswer(text, error);
  if (code === 'AccessDenied') {
    return waiting('AccessDenied', `${text}. Grant the operator's role iam:${operation} on it.`, 5 * MINUTE, options);
  }
  if (CREDENTIALS_REFUSED.has(code)) {
    return waiting('CredentialsExpired', `${text}. Renew the operator's AWS credentials.`, MINUTE, options);
  }
  if (THROTTLING.has(code)) return retryable('Throttled', text, options);
  if (code === 'LimitExceeded')
    return terminal('QuotaExceeded', `${text}. Raise the quota in AWS or ask for less.`, options);
  if (code === 'DeleteConflict') return waiting('DeletionBlocked', text, 5 * MINUTE, options);
  if (code === 'OpenIdIdpCommunicationError') {
    return waiting('IssuerUnreachable', `${text}. AWS must reach the issuer by HTTPS on port 443.`, MINUTE, options);
  }
  if (INVALID.has(code)) return terminal('PolicyInvalid', text, options);
  return retryable(isServerFault(error) ? 'AwsUnreachable' : 'AwsRequestFailed', text, options);
}

/** Neither credentials nor an answer: the SDK could not even ask. */
function withoutAnswer(text: string, error: unknown): ReconcileError {
  if (error instanceof Error && error.name === 'CredentialsProviderError') {
    return waiting(
      'CredentialsUnavailable',
      'The operator finds no AWS credentials. Give it a role (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE) or an AWS profile, then restart it.',
      30_000,
      { cause: error },
    );
  }
  if (isNetworkFault(error)) return retryable('AwsUnreachable', text, { cause: error });
  return toReconcileError(error);
}

const isServerFault = (error: unknown): boolean =>
  error instanceof Error && '$fault' in error && error.$fault === 'server';

/** Node gives a system error code, the SDK's handler a TimeoutError. */
const isNetworkFault = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'TimeoutError' ||
    ('code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code)));

/** For reads: an object that is not there is a value. */
export function undefinedIfMissing(error: unknown): undefined {
  if (awsErrorCode(error) === 'NoSuchEntity') return undefined;
  throw error;
}
