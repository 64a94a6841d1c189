import { terminal, waiting } from '../../errors.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';

const RETRY_MS = 60_000;

/**
 * Throws a WrongAccount for an identity whose role is in another account than the one of its provider. A provider that was
 * deleted by force and made anew can name another account: a second role there would leave the first one to nobody. The
 * status is good enough for this, as it only ever forbids.
 */
export function requireSameAccount({ spec, metadata, status }: AwsFederatedIdentity, accountId: string): void {
  const account = status?.roleArn?.split(':')[4];
  if (status?.roleArn === undefined || account === accountId) return;
  const what = `IAM role ${status.roleArn} of this identity is in account ${account}, and AwsOidcProvider "${spec.providerRef.name}" is for account ${accountId} now. Nothing is written.`;
  const restore = `Restore a provider for account ${account}`;
  throw metadata.deletionTimestamp === undefined
    ? terminal('WrongAccount', `${what} ${restore}, or delete this identity and create it anew.`)
    : waiting(
        'WrongAccount',
        `${what} ${restore}, or leave the role in AWS: set deletionPolicy: Retain, or the annotation federatedidentity.dev/abandon to its ARN.`,
        RETRY_MS,
      );
}
