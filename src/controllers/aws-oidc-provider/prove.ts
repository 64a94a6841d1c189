import { type ReconcileError, retryable } from '../../errors.ts';
import { type AccountId, type IssuerUrl, type Partition, RoleArn } from '../../iam/arn.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import { judge } from '../../sts/federation-check.ts';
import { sinceMs, untilVerified } from '../../sts/in-place.ts';
import type { Exchange, TokenExchange } from '../../sts/token-exchange.ts';
import type { ClusterIssuer } from './cluster-issuer.ts';

export interface ProofInput {
  readonly issuer: ClusterIssuer;
  /** What the OIDC provider was made for. */
  readonly url: IssuerUrl;
  readonly region: string;
  readonly audience: string;
  readonly roleArn: RoleArn;
  /** When the operator last wrote to the OIDC provider; undefined: long ago. */
  readonly lastWrite: Date | undefined;
}

/**
 * Shows STS a token of the operator's own ServiceAccount for a role that does not trust it. STS looks at issuer, keys,
 * times and audience before it looks at the role, so "Not authorized" proves that all of them are right, and any other
 * answer says what is not. Needs no rights and makes nothing. Throws the cause with its remedy.
 */
export async function proveProvider(
  { exchange, now }: { readonly exchange: TokenExchange; readonly now: () => Date },
  { issuer, url, region, audience, roleArn, lastWrite }: ProofInput,
  signal: AbortSignal,
): Promise<void> {
  await untilVerified(async () => {
    const { token, facts } = await issuer.mint(audience, signal);
    if (facts.issuer !== url) throw issuerChanged(facts.issuer, url);
    const answer = await exchange.exchange(region, roleArn, token, signal);
    return isPastTheProvider(answer) ? { kind: 'verified' } : judge(answer, sinceMs(lastWrite, now()));
  }, signal);
}

const isPastTheProvider = (answer: Exchange): boolean =>
  answer.kind === 'refused' && answer.message.startsWith('Not authorized to perform sts:AssumeRoleWithWebIdentity');

const issuerChanged = (found: string, url: string): ReconcileError =>
  retryable(
    'IssuerMismatch',
    `Tokens of this cluster are now issued by ${found}, no longer by ${url}. It is looked at again.`,
  );

/**
 * A role to show the token for: the oldest of an identity of ours, which trusts this provider but not the operator;
 * else one that does not exist, which AWS refuses with the same words.
 */
export function roleToAskFor(
  identities: readonly AwsFederatedIdentity[],
  { partition, account }: { readonly partition: Partition; readonly account: AccountId },
): RoleArn {
  const [oldest] = identities
    .filter(({ status }) => status?.roleArn !== undefined)
    .toSorted((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1));
  return (
    oldest?.status?.roleArn ?? RoleArn.parse(`arn:${partition}:iam::${account}:role/federated-identity-verification`)
  );
}

/** A single refusal may be an issuer that was slow; so many in a row are none. */
const CONFIRMATIONS = 3;
const CONFIRM_MS = 20_000;

interface Proven {
  readonly generation: number | undefined;
  readonly dueAt: number;
  readonly failures: number;
}

/** When each provider is to be proven next, by UID. Lost at a restart, and then each is proven anew. */
export class ProofSchedule {
  readonly #options: { readonly intervalMs: () => number; readonly random: () => number };
  readonly #proven = new Map<string, Proven>();
  readonly #lastWrites = new Map<string, Date>();

  constructor(options: { readonly intervalMs: () => number; readonly random: () => number }) {
    this.#options = options;
  }

  isDue(uid: string, generation: number | undefined, now: Date): boolean {
    const last = this.#proven.get(uid);
    return last === undefined || last.generation !== generation || now.getTime() >= last.dueAt;
  }

  /** Whether it is due within a quarter of its interval: a provider that is looked at anyway is proven in the same go. */
  isSoonDue(uid: string, generation: number | undefined, now: Date): boolean {
    return this.isDue(uid, generation, new Date(now.getTime() + this.#options.intervalMs() / 4));
  }

  /** Milliseconds until the next proof, never less than a second. */
  dueInMs(uid: string, now: Date): number {
    return Math.max(1_000, (this.#proven.get(uid)?.dueAt ?? Infinity) - now.getTime());
  }

  proven(uid: string, generation: number | undefined, now: Date): void {
    const { intervalMs, random } = this.#options;
    this.#proven.set(uid, { generation, dueAt: now.getTime() + intervalMs() * (0.9 + 0.2 * random()), failures: 0 });
  }

  /** Whether a failure is to be told: of what was proven before, not until it has failed several times in a row. */
  failed(uid: string, generation: number | undefined, now: Date): 'told' | 'tried again' {
    const last = this.#proven.get(uid);
    if (last === undefined || last.generation !== generation || last.failures + 1 >= CONFIRMATIONS) {
      this.#proven.delete(uid);
      return 'told';
    }
    this.#proven.set(uid, { ...last, dueAt: now.getTime() + CONFIRM_MS, failures: last.failures + 1 });
    return 'tried again';
  }

  /** Due at the next look. */
  expire(uid: string): void {
    this.#proven.delete(uid);
  }

  /** The OIDC provider is about to change: what was proven is no longer, and STS may learn of it late. */
  wrote(uid: string, now: Date): void {
    this.expire(uid);
    this.#lastWrites.set(uid, now);
  }

  lastWrite(uid: string): Date | undefined {
    return this.#lastWrites.get(uid);
  }

  forget(uid: string): void {
    this.expire(uid);
    this.#lastWrites.delete(uid);
  }
}
