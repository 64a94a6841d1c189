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

/** Credentials of a role that had the name before: STS has not been told yet that it is gone, and proves nothing of its successor. */
const isOfAnother = (answer: Exchange, roleId: string): boolean =>
  answer.kind === 'accepted' && answer.roleId !== undefined && answer.roleId !== roleId;

const PREDECESSOR: Verdict = {
  kind: 'propagating',
  message: 'STS still gives credentials of the role that had this name before; AWS has not told it of the new one yet.',
};

/** What FederationVerified says in the mode `provider`, where no token of the ServiceAccount is minted. */
export const PROVEN_BY_PROVIDER =
  'The role trusts the ServiceAccount as the spec says, and STS takes tokens of this cluster; no token of this ServiceAccount was exchanged (--verification=provider).';

/** Throws unless STS has taken a token of the operator's own for this generation of the provider. Its change wakes the identity. */
export function requireProvenProvider(name: string, provider: AwsOidcProvider | undefined): void {
  const proof = provider?.status?.conditions?.find(({ type }) => type === 'FederationVerified');
  if (proof?.status === 'True' && proof.observedGeneration === provider?.metadata.generation) return;
  throw waiting(
    'ProviderNotReady',
    `AwsOidcProvider "${name}" is not proven yet: ${proof?.message ?? 'STS was not shown a token of this cluster'}`,
    PROVIDER_RETRY_MS,
  );
}

/** Remembers when each identity was last verified, so that unchanged ones are looked at again rarely and not all at once. */
export class VerificationSchedule {
  readonly #intervalMs: () => number;
  readonly #random: () => number;
  readonly #last = new Map<string, number>();

  constructor(intervalMs: () => number, random: () => number) {
    this.#intervalMs = intervalMs;
    this.#random = random;
  }

  /** After a start, each identity is given a random age, which spreads the work over the interval. */
  isDue(uid: string, now: Date): boolean {
    const last = this.#last.get(uid) ?? now.getTime() - this.#random() * this.#intervalMs();
    this.#last.set(uid, last);
    return now.getTime() - last >= this.#intervalMs();
  }

  verified(uid: string, now: Date): void {
    this.#last.set(uid, now.getTime());
  }

  /** Due at the next look, whenever it was last verified. */
  expire(uid: string): void {
    this.#last.set(uid, -Infinity);
  }

  forget(uid: string): void {
    this.#last.delete(uid);
  }
}
