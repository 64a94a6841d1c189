import type { Reason } from '../crds/condition.ts';
import { type Disposition, ReconcileError, retryable, toReconcileError, waiting } from '../errors.ts';
import { cutTo } from '../printable.ts';
import { withoutSecrets } from '../secrets.ts';
import { remedyForDenial } from './access-denied.ts';

/** The wire code of an AWS error, for example NoSuchEntity; undefined for what is no answer of AWS. */
export function awsErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('$fault' in error)) return undefined;
  return 'Code' in error && typeof error.Code === 'string' ? error.Code : error.name.replace(/Exception$/, '');
}

const MINUTE = 60_000;

/** An error of AWS on its way to a user. */
interface Answer {
  readonly operation: string;
  readonly text: string;
  /** The SDK found the clock to be minutes off, and signs with AWS's time from now on. */
  readonly isClockCorrected: boolean;
}

interface Meaning {
  /** Wire codes, without the suffix `Exception`. */
  readonly codes: ReadonlySet<string>;
  /** Further condition, for codes that mean several things. */
  readonly when?: (answer: Answer) => boolean;
  readonly kind?: 'throttling' | 'credentials';
  readonly reason: Reason;
  readonly disposition: Disposition;
  /** Follows AWS's own text: what to do. */
  readonly remedy?: (answer: Answer) => string;
}

const waits = (retryAfterMs: number): Disposition => ({ kind: 'waiting', retryAfterMs });
const TERMINAL: Disposition = { kind: 'terminal' };
const RETRYABLE: Disposition = { kind: 'retryable' };

const SIGNATURE_CODES = ['SignatureDoesNotMatch', 'InvalidSignature'];
const CLOCK_CODES = ['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture'];
const SET_THE_CLOCK = "Set the clock of the operator's node (NTP)";

/**
 * All that AWS's errors mean to the operator; the first row that fits. Codes: IAM and STS API models (2010-05-08,
 * 2011-06-15), "Common errors" of the IAM API reference, and the SDK's own list of throttling codes.
 */
