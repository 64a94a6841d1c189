import { ReconcileError } from '../../errors.ts';
import type { AwsAccount, AwsAccounts } from '../../iam/account.ts';
import type { AccountId } from '../../iam/arn.ts';
import { awsText } from '../failures.ts';
import { Unseen } from './chain.ts';

/** An AWS account as the person at the terminal sees it. */
export interface AccountView {
  /** Works with the account as that person. Throws Unseen where they have no credentials, another account or too few rights. */
  look<T>(what: string, work: (account: AwsAccount) => Promise<T>): Promise<T>;
}

const HOW =
  "With credentials of the account (AWS_PROFILE, `aws sso login`) doctor looks at this too; STS's answer below tells the most of it anyway.";

/** Failures that say something of the one who looks, and nothing of what is looked at. */
const OF_THE_VIEWER: ReadonlySet<string> = new Set([
  'CredentialsUnavailable',
  'CredentialsExpired',
  'ClockSkew',
  'AccessDenied',
  'AwsUnreachable',
  'Throttled',
]);

export function accountView(
  accounts: Pick<AwsAccounts, 'of'>,
  { accountId, region }: { readonly accountId: AccountId; readonly region: string },
  signal: AbortSignal,
): AccountView {
  const account = accounts.of({ accountId, region });
  return {
    look: async (what, work) => {
      try {
        const caller = await account.caller(signal);
        if (caller.account !== accountId) {
          throw new Unseen(
            `${what} not looked at: your AWS credentials belong to account ${caller.account}, this is ${accountId}. ${HOW}`,
          );
        }
        return await work(account);
      } catch (error) {
        if (!(error instanceof ReconcileError) || !OF_THE_VIEWER.has(error.reason)) throw error;
        const because = error.reason === 'CredentialsUnavailable' ? 'you have no AWS credentials' : awsText(error);
        throw new Unseen(`${what} not looked at: ${because}. ${HOW}`, { cause: error });
      }
    },
  };
}
