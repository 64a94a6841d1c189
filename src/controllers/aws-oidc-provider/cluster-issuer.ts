import type { KubernetesClient } from '../../kube/client.ts';
import type { ObjectName } from '../../kube/resource.ts';
import { requestToken } from '../../kube/service-account-token.ts';
import { readToken, type TokenFacts } from '../../oidc/issuer.ts';

/** An issuer changes only with the flags of the API server, and each question is a token request that audit logs keep. */
const MAX_AGE_MS = 3_600_000;

interface Sources {
  readonly kubernetes: KubernetesClient;
  /** The operator's own ServiceAccount. */
  readonly serviceAccount: ObjectName;
  readonly now: () => Date;
}

/** The issuer of this cluster, read from a token that the API server mints: flags, documents and people can be wrong about it. */
export class ClusterIssuer {
  readonly #sources: Sources;
  #known: { readonly facts: TokenFacts; readonly at: number } | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Throws TokenRequestFailed, or IssuerMismatch for a token without one. `audience` must be one that the operator may ask for. */
  async read(audience: string, signal: AbortSignal): Promise<string> {
    return (await this.facts(audience, signal)).issuer;
  }

  /** The issuer, and the key that signs tokens now. Fails as `read`. */
  async facts(audience: string, signal: AbortSignal): Promise<TokenFacts> {
    const age = this.#sources.now().getTime() - (this.#known?.at ?? -Infinity);
    return this.#known !== undefined && age < MAX_AGE_MS
      ? this.#known.facts
      : (await this.mint(audience, signal)).facts;
  }

  /** A new token of the operator's own ServiceAccount, for one exchange; what it says is remembered. Fails as `read`. */
  async mint(audience: string, signal: AbortSignal): Promise<{ readonly token: string; readonly facts: TokenFacts }> {
    const { kubernetes, serviceAccount, now } = this.#sources;
    const token = await requestToken(kubernetes, serviceAccount, audience, signal);
    const facts = readToken(token);
    this.#known = { facts, at: now().getTime() };
    return { token, facts };
  }

  /** Asks anew at the next look. */
  forget(): void {
    this.#known = undefined;
  }
}