const MEANINGS: readonly Meaning[] = [
  {
    codes: new Set(['AccessDenied']),
    when: ({ text }) => text.includes('sts:AssumeRoleWithWebIdentity'),
    reason: 'AccessDenied',
    disposition: waits(5 * MINUTE),
    remedy: () =>
      "The trust policy of the operator's own role (AWS_ROLE_ARN) must name the issuer, audience and ServiceAccount of its token.",
  },
  {
    codes: new Set(['AccessDenied']),
    reason: 'AccessDenied',
    disposition: waits(5 * MINUTE),
    remedy: ({ operation, text }) => remedyForDenial(operation, text),
  },
  {
    codes: new Set([...CLOCK_CODES, ...SIGNATURE_CODES]),
    when: ({ isClockCorrected }) => isClockCorrected,
    reason: 'ClockSkew',
    disposition: RETRYABLE,
    remedy: () => `${SET_THE_CLOCK}: it is minutes off; calls are signed with AWS's time meanwhile.`,
  },
  {
    codes: new Set(CLOCK_CODES),
    reason: 'ClockSkew',
    disposition: waits(MINUTE),
    remedy: () => `${SET_THE_CLOCK}: AWS takes signatures of at most 5 minutes' difference.`,
  },
  {
    codes: new Set(SIGNATURE_CODES),
    kind: 'credentials',
    reason: 'CredentialsExpired',
    disposition: waits(MINUTE),
    remedy: () =>
      `Renew the operator's AWS credentials: the secret key does not belong to the access key. ${SET_THE_CLOCK} if it is minutes off.`,
  },
  {
    codes: new Set([
      'ExpiredToken',
      'InvalidClientTokenId',
      'InvalidAccessKeyId',
      'InvalidToken',
      'UnrecognizedClient',
      'AuthFailure',
      'MissingAuthenticationToken',
      'IncompleteSignature',
      'InvalidIdentityToken',
      'IDPRejectedClaim',
    ]),
    kind: 'credentials',
    reason: 'CredentialsExpired',
    disposition: waits(MINUTE),
    remedy: () => "Renew the operator's AWS credentials.",
  },
  {
    codes: new Set([
      'Throttling',
      'Throttled',
      'RequestThrottled',
      'RequestLimitExceeded',
      'TooManyRequests',
      'BandwidthLimitExceeded',
      'SlowDown',
    ]),
    kind: 'throttling',
    reason: 'Throttled',
    disposition: RETRYABLE,
  },
  {
    codes: new Set(['LimitExceeded']),
    reason: 'QuotaExceeded',
    disposition: TERMINAL,
    remedy: ({ text }) => remedyForQuota(text),
  },
  {
    codes: new Set(['MalformedPolicyDocument', 'PackedPolicyTooLarge']),
    reason: 'PolicyInvalid',
    disposition: TERMINAL,
    remedy: () => 'AWS refuses the policy document: correct it in the spec.',
  },
  {
    // What was there a moment ago: a role that is written to, or an inline policy that a list had just named. IAM's reads
    // may lag by up to a minute, and each by another time.
    codes: new Set(['NoSuchEntity']),
    when: ({ text }) => /^The role (?:policy )?with name /.test(text),
    reason: 'Propagating',
    disposition: RETRYABLE,
  },
  {
    codes: new Set(['InvalidInput', 'ValidationError', 'PolicyNotAttachable', 'UnmodifiableEntity', 'NoSuchEntity']),
    reason: 'PolicyInvalid',
    disposition: TERMINAL,
  },
  { codes: new Set(['DeleteConflict']), reason: 'DeletionBlocked', disposition: waits(5 * MINUTE) },
  {
    codes: new Set(['OpenIdIdpCommunicationError']),
    reason: 'IssuerUnreachable',
    disposition: waits(MINUTE),
    remedy: () => 'AWS must reach the issuer by HTTPS on port 443.',
  },
  {
    codes: new Set(['RegionDisabled', 'OptInRequired']),
    reason: 'AwsRequestFailed',
    disposition: waits(5 * MINUTE),
    remedy: () => 'Activate the region of spec.region in the account, or its STS endpoint (IAM, Account settings).',
  },
  // The next pass reads the role anew.
  { codes: new Set(['ConcurrentModification']), reason: 'AwsRequestFailed', disposition: RETRYABLE },
];

const OUTAGE: Omit<Meaning, 'codes'> = { reason: 'AwsUnreachable', disposition: RETRYABLE };
const UNKNOWN: Omit<Meaning, 'codes'> = { reason: 'AwsRequestFailed', disposition: RETRYABLE };

/**
 * Runs one call to AWS and turns whatever it throws into a ReconcileError: by code, and by text only where one code
 * means several things. `operation` and `subject` open the message: "CreateRole reports: …".
 */
export async function classify<T>(operation: string, subject: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw classified(operation, subject, error);
  }
}

/** Many times what is ever shown of it; what comes on top would only be work. */
const MAX_TEXT = 4096;

/** What an error says, without tokens and credentials: AWS, or a proxy before it, may quote what it was sent. */
export const textOf = (error: unknown): string =>
  withoutSecrets(cutTo(error instanceof Error ? error.message : String(error), MAX_TEXT));

/** The ReconcileError for what a call to AWS has thrown. Messages carry no request ids or times: equal failures are equal texts. */
export function classified(operation: string, subject: string, error: unknown): ReconcileError {
  if (error instanceof ReconcileError) return error;
  const stranger = strangerOf(error);
  if (stranger !== undefined) return noAnswer(operation, subject, stranger, { cause: error });
  const text = lasting(textOf(error));
  const opening = `${operation} ${subject}: ${text}`;
  if (awsErrorCode(error) === undefined) return withoutAnswer(opening, error);
  const { reason, disposition, remedy } = meaningOf(error, operation);
  const answer = { operation, text, isClockCorrected: hasCorrectedClock(error) };
  const message = remedy === undefined ? opening : `${opening}. ${remedy(answer)}`;
  return new ReconcileError(reason, message, disposition, { cause: error });
}

/**
 * The HTTP status of what came in the place of an answer: text that the SDK could not read, or an error without a code.
 * Something between, such as a proxy, has made it; undefined for answers of AWS.
 */
