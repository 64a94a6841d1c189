import type { IAMClient } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { AccountId } from './arn.ts';
import { CircuitBreaker } from './breaker.ts';
import { CallGate } from './call-gate.ts';
import { type AwsCall, fenceWrites, gateCalls, tellCalls } from './calls.ts';
import { type AccountConnection, assumedCredentials, type AwsClients, awsClients, ownCredentials } from './clients.ts';
import { type Clock, SYSTEM_CLOCK } from './clock.ts';
import { classify, noAnswer } from './errors.ts';
import { awsInventory, type Inventory } from './inventory.ts';
import { awsOidcProviders, type OidcProviders } from './oidc-providers.ts';
import { type Priority, RateLimit, type RateState } from './rate-limit.ts';
import { awsRoles, type Roles } from './roles.ts';
import { type Caller, checkAccount, Session } from './session.ts';
import { awsBucketObjects, type BucketAddress, type BucketObjects } from '../s3/bucket-objects.ts';
import { s3Clients } from '../s3/clients.ts';

export type { Caller } from './session.ts';

/** The parts of IAM that the operator uses. */
export interface Iam {
  readonly roles: Roles;
  readonly oidcProviders: OidcProviders;
  readonly inventory: Inventory;
}

/** One AWS account as the operator reaches it. Its own fields are for what a user waits for. */
export interface AwsAccount extends Iam {
  /** The same for work that can wait, such as the drift sweep: every other call of the account goes first. */
  readonly background: Iam;
  /**
   * Asks STS once for each set of credentials, so that credentials of another account are noticed at their first use; and
   * once a minute while AWS refuses them.
   */
  caller(signal: AbortSignal): Promise<Caller>;
  /** Objects of a bucket, in whatever account it is. Makes no call. */
  bucket(address: BucketAddress): BucketObjects;
}

/** The accounts of the providers. */
export interface AwsAccounts {
  /** The same object for equal connections. Makes no call. */
  of(connection: AccountConnection): AwsAccount;
}

export interface RatedAwsAccounts extends AwsAccounts {
  /** What the rate limits are doing, by account. */
  rates(): ReadonlyMap<AccountId, RateState>;
}

export interface AwsAccountsOptions {
  /** Told of each finished call. */
  readonly onCall: (call: AwsCall) => void;
  /** Called before each write; throws when this process may not write any more. */
  readonly fence: () => void;
  /** Most IAM calls a second and account; AWS's throttling lowers it by itself. */
  readonly callsPerSecond: number;
  readonly clock?: Clock;
}

/** Connects with the SDK's default credential chain and endpoints (AWS_ENDPOINT_URL is honoured). */
export function awsAccounts({
  onCall,
  fence,
  callsPerSecond,
  clock = SYSTEM_CLOCK,
}: AwsAccountsOptions): RatedAwsAccounts {
  const accounts = new Map<string, AwsAccount>();
  const limits = new Map<AccountId, RateLimit>();
  const own = new Map<string, ReturnType<typeof ownCredentials>>();
  const connect = (connection: AccountConnection): AwsAccount => {
    const { accountId, region, assumeRole } = connection;
    const limit = remembered(
      limits,
      accountId,
      () => new RateLimit({ clock, callsPerSecond, burst: 2 * callsPerSecond }),
    );
    const base = remembered(own, region, () => ownCredentials(region, onCall));
    const credentials =
      assumeRole === undefined ? base : assumedCredentials(base, { ...connection, assumeRole }, onCall);
    const breaker = new CircuitBreaker({ clock });
    const s3Limit = new RateLimit({ clock, callsPerSecond, burst: 2 * callsPerSecond });
    return awsAccount(awsClients(region, credentials), { accountId, limit, s3Limit, breaker, fence, onCall });
  };
  return {
    of: (connection) => {
      const { accountId, region, assumeRole } = connection;
      const key = JSON.stringify([accountId, region, assumeRole?.roleArn, assumeRole?.externalId]);
      return remembered(accounts, key, () => connect(connection));
    },
    rates: () => new Map([...limits].map(([accountId, limit]) => [accountId, limit.state])),
  };
}

function remembered<Key, Value>(values: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = values.get(key) ?? make();
  values.set(key, value);
  return value;
}

interface Parts {
  readonly accountId: AccountId;
  readonly limit: RateLimit;
  /** S3 throttles on its own: a bucket that is busy says nothing about IAM. */
  readonly s3Limit: RateLimit;
  readonly breaker: CircuitBreaker;
  readonly fence: () => void;
  readonly onCall: (call: AwsCall) => void;
}

function awsAccount({ sts, iam, backgroundIam }: AwsClients, { onCall, s3Limit, ...parts }: Parts): AwsAccount {
  const { breaker } = parts;
  sts.middlewareStack.add(tellCalls('sts', onCall), { step: 'initialize', name: 'tellCalls' });
  const session = new Session({
    breaker,
    accessKey: ({ forceRefresh }) => sts.config.credentials({ forceRefresh }),
    callerArn: () => callerArn(sts),
  });
  const gate = new CallGate({ ...parts, session });
  const through = (client: IAMClient, priority: Priority): Iam => {
    client.middlewareStack.add(gateCalls(gate, priority), { step: 'initialize', priority: 'high', name: 'gateCalls' });
    client.middlewareStack.add(tellCalls('iam', onCall), { step: 'initialize', name: 'tellCalls' });
    client.middlewareStack.add(fenceWrites(parts.fence), { step: 'deserialize', priority: 'low', name: 'fenceWrites' });
    return { roles: awsRoles(client), oidcProviders: awsOidcProviders(client), inventory: awsInventory(client) };
  };
  const s3Gate = new CallGate({ ...parts, limit: s3Limit, session });
  const s3 = s3Clients(sts.config.credentials, (client) => {
    client.middlewareStack.add(gateCalls(s3Gate, 'user'), { step: 'initialize', priority: 'high', name: 'gateCalls' });
    client.middlewareStack.add(tellCalls('s3', onCall), { step: 'initialize', name: 'tellCalls' });
    client.middlewareStack.add(fenceWrites(parts.fence), { step: 'deserialize', priority: 'low', name: 'fenceWrites' });
  });
  return {
    ...through(iam, 'user'),
    background: through(backgroundIam, 'background'),
    bucket: (address) => awsBucketObjects(() => s3(address.region), address),
    caller: (signal) =>
      classify('GetCallerIdentity', 'as the operator', async () => {
        const isProbe = breaker.isOpen;
        breaker.enter();
        if (isProbe) session.forget();
        return (await session.identity(signal)).caller;
      }),
  };
}

async function callerArn(sts: STSClient): Promise<string> {
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  if (Arn === undefined) throw noAnswer('GetCallerIdentity', 'as the operator', 200);
  return Arn;
}

/** Fails with WrongAccount when the credentials belong to another account than the provider's. No call but the cached STS one. */
export async function requireAccount(account: AwsAccount, expected: string, signal: AbortSignal): Promise<Caller> {
  const caller = await account.caller(signal);
  checkAccount(caller, expected);
  return caller;
}
