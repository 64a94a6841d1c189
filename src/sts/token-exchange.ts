import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { RoleArn } from '../iam/arn.ts';
import { type AwsCall, CLIENT_OPTIONS, tellCalls } from '../iam/calls.ts';
import { awsErrorCode } from '../iam/errors.ts';

/** What STS answers to a token, without the credentials: they are dropped at once. */
export type Exchange =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string };

/** Exchanges a ServiceAccount's token at the regional STS endpoint. The call is unsigned: no AWS credentials are needed. */
export interface TokenExchange {
  exchange(region: string, roleArn: RoleArn, token: string, signal: AbortSignal): Promise<Exchange>;
}

/** Shortest session that STS gives, in seconds (STS API model). */
const SHORTEST_SESSION = 900;

export function stsTokenExchange(onCall: (call: AwsCall) => void): TokenExchange {
  const clients = new Map<string, STSClient>();
  const clientIn = (region: string): STSClient => {
    const known = clients.get(region);
    if (known !== undefined) return known;
    const client = new STSClient({ region, ...CLIENT_OPTIONS });
    client.middlewareStack.add(tellCalls('sts', onCall), { step: 'initialize', name: 'tellCalls' });
    clients.set(region, client);
    return client;
  };
  return {
    exchange: async (region, RoleArn, WebIdentityToken, abortSignal) => {
      const command = new AssumeRoleWithWebIdentityCommand({
        RoleArn,
        WebIdentityToken,
        RoleSessionName: 'federated-identity-verification',
        DurationSeconds: SHORTEST_SESSION,
      });
      try {
        await clientIn(region).send(command, { abortSignal });
        return { kind: 'accepted' };
      } catch (error) {
        const code = awsErrorCode(error);
        const message = error instanceof Error ? error.message : String(error);
        return code === undefined ? { kind: 'unreachable', message } : { kind: 'refused', code, message };
      }
    },
  };
}
