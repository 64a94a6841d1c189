import { describe, expect, test } from 'vitest';
import { awsError, thrownBy } from '../../test/support/builders.ts';
import { ReconcileError, terminal } from '../errors.ts';
import { areCredentialsRefused, awsErrorCode, classify, isThrottling, undefinedIfMissing } from './errors.ts';

const MINUTE = 60_000;

const classified = async (error: unknown): Promise<ReconcileError> => {
  const fail = async (): Promise<never> => {
    throw error;
  };
  const thrown = await thrownBy(() => classify('CreateRole', 'reports', fail));
  if (thrown instanceof ReconcileError) return thrown;
  throw new Error('classify threw something else');
};

const network = (fields: object): Error => Object.assign(new Error('no answer'), fields);

describe('an error of AWS [F31 F38]', () => {
  test.each([
    { code: 'AccessDenied', reason: 'AccessDenied', kind: 'waiting', retryAfterMs: 5 * MINUTE },
    { code: 'ExpiredToken', reason: 'CredentialsExpired', kind: 'waiting', retryAfterMs: MINUTE },
    { code: 'InvalidClientTokenId', reason: 'CredentialsExpired', kind: 'waiting', retryAfterMs: MINUTE },
    { code: 'SignatureDoesNotMatch', reason: 'CredentialsExpired', kind: 'waiting', retryAfterMs: MINUTE },
    { code: 'Throttling', reason: 'Throttled', kind: 'retryable' },
    { code: 'ThrottlingException', reason: 'Throttled', kind: 'retryable' },
    { code: 'LimitExceeded', reason: 'QuotaExceeded', kind: 'terminal' },
    { code: 'DeleteConflict', reason: 'DeletionBlocked', kind: 'waiting', retryAfterMs: 5 * MINUTE },
    { code: 'OpenIdIdpCommunicationError', reason: 'IssuerUnreachable', kind: 'waiting', retryAfterMs: MINUTE },
    { code: 'MalformedPolicyDocument', reason: 'PolicyInvalid', kind: 'terminal' },
    { code: 'ValidationError', reason: 'PolicyInvalid', kind: 'terminal' },
    { code: 'NoSuchEntity', reason: 'PolicyInvalid', kind: 'terminal' },
    { code: 'ConcurrentModification', reason: 'AwsRequestFailed', kind: 'retryable' },
    { code: 'CodeOfNextYear', reason: 'AwsRequestFailed', kind: 'retryable' },
  ])('$code is $reason, $kind', async ({ code, reason, kind, retryAfterMs }) => {
    const error = await classified(awsError(code));
    expect(error).toMatchObject({
      reason,
      disposition: retryAfterMs === undefined ? { kind } : { kind, retryAfterMs },
    });
    expect(error.message).toContain(`CreateRole reports: text of ${code}`);
    expect(error.cause).toMatchObject({ Code: code });
  });

  test('a server fault is AWS being down, not our request being wrong', async () => {
    expect(await classified(awsError('ServiceFailure', 'x', 'server'))).toMatchObject({
      reason: 'AwsUnreachable',
      disposition: { kind: 'retryable' },
    });
  });

  test('AccessDenied names the permission that is missing', async () => {
    expect((await classified(awsError('AccessDenied'))).message).toContain('iam:CreateRole');
  });
});

