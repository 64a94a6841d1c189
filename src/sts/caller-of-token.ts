import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromWebToken } from '@aws-sdk/credential-providers';
import type { RoleArn } from '../iam/arn.ts';
import { CLIENT_OPTIONS } from '../iam/calls.ts';

/**
 * Does what an SDK in a pod does: exchanges the token at the regional endpoint, and makes one call with the credentials,
 * GetCallerIdentity, which needs no permission. Resolves with the ARN by which AWS knows the caller; fails as the SDK does.
 */
export async function callerOfToken(
  { region, roleArn, token }: { readonly region: string; readonly roleArn: RoleArn; readonly token: string },
  signal: AbortSignal,
): Promise<string> {
  const clientConfig = { region, ...CLIENT_OPTIONS };
  const roleSessionName = 'federated-identity-doctor';
  const credentials = fromWebToken({ roleArn, webIdentityToken: token, roleSessionName, clientConfig });
  const sts = new STSClient({ ...clientConfig, credentials });
  try {
    return (await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal })).Arn ?? '';
  } finally {
    sts.destroy();
  }
}