export function strangerOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  const { $metadata } = error;
  const isOfAws = '$fault' in error && error.name !== 'Unknown';
  if (isOfAws || typeof $metadata !== 'object' || $metadata === null || !('httpStatusCode' in $metadata))
    return undefined;
  return typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : undefined;
}

/** What to say of it. */
export const strangersAnswer = (status: number): string =>
  `HTTP ${status} without an answer of AWS: look at what is between, such as a proxy or a firewall`;

/** Nothing is known of the call; also where a success lacks what AWS always answers. */
export const noAnswer = (operation: string, subject: string, status: number, options?: ErrorOptions): ReconcileError =>
  retryable('AwsUnreachable', `${operation} ${subject}: ${strangersAnswer(status)}.`, options);

/** Whether AWS says that there are too many calls. A quota (LimitExceeded) is none of these. */
export const isThrottling = (error: unknown): boolean => meaningOf(error).kind === 'throttling';

/** Whether AWS refuses the credentials themselves, so that every other call with them is in vain. */
export const areCredentialsRefused = (error: unknown): boolean => meaningOf(error).kind === 'credentials';

/** Whether AWS is at fault, not the request: nothing is known about it. */
export const isServerFault = (error: unknown): boolean =>
  error instanceof Error && '$fault' in error && error.$fault === 'server';

function meaningOf(error: unknown, operation = ''): Omit<Meaning, 'codes'> {
  const code = awsErrorCode(error)?.replace(/Exception$/, '');
  if (code === undefined) return UNKNOWN;
  const text = error instanceof Error ? error.message : '';
  const answer = { operation, text, isClockCorrected: hasCorrectedClock(error) };
  const meaning = MEANINGS.find(({ codes, when }) => codes.has(code) && (when?.(answer) ?? true));
  return meaning ?? (isServerFault(error) ? OUTAGE : UNKNOWN);
}

/** Texts: "Cannot exceed quota for PoliciesPerRole: 10", "Maximum policy size of 10240 bytes exceeded for role X". */
function remedyForQuota(text: string): string {
  const [, quota, limit] = /quota for (\w+): ([0-9]+)/.exec(text) ?? [];
  if (quota !== undefined) {
    return `The quota ${quota} of the account is ${limit}: raise it (Service Quotas, AWS IAM), or ask for less.`;
  }
  const [, bytes] = /size of ([0-9]+) bytes/.exec(text) ?? [];
  if (bytes !== undefined) {
    return `IAM allows ${bytes} characters without white space, and no more on request: use a managed policy instead.`;
  }
  return 'Raise the quota in AWS or ask for less.';
}

/** Node gives a system error code, the SDK's handler a TimeoutError; without credentials the SDK could not even ask. */
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

const isNetworkFault = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'TimeoutError' ||
    ('code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code)));

/** Set by the SDK (@aws-sdk/core, AwsSdkSigV4Signer) when AWS's Date differs from ours by 4 minutes or more. */
function hasCorrectedClock(error: unknown): boolean {
  if (!(error instanceof Error) || !('$metadata' in error)) return false;
  const { $metadata } = error;
  return typeof $metadata === 'object' && $metadata !== null && 'clockSkewCorrected' in $metadata;
}

/** Without what differs from call to call: request ids, times, the names of sessions; and without the SDK's own names. */
const lasting = (text: string): string =>
  text
    .replace(/^@smithy\/node-http-handler - (?:\[ERROR\] )?/, '')
    .replaceAll(/\s*[([]?request ?id:? *[\w-]+[)\]]?/gi, '')
    .replaceAll(/\b[0-9]{8}T[0-9]{6}Z\b|\b[0-9]{9,11}\b|(?<=too old: )[0-9]+/g, '…')
    .replaceAll(/(:assumed-role\/[^/\s]+)\/\S+/g, '$1')
    .replace(/\.$/, '');

/** For reads: an object that is not there is a value. */
export function undefinedIfMissing(error: unknown): undefined {
  if (awsErrorCode(error) === 'NoSuchEntity') return undefined;
  throw error;
}
