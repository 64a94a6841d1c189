import type { AwsOidcProviderStatus } from '../../crds/aws-oidc-provider.ts';
import type { IssuerUrl, OidcProviderArn } from '../../iam/arn.ts';
import type { Caller } from '../../iam/account.ts';
import {
  type ConditionContext,
  conditionsOf,
  type ConditionUpdate,
  contextOf,
  deletion,
  stepCondition,
  summary,
  wasReady,
} from '../../kube/conditions.ts';
import type { AwsOidcProvider } from '../../kube/kinds.ts';
import type { Progress } from '../../kube/progress.ts';

/** The steps of a reconcile in their order; each is a condition. */
export const STEPS = [
  'Accepted',
  'CredentialsValid',
  'IssuerPublished',
  'IssuerReachable',
  'ProviderReady',
  'FederationVerified',
] as const;
export type Step = (typeof STEPS)[number];

/** The steps that concern a provider: what its spec or the setting leaves out has no condition. */
export function stepsOf(
  { spec: { issuer } }: AwsOidcProvider,
  verification: 'token' | 'provider' | 'off',
): readonly Step[] {
  const without = new Set<Step>([
    ...(issuer?.publish === undefined ? (['IssuerPublished'] as const) : []),
    ...(issuer?.check === 'Skip' ? (['IssuerReachable'] as const) : []),
    ...(verification === 'off' ? (['FederationVerified'] as const) : []),
  ]);
  return STEPS.filter((step) => !without.has(step));
}

/** What a reconcile found out, as far as it came. */
export interface Findings {
  readonly issuer?: IssuerUrl;
  readonly caller?: Caller;
  readonly arn?: OidcProviderArn;
  readonly thumbprints?: readonly string[];
  /** `kid` of each key that the issuer publishes. */
  readonly jwksKeyIds?: readonly string[];
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
  const { issuer, caller, arn, thumbprints, jwksKeyIds, handledRequest } = findings;
  const updates = [
    ...[...progress.results].map(([type, result]) => stepCondition(type, result)),
    ...readiness(progress, context),
  ];
  return {
    ...provider.status,
    observedGeneration: context.generation,
    ...(issuer === undefined ? {} : { issuer }),
    ...(caller === undefined ? {} : { accountId: caller.account, partition: caller.partition }),
    ...(arn === undefined ? {} : { arn }),
    ...(thumbprints === undefined ? {} : { thumbprints: [...thumbprints] }),
    ...(jwksKeyIds === undefined ? {} : { jwksKeyIds: [...jwksKeyIds] }),
    ...(handledRequest === undefined ? {} : { lastHandledReconcileAt: handledRequest }),
    identities,
    conditions: conditionsOf(updates, context),
  };
}

const USABLE = 'Identities can refer to this provider.';

/**
 * A failed publication leaves what was published, and the other steps have shown that AWS can do with it: a provider that
 * was ready stays so.
 */
function readiness(progress: Progress<Step>, context: ConditionContext): readonly ConditionUpdate[] {
  const { results, failure } = progress;
  const others = [...results].filter(([step]) => step !== 'IssuerPublished');
  if (
    failure === undefined ||
    !others.every(([, { kind }]) => kind === 'done' || kind === 'unknown') ||
    !wasReady(context)
  ) {
    return summary(failure, USABLE, context);
  }
  return summary(undefined, `${USABLE} Publishing fails (see IssuerPublished), and what was published stays.`, context);
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
