import { ReconcileError } from '../errors.ts';
import { ApiError } from '../kube/errors.ts';

/** An error for the person at the terminal: its message says what to do. Nothing else can be planned after it. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/** What a plan needs in AWS. */
const RIGHTS =
  'The plan looks at roles with your own AWS credentials: they need iam:GetRole, iam:ListAttachedRolePolicies, iam:ListRolePolicies and iam:GetRolePolicy.';

/** What a failed request to the API server means to the person who runs the command. `request` as "list AwsOidcProviders". */
export function kubernetesFailure(request: string, server: string, error: unknown): CliError {
  const options = { cause: error };
  if (!(error instanceof ApiError)) {
    return new CliError(`cannot reach the API server ${server} to ${request}: ${networkText(error)}`, options);
  }
  switch (error.code) {
    case 401:
      return new CliError(
        `the API server ${server} does not accept the credentials of the kubeconfig: log in again`,
        options,
      );
    case 403:
      return new CliError(
        `you may not ${request}: ${error.message}. Ask a cluster admin for the right to get and list it.`,
        options,
      );
    case 404:
      return new CliError(
        `cannot ${request}: ${server} does not serve that kind. Install the operator's CRDs, or choose another cluster with --context.`,
        options,
      );
    default:
      return new CliError(`cannot ${request}: ${error.message}`, options);
  }
}

/** undici says "fetch failed", and why in its cause. */
function networkText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

/**
 * A call to AWS with the credentials of a person. Throws a CliError for what concerns all identities, such as missing
 * credentials, and a ReconcileError for the one that was looked at; the operator's own advice would be wrong here.
 */
export async function asPerson<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof ReconcileError ? awsFailure(error) : error;
  }
}

function awsFailure(error: ReconcileError): CliError | ReconcileError {
  const options = { cause: error };
  switch (error.reason) {
    case 'CredentialsUnavailable':
      return new CliError(
        'no AWS credentials: the plan looks at roles with your own. Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`.',
        options,
      );
    case 'CredentialsExpired':
    case 'ClockSkew':
      return new CliError(
        `AWS does not accept your credentials: ${awsText(error)}. Renew them, for example by \`aws sso login\`.`,
        options,
      );
    case 'AwsUnreachable':
      return new CliError(`cannot reach AWS: ${awsText(error)}`, options);
    case 'AccessDenied':
      return new ReconcileError('AccessDenied', `${awsText(error)}. ${RIGHTS}`, error.disposition, options);
    default:
      return error;
  }
}

/** AWS's own words, without the advice that is meant for the operator. */
export function awsText({ cause, message }: ReconcileError): string {
  const text = cause instanceof Error && cause.message !== '' ? cause.message : message;
  return text.replace(/\.$/, '');
}
