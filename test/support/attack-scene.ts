import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { vi } from 'vitest';
import { outcomeOf, type SdkError } from '../../dev/aws/test-clients.ts';
import { REGION, type Stack } from '../../dev/stack/stack.ts';
import { operatorCalls, pod, read, type StatusObject } from './stories.ts';

/** Somebody with the role `edit` in one namespace and no right anywhere else, as a team has it. */
export interface Tenant {
  /** kubectl as this person. */
  readonly kubectl: Stack['kubectl'];
  /** What kubectl says when it is refused; fails if it is not. */
  refused(args: readonly string[], input?: object): Promise<string>;
}

/** Binds ClusterRole edit, and waits until the aggregated rights are there. */
export async function tenantOf({ kubectl }: Stack, namespace: string): Promise<Tenant> {
  const user = `dev-${namespace}`;
  await kubectl(['create', 'rolebinding', 'team', '-n', namespace, '--clusterrole=edit', `--user=${user}`]);
  const as: Stack['kubectl'] = (args, input) => kubectl([`--as=${user}`, ...args], input);
  const may = async (): Promise<void> => {
    await as(['auth', 'can-i', 'create', 'awsfederatedidentities.federatedidentity.dev', '-n', namespace]);
  };
  await vi.waitFor(may, { timeout: 60_000, interval: 300 });
  return {
    kubectl: as,
    refused: (args, input) =>
      as(args, input).then(
        (output) => Promise.reject(new Error(`kubectl ${args.join(' ')} was allowed: ${output}`)),
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
  };
}

/** `ok`, or how STS refuses a token of a ServiceAccount for a role. Without an audience, the token is for the API server. */
export async function exchange(
  { kubectl, aws }: Stack,
  subject: { readonly namespace: string; readonly serviceAccount: string; readonly audience?: string },
  roleArn: string,
): Promise<SdkError | 'ok'> {
  const { namespace, serviceAccount, audience } = subject;
  const token = await kubectl([
    'create',
    'token',
    serviceAccount,
    '-n',
    namespace,
    ...(audience === undefined ? [] : ['--audience', audience]),
  ]);
  return exchangeToken(aws.endpoint, token.trim(), roleArn);
}

export async function exchangeToken(endpoint: string, token: string, roleArn: string): Promise<SdkError | 'ok'> {
  const client = new STSClient({
    endpoint,
    region: REGION,
    maxAttempts: 1,
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  });
  const input = { RoleArn: roleArn, RoleSessionName: 'attack', WebIdentityToken: token };
  return outcomeOf(client.send(new AssumeRoleWithWebIdentityCommand(input)));
}

/** Header and claims of a token that nobody signed, and that says what the trust policy of a role wants to hear. */
export function forgedToken(
  issuer: string,
  {
    namespace,
    serviceAccount,
    audience,
  }: { readonly namespace: string; readonly serviceAccount: string; readonly audience: string },
): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const sub = `system:serviceaccount:${namespace}:${serviceAccount}`;
  return `${encode({ alg: 'none' })}.${encode({ iss: issuer, sub, aud: [audience], iat: now, exp: now + 600 })}`;
}

/** What the operator changed in AWS since a mark, as `operation resource`. */
export const awsWrites = (stack: Stack, mark: number): readonly string[] =>
  operatorCalls(stack, mark)
    .filter(({ write, errorCode }) => write && errorCode === undefined)
    .map(({ operation, resource }) => `${operation} ${resource}`);

export const statusOf = async (
  stack: Stack,
  name: string,
  namespace: string,
): Promise<NonNullable<StatusObject['status']>> => (await read(stack, `afi/${name}`, '-n', namespace)).status ?? {};

/** How the API server denies a pod of a ServiceAccount; rejects if it lets it in. */
export const denialOf = ({ kubectl }: Stack, namespace: string, serviceAccount: string): Promise<string> =>
  kubectl(['create', '-f', '-'], pod(namespace, serviceAccount)).then(
    () => Promise.reject(new Error(`a pod of ${namespace}/${serviceAccount} was let in`)),
    (error: unknown) => String(error),
  );