describe('no answer [F28]', () => {
  test.each([
    { name: 'a refused connection', error: network({ code: 'ECONNREFUSED' }), reason: 'AwsUnreachable' },
    { name: 'a name that does not resolve', error: network({ code: 'ENOTFOUND' }), reason: 'AwsUnreachable' },
    { name: 'a timeout of the SDK', error: network({ name: 'TimeoutError' }), reason: 'AwsUnreachable' },
    { name: 'a bug of ours', error: new TypeError('x is undefined'), reason: 'InternalError' },
    { name: 'a thrown string', error: 'thrown', reason: 'InternalError' },
    { name: 'a code that is no system error', error: network({ code: 'ERR_X1' }), reason: 'InternalError' },
  ])('$name is $reason, and tried again', async ({ error, reason }) => {
    expect(await classified(error)).toMatchObject({ reason, disposition: { kind: 'retryable' } });
  });

  test('no credentials at all says how to give them, and nothing of the places that were searched', async () => {
    const error = await classified(network({ name: 'CredentialsProviderError', message: '/home/me/.aws/credentials' }));
    expect(error).toMatchObject({
      reason: 'CredentialsUnavailable',
      disposition: { kind: 'waiting', retryAfterMs: 30_000 },
    });
    expect(error.message).toContain('AWS_WEB_IDENTITY_TOKEN_FILE');
    expect(error.message).not.toContain('/root');
  });
});

test('a text that quotes a token, or that would be work without end, is told without either [F73 F78 S15]', async () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl';
  const { message } = await classified(awsError('InvalidInput', `no: ${token}${' '.repeat(200_000)}request id`));
  expect(message).toContain('no: [redacted]');
  expect(message.length).toBeLessThan(5_000);
});

test('a ReconcileError passes unchanged', async () => {
  const error = terminal('RoleNotOwned', 'somebody has it');
  expect(await classified(error)).toBe(error);
});

test('what a call answers is what classify answers', async () => {
  expect(await classify('GetRole', 'reports', () => Promise.resolve(1))).toBe(1);
});

test.each([
  { name: 'the wire code', error: awsError('NoSuchEntity'), expected: 'NoSuchEntity' },
  {
    name: 'the name without Exception where there is no code',
    error: Object.assign(new Error('x'), { name: 'LimitExceededException', $fault: 'client' }),
    expected: 'LimitExceeded',
  },
  { name: 'nothing of an error of the network', error: network({ code: 'ECONNRESET' }), expected: undefined },
  { name: 'nothing of no error', error: { Code: 'NoSuchEntity', $fault: 'client' }, expected: undefined },
])('awsErrorCode reads $name', ({ error, expected }) => {
  expect(awsErrorCode(error)).toBe(expected);
});

test('a read of what is missing gives undefined, and any other failure stays one', () => {
  const denied = awsError('AccessDenied');
  expect(undefinedIfMissing(awsError('NoSuchEntity'))).toBeUndefined();
  expect(() => undefinedIfMissing(denied)).toThrow(denied);
});

