import type { AwsAccounts } from '../../iam/account.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import type { AwsFederatedIdentity, AwsOidcProvider, AwsPodInjection } from '../../kube/kinds.ts';
import type { KubernetesResource, ObjectName } from '../../kube/resource.ts';
import type { TokenExchange } from '../../sts/token-exchange.ts';

/** The part of an ObjectStore that a reconcile reads. */
export interface Cache<T> {
  get(name: ObjectName): T | undefined;
}

export interface IdentityCache extends Cache<AwsFederatedIdentity> {
  byIndex(index: 'serviceAccount', value: string): readonly AwsFederatedIdentity[];
}

export interface Dependencies {
  readonly kubernetes: KubernetesClient;
  readonly identities: IdentityCache;
  readonly providers: Cache<AwsOidcProvider>;
  /** Only those that carry the operator's label. */
  readonly serviceAccounts: Cache<KubernetesResource>;
  readonly tables: Cache<AwsPodInjection>;
  readonly accounts: AwsAccounts;
  readonly exchange: TokenExchange;
  /** UID of the kube-system namespace: tells clusters apart in ownership tags. */
  readonly cluster: string;
  readonly settings: {
    /** Whether Ready includes a token exchange for each identity. */
    readonly verification: 'token' | 'off';
    /** Time between two looks at AWS for an object that did not change. */
    readonly resyncIntervalMs: number;
    /** Time between two token exchanges for an identity that did not change. */
    readonly verificationIntervalMs: number;
  };
  readonly now: () => Date;
  readonly random: () => number;
}
