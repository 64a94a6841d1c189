import { IAMClient } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { waiting } from '../errors.ts';
import { type AccountId, ownerOfArn, type Partition } from './arn.ts';
import { type AwsCall, CLIENT_OPTIONS, tellCalls } from './calls.ts';
import { classify } from './errors.ts';
import { awsOidcProviders, type OidcProviders } from './oidc-providers.ts';
import { awsRoles, type Roles } from './roles.ts';

/** Who the operator's credentials belong to. */
export interface Caller {
  readonly arn: string;
  readonly account: AccountId;
  readonly partition: Partition;
}

/** One AWS account as the operator reaches it. */
export interface AwsAccount {
  readonly roles: Roles;
  readonly oidcProviders: OidcProviders;
  /** Asks STS once for each set of credentials, so that credentials of another account are noticed at their first use. */
  caller(signal: AbortSignal): Promise<Caller>;
}

/** The accounts of the providers. Region decides the partition and the STS endpoint. */
export interface AwsAccounts {
  inRegion(region: string): AwsAccount;
}

/** Connects with the SDK's default credential chain and endpoints (AWS_ENDPOINT_URL is honoured). */
export function awsAccounts(onCall: (call: AwsCall) => void): AwsAccounts {
  const accounts = new Map<string, AwsAccount>();
  return {
    inRegion: (region) => {
      const known = accounts.get(region) ?? connect(region, onCall);
      accounts.set(region, known);
      return known;
    },
  };
}

/** Fails with WrongAccount when the credentials belong to another account than the provider's. No call but the cached STS one. */
export async function requireAccount(account: AwsAccount, expected: string, signal: AbortSignal): Promise<Caller> {
  const caller = await account.caller(signal);
  if (caller.account === expected) return caller;
  throw waiting(
    'WrongAccount',
    `The operator's credentials (${caller.arn}) belong to account ${caller.account}, but spec.accountId is ${expected}. ` +
      'Nothing is written. Give the operator credentials of that account, or correct spec.accountId in a new AwsOidcProvider.',
    60_000,
  );
}

function connect(region: string, onCall: (call: AwsCall) => void): AwsAccount {
  const iam = new IAMClient({ region, ...CLIENT_OPTIONS });
  const sts = new STSClient({ region, ...CLIENT_OPTIONS });
  iam.middlewareStack.add(tellCalls('iam', onCall), { step: 'initialize', name: 'tellCalls' });
  sts.middlewareStack.add(tellCalls('sts', onCall), { step: 'initialize', name: 'tellCalls' });
  return { roles: awsRoles(iam), oidcProviders: awsOidcProviders(iam), caller: callerOf(sts) };
}

function callerOf(sts: STSClient): AwsAccount['caller'] {
  let cached: { readonly accessKeyId: string; readonly caller: Caller } | undefined;
  return (abortSignal) =>
    classify('GetCallerIdentity', 'of the operator', async () => {
      const { accessKeyId } = await sts.config.credentials();
      if (cached?.accessKeyId === accessKeyId) return cached.caller;
      const { Arn = '' } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal });
      const caller = { arn: Arn, ...ownerOfArn(Arn) };
      cached = { accessKeyId, caller };
      return caller;
    });
}