describe('what a message says to do', () => {
  test.each([
    {
      name: 'a quota: its number, and where it is raised',
      error: awsError('LimitExceeded', 'Cannot exceed quota for PoliciesPerRole: 10'),
      reason: 'QuotaExceeded',
      message:
        'CreateRole reports: Cannot exceed quota for PoliciesPerRole: 10. The quota PoliciesPerRole of the account is 10: raise it (Service Quotas, AWS IAM), or ask for less.',
    },
    {
      name: 'a size that no request can raise',
      error: awsError('LimitExceeded', 'Maximum policy size of 10240 bytes exceeded for role reports'),
      reason: 'QuotaExceeded',
      message: expect.stringContaining('IAM allows 10240 characters without white space, and no more on request'),
    },
    {
      name: 'a quota without a number',
      error: awsError('LimitExceeded', 'The number of tags has reached the maximum limit.'),
      reason: 'QuotaExceeded',
      message:
        'CreateRole reports: The number of tags has reached the maximum limit. Raise the quota in AWS or ask for less.',
    },
    {
      name: "a malformed document: AWS's own text",
      error: awsError('MalformedPolicyDocument', 'Statement IDs (SID) in a single policy must be unique.'),
      reason: 'PolicyInvalid',
      message:
        'CreateRole reports: Statement IDs (SID) in a single policy must be unique. AWS refuses the policy document: correct it in the spec.',
    },
    {
      name: "the operator's own role that does not take its token",
      error: awsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
      reason: 'AccessDenied',
      message: expect.stringContaining("trust policy of the operator's own role (AWS_ROLE_ARN)"),
    },
    {
      name: 'a signature that is wrong: the key, or else the clock',
      error: awsError(
        'SignatureDoesNotMatch',
        'Signature expired: 20261124T110000Z is now earlier than 20261124T111000Z',
      ),
      reason: 'CredentialsExpired',
      message: expect.stringContaining("Set the clock of the operator's node (NTP) if it is minutes off"),
    },
    {
      name: 'a clock that is wrong',
      error: awsError('RequestTimeTooSkewed'),
      reason: 'ClockSkew',
      message: expect.stringContaining("Set the clock of the operator's node (NTP)"),
    },
    {
      name: 'a region whose STS is off',
      error: awsError('RegionDisabledException', 'STS is not activated in this region for account:111122223333.'),
      reason: 'AwsRequestFailed',
      message: expect.stringContaining('account:111122223333. Activate the region of spec.region'),
    },
    {
      name: 'a role that other servers of IAM do not know yet',
      error: awsError('NoSuchEntity', 'The role with name reports cannot be found.'),
      reason: 'Propagating',
      message: 'CreateRole reports: The role with name reports cannot be found',
    },
    {
      name: 'an inline policy that one server of IAM lists and another one does not know any more',
      error: awsError('NoSuchEntity', 'The role policy with name first cannot be found.'),
      reason: 'Propagating',
      message: 'CreateRole reports: The role policy with name first cannot be found',
    },
  ])('$name', async ({ error, reason, message }) => {
    expect(await classified(error)).toMatchObject({ reason, message });
  });

  test('a clock that the SDK has corrected is tried again at once, and is no refusal of the credentials [F48]', async () => {
    const error = Object.assign(awsError('SignatureDoesNotMatch'), { $metadata: { clockSkewCorrected: true } });
    expect(await classified(error)).toMatchObject({ reason: 'ClockSkew', disposition: { kind: 'retryable' } });
    expect(areCredentialsRefused(error)).toBe(false);
  });

  test.each([
    { text: 'Rate exceeded (Request ID: 7a62c49f-347e-4fc4-9331-6e8eEXAMPLE)', kept: 'Rate exceeded' },
    { text: 'Failed. RequestId: 7a62c49f', kept: 'Failed' },
    {
      text: 'Token expired: current date/time 1731098245 must be before',
      kept: 'Token expired: current date/time … must be before',
    },
    { text: 'Signature expired: 20261124T110000Z is now earlier', kept: 'Signature expired: … is now earlier' },
    { text: 'Token too old: 153938', kept: 'Token too old: …' },
    {
      text: 'User: arn:aws:sts::111122223333:assumed-role/operator/aws-sdk-js-session-1 is not',
      kept: 'User: arn:aws:sts::111122223333:assumed-role/operator is not',
    },
    { text: 'role of account 111122223333', kept: 'role of account 111122223333' },
  ])('what differs from call to call is left out: $text', async ({ text, kept }) => {
    expect((await classified(awsError('Throttling', text))).message).toBe(`CreateRole reports: ${kept}`);
  });
});

test.each([
  { code: 'Throttling', throttling: true, refused: false },
  { code: 'TooManyRequestsException', throttling: true, refused: false },
  { code: 'LimitExceeded', throttling: false, refused: false },
  { code: 'ExpiredToken', throttling: false, refused: true },
  { code: 'ExpiredTokenException', throttling: false, refused: true },
  { code: 'IncompleteSignature', throttling: false, refused: true },
  { code: 'AccessDenied', throttling: false, refused: false },
])('$code is throttling: $throttling, and refuses the credentials: $refused', ({ code, throttling, refused }) => {
  expect(isThrottling(awsError(code))).toBe(throttling);
  expect(areCredentialsRefused(awsError(code))).toBe(refused);
});
