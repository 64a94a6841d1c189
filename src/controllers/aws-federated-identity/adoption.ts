import { isDeepStrictEqual } from 'node:util';
import { terminal, waiting } from '../../errors.ts';
import type { Role } from '../../iam/roles.ts';
import type { AwsFederatedIdentity } from '../../kube/kinds.ts';
import type { Desired } from './desired.ts';
import type { RolePlan } from './plan.ts';
import type { Findings } from './status.ts';

type ApplyPlan = Extract<RolePlan, { kind: 'apply' }>;

/** Time between showing what an adoption changes and doing it, in which its author can still stop it. */
const NOTICE_MS = 10_000;

interface Notice {
  readonly since: number;
  readonly actions: ApplyPlan['actions'];
}

/** When each adoption was announced in status. Lost at a restart: then it is announced anew. */
export class AdoptionNotices {
  readonly #notices = new Map<string, Notice>();

  /** Milliseconds that are left of the notice for this generation; begins it at the first call, and anew for another plan. */
  remaining(
    { metadata: { uid = '', generation } }: AwsFederatedIdentity,
    actions: ApplyPlan['actions'],
    now: Date,
  ): number {
    const key = `${uid}/${generation}`;
    const known = this.#notices.get(key);
    const isSame = known !== undefined && isDeepStrictEqual(known.actions, actions);
    const notice = isSame ? known : { since: now.getTime(), actions };
    this.#notices.set(key, notice);
    return notice.since + NOTICE_MS - now.getTime();
  }
}

interface AdoptionContext {
  readonly notices: AdoptionNotices;
  readonly learn: (findings: Findings) => void;
  readonly now: Date;
}

/** Throws for the adoption of a role that is not there: none is made in its place. */
export function requireRoleToAdopt(
  { adoption, role }: Pick<Desired, 'adoption' | 'role'>,
  observed: Role | undefined,
): void {
  if (adoption === undefined || observed !== undefined) return;
  throw terminal(
    'AdoptionRefused',
    `IAM role ${role.name} does not exist. Remove spec.adopt to have it created, or correct spec.role.name.`,
  );
}

/** Throws until the plan of an adoption has been in status.drift for long enough. A role that is ours already passes. */
export function announceAdoption(
  identity: AwsFederatedIdentity,
  { actions, adopts, drift, name }: ApplyPlan,
  { notices, learn, now }: AdoptionContext,
): void {
  if (!adopts) return;
  const remainingMs = notices.remaining(identity, actions, now);
  if (isAnnounced(identity) && remainingMs <= 0) return;
  learn({ drift });
  throw waiting(
    'AdoptionPending',
    `IAM role ${name} will be adopted in ${NOTICE_MS / 1000} seconds: status.drift shows what changes. Set spec.suspend to true to stop it.`,
    Math.max(remainingMs, 100),
  );
}

const isAnnounced = ({ metadata, status }: AwsFederatedIdentity): boolean =>
  status?.conditions?.some(
    ({ type, reason, observedGeneration }) =>
      type === 'RoleReady' && reason === 'AdoptionPending' && observedGeneration === metadata.generation,
  ) === true;
