import type { AwsAccounts } from '../../iam/account.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import type { ObjectName } from '../../kube/resource.ts';
import type { FetchDocument } from '../../oidc/pinned-fetch.ts';
import type { TokenExchange } from '../../sts/token-exchange.ts';

export interface Dependencies {
  readonly kubernetes: KubernetesClient;
  readonly providers: { get(name: ObjectName): AwsOidcProvider | undefined };
  readonly identities: { byIndex(index: 'provider', value: string): readonly AwsFederatedIdentity[] };
  readonly accounts: AwsAccounts;
  /** Gets a document of an issuer as AWS does. */
  readonly fetchDocument: FetchDocument;
  readonly exchange: TokenExchange;
  readonly events: Pick<EventRecorder, 'record'>;
  /** UID of the kube-system namespace: tells clusters apart in ownership tags. */
  readonly cluster: string;
  /** The operator's own ServiceAccount, of which a token is minted to learn the issuer. */
  readonly serviceAccount: ObjectName;
  readonly settings: {
    /** Time between two looks at AWS for a provider that did not change. */
    readonly resyncIntervalMs: number;
    /** Whether STS is shown a token of the operator's own ServiceAccount: not where it is off. */
    readonly verification: 'token' | 'provider' | 'off';
    /** Time between two of these proofs. */
    readonly providerVerificationIntervalMs: number;
    /** How old IAM's answers can be. */
    readonly consistencyWindowMs: number;
  };
  readonly now: () => Date;
  readonly random: () => number;
}
