import type { Reason } from '../crds/condition.ts';
import type { IssuerUrl } from '../iam/arn.ts';
import { discoveryUrl, jwksUriProblem, parseDiscovery } from './documents.ts';
import { explain } from './explain.ts';
import type { Finding } from './finding.ts';
import { judge, type Judgement, type Observation, type TokenKey } from './judge.ts';
import type { FetchDocument } from './pinned-fetch.ts';

/** The last certificate of a served chain that no public authority has signed. */
export interface Pin {
  /** SHA-1, 40 hex digits. */
  readonly thumbprint: string;
  /** Whether this process was told to trust its authority. */
  readonly isTrustedHere: boolean;
}

/** What the documents of an issuer are worth to AWS. */
export type IssuerVerdict =
  /** `pins`: chains that AWS trusts only by a thumbprint. `notes`: what could be better. */
  | {
      readonly kind: 'usable';
      readonly keyIds: readonly string[];
      readonly pins: readonly Pin[];
      readonly notes: readonly string[];
    }
  /** AWS sees the same, so no token of this cluster can be exchanged. */
  | { readonly kind: 'unusable'; readonly reason: Reason; readonly message: string }
  /** They could not be seen from here; only AWS can tell. */
  | { readonly kind: 'unseen'; readonly reason: Reason; readonly message: string };

/** Fetches what AWS would fetch, without any credentials. */
async function observeIssuer(
  fetchDocument: FetchDocument,
  issuer: IssuerUrl,
  signal: AbortSignal,
): Promise<Observation> {
  const discovery = await fetchDocument(discoveryUrl(issuer), signal);
  const document =
    discovery.kind === 'answered' && discovery.status === 200 ? parseDiscovery(discovery.body) : undefined;
  if (document?.kind !== 'parsed' || jwksUriProblem(document.value.jwks_uri) !== undefined)
    return { discovery, jwks: undefined };
  return { discovery, jwks: await fetchDocument(new URL(document.value.jwks_uri), signal) };
}

/** The gravest finding decides; without one, what could be better is told. Pure. */
export function verdictOf({ findings, keyIds }: Judgement, issuer: IssuerUrl): IssuerVerdict {
  const explained = findings.map((finding) => explain(finding, issuer));
  const failed = explained.find(({ weight }) => weight === 'failure');
  if (failed !== undefined) return { kind: 'unusable', reason: failed.reason, message: failed.message };
  const unseen = explained.find(({ weight }) => weight === 'unseen');
  if (unseen !== undefined) return { kind: 'unseen', reason: unseen.reason, message: unseen.message };
  const pins = findings.flatMap((one) => (one.kind === 'certificate-untrusted' ? [pinOf(one)] : []));
  const notes = new Set(explained.map(({ message }) => message)); // both documents may come from one host
  return { kind: 'usable', keyIds, pins: uniquePins(pins), notes: [...notes] };
}

const pinOf = ({
  topThumbprint: thumbprint,
  isTrustedHere,
}: Extract<Finding, { kind: 'certificate-untrusted' }>): Pin => ({
  thumbprint,
  isTrustedHere,
});

const uniquePins = (pins: readonly Pin[]): readonly Pin[] => [
  ...new Map(pins.map((pin) => [pin.thumbprint, pin])).values(),
];

/** Documents that are fine are asked for at most so often; what is wrong may be mended any moment. */
const FRESH_MS = { usable: 300_000, unusable: 15_000, unseen: 15_000 };

interface Known {
  readonly verdict: IssuerVerdict;
  readonly at: number;
}

export interface IssuerCheckOptions {
  readonly fetchDocument: FetchDocument;
  readonly now: () => Date;
}

/** Looks at issuers as AWS does; remembers what it saw for some minutes. */
export class IssuerCheck {
  readonly #options: IssuerCheckOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: IssuerCheckOptions) {
    this.#options = options;
  }

  /** Never fails but by `signal`: whatever is wrong is a verdict. */
  async verdict(issuer: IssuerUrl, tokenKey: TokenKey, signal: AbortSignal): Promise<IssuerVerdict> {
    const { fetchDocument, now } = this.#options;
    const subject = JSON.stringify([issuer, tokenKey.kid, tokenKey.algorithm]);
    const known = this.#known.get(subject);
    if (known !== undefined && now().getTime() - known.at < FRESH_MS[known.verdict.kind]) return known.verdict;
    const observation = await observeIssuer(fetchDocument, issuer, signal);
    const verdict = verdictOf(judge(observation, issuer, tokenKey), issuer);
    this.#known.clear(); // of a cluster's issuers and keys, only the present one is of interest
    this.#known.set(subject, { verdict, at: now().getTime() });
    return verdict;
  }

  /** Looks anew at the next question. */
  forget(): void {
    this.#known.clear();
  }
}
