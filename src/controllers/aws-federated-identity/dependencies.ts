import type { Logger } from 'pino';
import type { Drift } from '../../crds/aws-federated-identity.ts';
import type { AwsAccounts } from '../../iam/account.ts';
import type { KubernetesClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { InjectionTable } from '../../kube/injection-table.ts';
import type { AwsFederatedIdentity, AwsOidcProvider } from '../../kube/kinds.ts';
import type { Progress } from '../../kube/progress.ts';
import type { KubernetesResource, ObjectName } from '../../kube/resource.ts';
import type { TokenExchange } from '../../sts/token-exchange.ts';
import type { AdoptionNotices } from './adoption.ts';
import type { FirstSweeps } from './first-sweeps.ts';
import type { KnownRoles } from './known-roles.ts';
import type { LeftInOrder } from './left-in-order.ts';
import type { Findings, Step } from './status.ts';
import type { VerificationSchedule } from './verification-schedule.ts';

/** The part of an ObjectStore that a reconcile reads. */
export interface Cache<T> {
  get(name: ObjectName): T | undefined;
}

export interface IdentityCache extends Cache<AwsFederatedIdentity> {
  byIndex(index: 'serviceAccount' | 'namespace' | 'provider', value: string): readonly AwsFederatedIdentity[];
}

export interface Dependencies {
  readonly kubernetes: KubernetesClient;
  readonly identities: IdentityCache;
  readonly providers: Cache<AwsOidcProvider>;
  /** Of each only its metadata. */
  readonly serviceAccounts: Cache<KubernetesResource>;
  readonly tables: Cache<InjectionTable>;
  readonly accounts: AwsAccounts;
  readonly knownRoles: KnownRoles;
  readonly firstSweeps: FirstSweeps;
  readonly leftInOrder: LeftInOrder;
  /** Told of drift that was repaired: the fields. */
  readonly events: Pick<EventRecorder, 'record'>;
  readonly onRepair: (identity: AwsFederatedIdentity, drift: readonly Drift[]) => void;
  readonly exchange: TokenExchange;
  /** UID of the kube-system namespace: tells clusters apart in ownership tags. */
  readonly cluster: string;
  readonly settings: {
    /** Whether Ready includes a token exchange for each identity, or rests on that of its provider, or on none. */
    readonly verification: 'token' | 'provider' | 'off';
    /** Namespaces whose pods the admission policies never look at. */
    readonly excludedNamespaces: readonly string[];
    /** Time between two looks at AWS for an object that did not change. */
    readonly resyncIntervalMs: number;
    /** Time between two token exchanges for an identity that did not change, now. */
    readonly verificationIntervalMs: number;
  };
  readonly now: () => Date;
  readonly random: () => number;
}

/** What one reconcile carries along. */
export interface ConvergeContext {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly progress: Progress<Step>;
  readonly schedule: VerificationSchedule;
  readonly notices: AdoptionNotices;
  readonly learn: (findings: Findings) => void;
}
