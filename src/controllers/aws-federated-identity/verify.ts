import { waiting } from '../../errors.ts';
import type { RoleArn } from '../../iam/arn.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import { requestToken } from '../../kube/service-account-token.ts';
import { judge, type Verdict } from '../../sts/federation-check.ts';
import { sinceMs, untilVerified } from '../../sts/in-place.ts';
import type { Exchange } from '../../sts/token-exchange.ts';
import type { Dependencies } from './dependencies.ts';

export interface VerificationInput {
  readonly identity: AwsFederatedIdentity;
  readonly roleArn: RoleArn;
  /** Its unique id, as IAM says. */
  readonly roleId: string;
  readonly region: string;
  /** When the operator last wrote to the role; undefined: long ago. */
  readonly lastWrite: Date | undefined;
}

const PROVIDER_RETRY_MS = 30_000;

/**
 * Exchanges a real token of the ServiceAccount for credentials of the role, which are dropped at once. Resolves when STS
 * accepts it. Throws Propagating while IAM spreads our last write, else the cause with its remedy.
 */
export async function verifyFederation(
  dependencies: Pick<Dependencies, 'kubernetes' | 'exchange' | 'now'>,
  input: VerificationInput,
  signal: AbortSignal,
): Promise<void> {
  const { kubernetes, exchange, now } = dependencies;
  const { identity, region, roleArn, roleId, lastWrite } = input;
  const { serviceAccount, audience } = identity.spec;
  const name = { namespace: identity.metadata.namespace, name: serviceAccount.name };
  await untilVerified(async () => {
    const token = await requestToken(kubernetes, name, audience, signal);
    const answer = await exchange.exchange(region, roleArn, token, signal);
    return isOfAnother(answer, roleId) ? PREDECESSOR : judge(answer, sinceMs(lastWrite, now()));
  }, signal);
}

/** Whether the credentials are of a role that had the name before. STS does not know yet that it is gone; they prove nothing of the new one. */
const isOfAnother = (answer: Exchange, roleId: string): boolean =>
  answer.kind === 'accepted' && answer.roleId !== undefined && answer.roleId !== roleId;

const PREDECESSOR: Verdict = {
  kind: 'propagating',
  message: 'STS still gives credentials of the role that had this name before; AWS has not told it of the new one yet.',
};

/** What FederationVerified says once STS has taken a token of the ServiceAccount. */
export const PROVEN_BY_TOKEN = 'STS exchanged a token of the ServiceAccount for credentials of the role.';

/** Whether the status says that a token was exchanged for this generation's role, after the last write to it. */
export function isProven({ metadata, status }: AwsFederatedIdentity, roleId: string): boolean {
  const proof = status?.conditions?.find(({ type }) => type === 'FederationVerified');
  const { lastSyncTime = '', lastVerifiedTime = '' } = status ?? {};
  return (
    status?.roleId === roleId &&
    proof?.status === 'True' &&
    proof.message === PROVEN_BY_TOKEN && // another says that --verification was set to less
    proof.observedGeneration === metadata.generation &&
    lastVerifiedTime >= lastSyncTime
  );
}

/** What FederationVerified says in the mode `provider`, where no token of the ServiceAccount is minted. */
export const PROVEN_BY_PROVIDER =
  'The role trusts the ServiceAccount as the spec says, and STS takes tokens of this cluster; no token of this ServiceAccount was exchanged (--verification=provider).';

/** Throws unless STS has taken a token of the operator's own for this generation of the provider. When that changes, the identity is woken. */
export function requireProvenProvider(name: string, provider: AwsOidcProvider | undefined): void {
  const proof = provider?.status?.conditions?.find(({ type }) => type === 'FederationVerified');
  if (proof?.status === 'True' && proof.observedGeneration === provider?.metadata.generation) return;
  throw waiting(
    'ProviderNotReady',
    `AwsOidcProvider "${name}" is not proven yet: ${proof?.message ?? 'STS was not shown a token of this cluster'}`,
    PROVIDER_RETRY_MS,
  );
}
