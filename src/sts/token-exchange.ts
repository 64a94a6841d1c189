import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { RoleArn } from '../iam/arn.ts';
import { type AwsCall, CLIENT_OPTIONS, tellCalls } from '../iam/calls.ts';
import { awsErrorCode, isServerFault, isThrottling, strangerOf, strangersAnswer, textOf } from '../iam/errors.ts';
import { type Clocks, compareClocks, issuedAtOf } from './clocks.ts';

/** What STS answers to a token, without the credentials: they are dropped at once. */
export type Exchange =
  | {
      readonly kind: 'accepted';
      /** The unique id of the role whose credentials it gave: a role that was made anew has another one. */
      readonly roleId?: string | undefined;
      readonly clocks?: Clocks | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly clocks?: Clocks | undefined;
    }
  /** Nothing was learnt of the token: no answer, or one of an STS that is ill or busy. */
  | { readonly kind: 'unreachable'; readonly message: string };

/** Exchanges a ServiceAccount's token at the regional STS endpoint. The call is unsigned: no AWS credentials are needed. */
export interface TokenExchange {
  exchange(region: string, roleArn: RoleArn, token: string, signal: AbortSignal): Promise<Exchange>;
}

export interface TokenExchangeOptions {
  /** Told of each finished call. */
  readonly onCall: (call: AwsCall) => void;
  /** Told of the clocks, as far as an answer shows them. */
  readonly onClocks?: (clocks: Clocks) => void;
  readonly now?: () => Date;
}

/** Shortest session that STS gives, in seconds (STS API model). */
const SHORTEST_SESSION = 900;

export function stsTokenExchange({
  onCall,
  onClocks = () => {},
  now = () => new Date(),
}: TokenExchangeOptions): TokenExchange {
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
      const date = dateOf(command);
      const sent = now();
      const outcome = await clientIn(region)
        .send(command, { abortSignal })
        .then(
          // AssumedRoleId is the id of the role, a colon and the session name (STS API reference, AssumedRoleUser).
          ({ AssumedRoleUser, Credentials }): Exchange =>
            Credentials === undefined
              ? { kind: 'unreachable', message: strangersAnswer(200) }
              : { kind: 'accepted', roleId: AssumedRoleUser?.AssumedRoleId?.split(':')[0] },
          refusal,
        );
      abortSignal.throwIfAborted();
      const issuedAt = issuedAtOf(WebIdentityToken);
      const clocks = compareClocks({ sent, received: now(), header: date(), issuedAt });
      if (clocks === undefined || outcome.kind === 'unreachable') return outcome;
      onClocks(clocks);
      return { ...outcome, clocks };
    },
  };
}

function refusal(error: unknown): Exchange {
  const code = awsErrorCode(error);
  const stranger = strangerOf(error);
  const message = stranger === undefined ? textOf(error) : strangersAnswer(stranger);
  if (code === undefined || stranger !== undefined) return { kind: 'unreachable', message };
  if (isServerFault(error) || isThrottling(error)) return { kind: 'unreachable', message: `${code}: ${message}` };
  return { kind: 'refused', code, message };
}

/** The `Date` header of a command's answer, once it is there: of refusals too, which the SDK turns into errors further out. */
function dateOf(command: AssumeRoleWithWebIdentityCommand): () => string | undefined {
  let date: string | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result;
      if (typeof response === 'object' && response !== null && 'headers' in response) date = headerOf(response.headers);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'readDate' },
  );
  return () => date;
}

function headerOf(headers: unknown): string | undefined {
  if (typeof headers !== 'object' || headers === null || !('date' in headers)) return undefined;
  return typeof headers.date === 'string' ? headers.date : undefined;
}
