import type { AwsOidcProviderStatus } from '../../crds/aws-oidc-provider.ts';
import type { IssuerUrl, OidcProviderArn } from '../../iam/arn.ts';
import type { Caller } from '../../iam/account.ts';
import { conditionsOf, contextOf, deletion, stepCondition, summary } from '../../kube/conditions.ts';
import type { AwsOidcProvider } from '../../kube/kinds.ts';
import type { Progress } from '../../kube/progress.ts';

/** The steps of a reconcile in their order; each is a condition. */
export const STEPS = ['Accepted', 'CredentialsValid', 'ProviderReady'] as const;
export type Step = (typeof STEPS)[number];

/** What a reconcile found out, as far as it came. */
export interface Findings {
  readonly issuer?: IssuerUrl;
  readonly caller?: Caller;
  readonly arn?: OidcProviderArn;
  readonly thumbprints?: readonly string[];
  /** The request for a look that this pass answered. */
  readonly handledRequest?: string;
}

/** The status after a reconcile that came as far as `progress` says. Pure: nothing new gives an equal status. */
export function providerStatus(
  provider: AwsOidcProvider,
  progress: Progress<Step>,
  { identities, ...findings }: Findings & { readonly identities: number },
  now: Date,
): AwsOidcProviderStatus {
  const context = contextOf(provider, now);
  const { issuer, caller, arn, thumbprints, handledRequest } = findings;
  const updates = [
    ...[...progress.results].map(([type, result]) => stepCondition(type, result)),
    ...summary(progress.failure, 'Identities can refer to this provider.', context),
  ];
  return {
    ...provider.status,
    observedGeneration: context.generation,
    ...(issuer === undefined ? {} : { issuer }),
    ...(caller === undefined ? {} : { accountId: caller.account, partition: caller.partition }),
    ...(arn === undefined ? {} : { arn }),
    ...(thumbprints === undefined ? {} : { thumbprints: [...thumbprints] }),
    ...(handledRequest === undefined ? {} : { lastHandledReconcileAt: handledRequest }),
    identities,
    conditions: conditionsOf(updates, context),
  };
}

/** Deletion goes on: Ready=False, and what it waits for. */
export function deletingStatus(
  provider: AwsOidcProvider,
  progress: Progress<'Deleted'>,
  now: Date,
): AwsOidcProviderStatus {
  const context = contextOf(provider, now);
  const updates = deletion(progress.failure, 'The OIDC provider is being deleted.');
  return { ...provider.status, observedGeneration: context.generation, conditions: conditionsOf(updates, context) };
}
