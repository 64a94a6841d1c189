import { type AwsAccount, type AwsAccounts, awsAccounts, type Caller } from '../iam/account.ts';
import { asPerson, CliError } from './failures.ts';
import type { ProviderFacts } from './policy-source.ts';

/** AWS with the credentials of the person who runs a command. A `refusal` makes every write fail with it, whatever goes wrong. */
export const ownAccounts = (refusal?: string): AwsAccounts =>
  awsAccounts({
    onCall: () => {},
    callsPerSecond: 10,
    fence: () => {
      if (refusal !== undefined) throw new CliError(refusal);
    },
  });

/** Who calls. Throws a CliError unless the credentials are of the provider's account. */
export async function ownCaller(
  account: AwsAccount,
  { name, spec: { accountId } }: Pick<ProviderFacts, 'name' | 'spec'>,
  signal: AbortSignal,
): Promise<Caller> {
  const caller = await asPerson(() => account.caller(signal));
  if (caller.account === accountId) return caller;
  throw new CliError(
    `your AWS credentials (${caller.arn}) belong to account ${caller.account}, but AwsOidcProvider "${name}" to ${accountId}: use credentials of that account, for example by AWS_PROFILE`,
  );
}
