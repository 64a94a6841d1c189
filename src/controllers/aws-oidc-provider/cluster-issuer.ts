import type { KubernetesClient } from '../../kube/client.ts';
import type { ObjectName } from '../../kube/resource.ts';
import { requestToken } from '../../kube/service-account-token.ts';
import { issuerOfToken } from '../../oidc/issuer.ts';

/** An issuer changes with the flags of the API server; asked more often, each look would be a request that audit logs keep. */
const MAX_AGE_MS = 3_600_000;

interface Sources {
  readonly kubernetes: KubernetesClient;
  /** The operator's own ServiceAccount. */
  readonly serviceAccount: ObjectName;
  readonly now: () => Date;
}

/** The issuer of this cluster, read from a token that the API server mints: no flag, document or person can name it more surely. */
export class ClusterIssuer {
  readonly #sources: Sources;
  #known: { readonly issuer: string; readonly at: number } | undefined;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Throws TokenRequestFailed, or IssuerMismatch for a token without one. `audience` must be one that the operator may ask for. */
  async read(audience: string, signal: AbortSignal): Promise<string> {
    const { kubernetes, serviceAccount, now } = this.#sources;
    if (this.#known !== undefined && now().getTime() - this.#known.at < MAX_AGE_MS) return this.#known.issuer;
    const issuer = issuerOfToken(await requestToken(kubernetes, serviceAccount, audience, signal));
    this.#known = { issuer, at: now().getTime() };
    return issuer;
  }

  /** Asks anew at the next look. */
  forget(): void {
    this.#known = undefined;
  }
}
