import type { AwsFederatedIdentityStatus, Drift } from '../../crds/aws-federated-identity.ts';
import type { RoleReference } from '../../iam/roles.ts';
import {
  conditionsOf,
  type ConditionContext,
  type ConditionUpdate,
  contextOf,
  deletion,
  isOutageOf,
  stepCondition,
  summary,
} from '../../kube/conditions.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import type { Progress } from '../../kube/progress.ts';

/** The steps of a reconcile in their order; each is a condition. */
export const STEPS = ['ResolvedRefs', 'Accepted', 'RoleReady', 'ServiceAccountReady', 'FederationVerified'] as const;
export type Step = (typeof STEPS)[number];

/** What a reconcile found out, as far as it came. */
export interface Findings {
  readonly role?: RoleReference;
  readonly drift?: readonly Drift[];
  readonly tagKeys?: readonly string[];
  /** When this pass changed something in AWS. */
  readonly syncedAt?: Date;
  /** When this pass exchanged a token. */
  readonly verifiedAt?: Date;
  /** What Ready rests on where no token of the ServiceAccount was exchanged. */
  readonly readyBy?: 'provider' | 'nothing';
  /** The request for a look that this pass answered. */
  readonly handledRequest?: string;
}

const MAX_DRIFT = 20;

/** Ready says what it rests on. */
const READY = {
  token: 'Pods of the ServiceAccount get credentials of the role.',
  provider:
    'Pods of the ServiceAccount should get credentials of the role: role, trust policy and OIDC provider are right, and no token of it was exchanged (--verification=provider).',
  nothing: 'Role, trust policy and ServiceAccount are as the spec says; STS was not asked (--verification=off).',
} as const;

/** The status after a reconcile that came as far as `progress` says. Pure: nothing new gives an equal status. */
export function identityStatus(
  identity: AwsFederatedIdentity,
  progress: Progress<Step>,
  findings: Findings,
  now: Date,
): AwsFederatedIdentityStatus {
  const previous = identity.status ?? {};
  const context = contextOf(identity, now);
  const { role, drift = previous.drift ?? [], syncedAt, verifiedAt, handledRequest } = findings;
  return {
    ...previous,
    observedGeneration: context.generation,
    serviceAccount: identity.spec.serviceAccount.name,
    ...(role === undefined ? {} : { roleArn: role.arn, roleId: role.id }),
    ...(findings.tagKeys === undefined ? {} : { tagKeys: [...findings.tagKeys] }),
    ...(syncedAt === undefined ? {} : { lastSyncTime: seconds(syncedAt) }),
    ...(verifiedAt === undefined ? {} : { lastVerifiedTime: seconds(verifiedAt) }),
    ...(handledRequest === undefined ? {} : { lastHandledReconcileAt: handledRequest }),
    driftCount: drift.length,
    drift: drift.slice(0, MAX_DRIFT),
    conditions: conditionsOf(
      conditionUpdates(progress, { drift, readyBy: findings.readyBy }, standing(context, previous, role)),
      context,
    ),
  };
}

/** An outage leaves Ready standing; but what was proven of one role does not stand for another that has taken its place. */
function standing(
  context: ConditionContext,
  { roleId }: AwsFederatedIdentityStatus,
  role: RoleReference | undefined,
): ConditionContext {
  if (role === undefined || role.id === roleId) return context;
  return { ...context, previous: context.previous.filter(({ type }) => type !== 'Ready') };
}

/** Suspended: what was known stays, and Ready says why nothing moves. */
export function suspendedStatus(identity: AwsFederatedIdentity, now: Date): AwsFederatedIdentityStatus {
  const context = contextOf(identity, now);
  const ready = context.previous.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
  const message = 'spec.suspend is true: nothing is written to AWS. Set it to false to go on.';
  const updates: readonly ConditionUpdate[] = [
    { type: 'Ready', status: ready, reason: 'Suspended', message },
    { type: 'Synced', status: 'Unknown', reason: 'Suspended', message },
  ];
  const kept = context.previous.filter(({ type }) => !['Ready', 'Synced', 'Reconciling', 'Stalled'].includes(type));
  const conditions = [...kept, ...conditionsOf(updates, context)].toSorted((a, b) => (a.type < b.type ? -1 : 1));
  return { ...identity.status, observedGeneration: context.generation, conditions };
}

/** Deletion goes on: Ready=False, and what it waits for. */
export function deletingStatus(
  identity: AwsFederatedIdentity,
  progress: Progress<'Deleted'>,
  now: Date,
): AwsFederatedIdentityStatus {
  const context = contextOf(identity, now);
  const updates = deletion(progress.failure, 'The role and what belongs to it are being deleted.');
  return { ...identity.status, observedGeneration: context.generation, conditions: conditionsOf(updates, context) };
}

function conditionUpdates(
  progress: Progress<Step>,
  { drift, readyBy = 'token' }: { readonly drift: readonly Drift[]; readonly readyBy: keyof typeof READY | undefined },
  context: ConditionContext,
): readonly ConditionUpdate[] {
  const { failure, results } = progress;
  const isOutage = failure !== undefined && isOutageOf(failure, context);
  const steps = [...results].map(([type, result]): ConditionUpdate => {
    const before = context.previous.find((condition) => condition.type === type);
    if (!isOutage || result.kind === 'done' || before === undefined) return stepCondition(type, result);
    const { status, message } = before;
    return { type, status, reason: 'Succeeded', message };
  });
  return [...steps, synced(progress, drift, isOutage), ...summary(failure, READY[readyBy], context)];
}

function synced({ results, failure }: Progress<Step>, drift: readonly Drift[], isOutage: boolean): ConditionUpdate {
  const type = 'Synced';
  if (drift.length > 0) {
    const paths = [...new Set(drift.map(({ path }) => path))].join(', ');
    return {
      type,
      status: 'False',
      reason: 'DriftDetected',
      message: `AWS differs from the spec in ${paths}; see status.drift.`,
    };
  }
  if (results.get('RoleReady')?.kind === 'done')
    return { type, status: 'True', reason: 'InSync', message: 'AWS is as the spec says.' };
  if (failure !== undefined && isOutage)
    return { type, status: 'Unknown', reason: failure.reason, message: failure.message };
  return { type, status: 'Unknown', reason: 'Pending', message: 'The role has not been compared with the spec yet.' };
}

const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;
