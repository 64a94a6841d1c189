import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { type LocalAws, type LocalAwsOptions, startLocalAws } from './local-aws.ts';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const NO_ISSUERS: LocalAwsOptions['issuers'] = { resolve: {}, caCertificates: [] };

export const policyOf = (...statements: readonly Record<string, unknown>[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });

export const ADMIN_POLICY = policyOf({ Effect: 'Allow', Action: '*', Resource: '*' });
export const EC2_TRUST = policyOf({
  Effect: 'Allow',
  Action: 'sts:AssumeRole',
  Principal: { Service: 'ec2.amazonaws.com' },
});

const settings = (aws: LocalAws, credentials: Credentials) => ({
  region: 'eu-west-1',
  endpoint: aws.endpoint,
  credentials,
  maxAttempts: 1,
});

/** SDK clients of one caller, without retries. */
export const clientsOf = (aws: LocalAws, credentials: Credentials) => ({
  iam: new IAMClient(settings(aws, credentials)),
  sts: new STSClient(settings(aws, credentials)),
  s3: new S3Client(settings(aws, credentials)),
});

/** A local AWS with an administrator's clients. */
export async function startWithAdmin(options: Partial<LocalAwsOptions> = {}) {
  const aws = await startLocalAws({ issuers: NO_ISSUERS, ...options });
  const admin = aws.account().createUser('admin', ADMIN_POLICY);
  return {
    aws,
    admin,
    ...clientsOf(aws, admin),
    [Symbol.asyncDispose]: () => aws.close(),
  };
}

export interface SdkError {
  readonly code: string | undefined;
  readonly status: number | undefined;
  readonly message: string;
}

/** `ok`, or what the call failed with: one column of a table of permitted and refused calls. */
export const outcomeOf = (call: Promise<unknown>): Promise<SdkError | 'ok'> =>
  call.then(
    () => 'ok' as const,
    (error: unknown) => errorOf(Promise.reject(error)),
  );

/** What an SDK call failed with: wire code, HTTP status, text. Fails itself if the call succeeds. */
export async function errorOf(call: Promise<unknown>): Promise<SdkError> {
  const error = await call.then(
    () => new Error('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  const { Code, name, message, $metadata } = error as {
    Code?: string;
    name: string;
    message: string;
    $metadata?: { httpStatusCode?: number };
  };
  return { code: Code ?? name, status: $metadata?.httpStatusCode, message };
}
